// A log file that other programs may rotate. No line is lost or split when it is opened again.

import { withLock } from "../files/lock.ts";
import { type LineSink, LineWriter } from "./sink.ts";

/** Others cannot read the log: it has addresses of clients. */
const MODE = 0o640;

const LF = 0x0a;

/** A file that lines are appended to. */
export class LogFile implements LineSink {
  readonly #path: string;
  #file: Deno.FsFile;
  #writer: LineWriter;
  /** Writes, and changes of the file, run one at a time. */
  readonly #lock = `log file ${crypto.randomUUID()}`;

  private constructor(path: string, file: Deno.FsFile, isTorn: boolean) {
    this.#path = path;
    this.#file = file;
    this.#writer = new LineWriter(file, isTorn);
  }

  /** Opens a file for appending, or creates it. It throws what `Deno.open` throws. */
  static async open(path: string): Promise<LogFile> {
    return new LogFile(path, ...await openFile(path));
  }

  write(lines: string): Promise<number> {
    return withLock(this.#lock, () => this.#writer.write(lines));
  }

  /** Opens the path again after the current write. If that throws, the old file stays in use. */
  reopen(): Promise<void> {
    return withLock(this.#lock, async () => {
      const [file, isTorn] = await openFile(this.#path);
      this.#file.close();
      this.#file = file;
      this.#writer = new LineWriter(file, isTorn);
    });
  }

  close(): Promise<void> {
    return withLock(this.#lock, () => Promise.resolve(this.#file.close()));
  }
}

async function openFile(path: string): Promise<[file: Deno.FsFile, isTorn: boolean]> {
  const file = await Deno.open(path, { append: true, create: true, mode: MODE });
  return [file, await isTorn(path)];
}

/** Whether a file ends without a line end: the disk was full, or the power failed. */
async function isTorn(path: string): Promise<boolean> {
  try {
    // FsFile.stat() would need the permission to read the real path.
    const { isFile, size } = await Deno.stat(path);
    if (!isFile || size === 0) return false; // A pipe has no end.
    using reader = await Deno.open(path);
    await reader.seek(-1, Deno.SeekMode.End);
    const last = new Uint8Array(1);
    return await reader.read(last) === 1 && last[0] !== LF;
  } catch {
    return false; // A log may be writable and not readable.
  }
}
