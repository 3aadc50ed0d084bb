// A log in a file that somebody else may move away: after `reopen` (for SIGHUP) lines go to the
// file that the path leads to then. No line is lost or torn by that.

import { type LineSink, LineWriter } from "./sink.ts";

/** The owner writes, the group reads: a log tells who has asked for what. */
const MODE = 0o640;

const LF = 0x0a;

/** A file that lines are appended to. */
export class LogFile implements LineSink {
  readonly #path: string;
  #file: Deno.FsFile;
  #writer: LineWriter;
  /** The end of what has been asked for so far: writes and changes of the file take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, file: Deno.FsFile, isTorn: boolean) {
    this.#path = path;
    this.#file = file;
    this.#writer = new LineWriter(file, isTorn);
  }

  /**
   * Opens a file for appending, and makes it where it is not there.
   *
   * @throws what `Deno.open` throws.
   */
  static async open(path: string): Promise<LogFile> {
    return new LogFile(path, ...await openFile(path));
  }

  write(lines: string): Promise<number> {
    return this.#takeTurn(() => this.#writer.write(lines));
  }

  /**
   * Opens the file of the path anew, once the write under way has ended in the old one.
   *
   * @throws what `Deno.open` throws; lines go to the old file then.
   */
  reopen(): Promise<void> {
    return this.#takeTurn(async () => {
      const [file, isTorn] = await openFile(this.#path);
      this.#file.close();
      this.#file = file;
      this.#writer = new LineWriter(file, isTorn);
    });
  }

  /** Closes the file once the write under way has ended. */
  close(): Promise<void> {
    return this.#takeTurn(() => Promise.resolve(this.#file.close()));
  }

  #takeTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(action);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

async function openFile(path: string): Promise<[file: Deno.FsFile, isTorn: boolean]> {
  const file = await Deno.open(path, { append: true, create: true, mode: MODE });
  return [file, await isTorn(path)];
}

/** Whether a file ends within a line: the disk was full, or the power gone, in the midst of it. */
async function isTorn(path: string): Promise<boolean> {
  try {
    // Not by the open file: Deno would ask for the permission to read its real path.
    const { isFile, size } = await Deno.stat(path);
    if (!isFile || size === 0) return false; // A pipe has no end that could be looked at.
    using reader = await Deno.open(path);
    await reader.seek(-1, Deno.SeekMode.End);
    const last = new Uint8Array(1);
    return await reader.read(last) === 1 && last[0] !== LF;
  } catch {
    return false; // It may be written to, but not read. That is enough for a log.
  }
}
