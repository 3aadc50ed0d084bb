// Where lines go. A sink tells how many lines it has lost, and never fails: a full disk or a
// reader that is gone is no reason to stop serving.

/** What takes the lines of the log. */
export interface LineSink {
  /**
   * Takes whole lines, each with its line end. The next call comes once this one has resolved.
   *
   * @returns How many of the lines are lost, which are always the last ones.
   */
  write(lines: string): Promise<number>;
}

/** What bytes are written to: standard output, or an open file. */
export interface ByteTarget {
  /** Writes bytes, perhaps not all of them; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

const LF = 0x0a;

const utf8 = new TextEncoder();

/** Writes lines to something that takes bytes, and keeps lines apart where it fails within one. */
export class LineWriter implements LineSink {
  readonly #target: ByteTarget;
  #isTorn: boolean;

  /**
   * @param target What takes the bytes.
   * @param isTorn Whether what is there already ends within a line.
   */
  constructor(target: ByteTarget, isTorn = false) {
    this.#target = target;
    this.#isTorn = isTorn;
  }

  /** A line that could be written only in part counts as lost; the next one begins below it. */
  async write(lines: string): Promise<number> {
    const bytes = utf8.encode(this.#isTorn ? `\n${lines}` : lines);
    let at = 0;
    try {
      while (at < bytes.length) {
        const count = await this.#target.write(bytes.subarray(at));
        if (count === 0) throw new Error("The target takes no bytes");
        at += count;
      }
    } catch {
      // What is lost is counted below.
    }
    if (at > 0) this.#isTorn = bytes[at - 1] !== LF;
    return countLines(bytes.subarray(at)) - (this.#isTorn && at === 0 ? 1 : 0);
  }
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === LF) count++;
  return count;
}
