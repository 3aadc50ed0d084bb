// Where lines go. A sink counts lost lines: a full disk or a closed pipe must not stop the server.

/** A destination of lines. */
export interface LineSink {
  /** Writes whole lines, one call at a time. Returns how many are lost, always the last ones. */
  write(lines: string): Promise<number>;
}

/** Standard output, or an open file. */
export interface ByteTarget {
  /** Writes bytes, perhaps not all of them; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

const LF = 0x0a;

const utf8 = new TextEncoder();

/** Writes lines as bytes, and begins a new line after one that was written in part. */
export class LineWriter implements LineSink {
  readonly #target: ByteTarget;
  #isTorn: boolean;

  /** @param isTorn Whether the last line of the target has no line end. */
  constructor(target: ByteTarget, isTorn = false) {
    this.#target = target;
    this.#isTorn = isTorn;
  }

  /** A line that was written in part counts as lost. */
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
