// Writes a file in large pieces, however small those are that come in: content in chunks of one
// byte would cost a system call for each. While one piece is written, the next one gathers.

import {
  acquireDoubleBuffer,
  type DoubleBuffer,
  releaseDoubleBuffer,
  SMALL_BUFFER,
} from "./double_buffer.ts";

/** Writes to an open file, which stays open. */
export class BufferedWriter {
  readonly #file: Deno.FsFile;
  #filling: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Large memory, once it has turned out that the content is worth it. */
  #buffers: DoubleBuffer | null = null;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param file An open file, written from where it stands.
   * @param length How many bytes there will be, where that is known.
   */
  constructor(file: Deno.FsFile, length: number | null) {
    this.#file = file;
    this.#filling = new Uint8Array(Math.min(length ?? SMALL_BUFFER, SMALL_BUFFER));
  }

  /** Takes bytes over: they may change once this has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#length === this.#filling.length) await this.#next();
      const piece = bytes.subarray(at, at + this.#filling.length - this.#length);
      this.#filling.set(piece, this.#length);
      this.#length += piece.length;
      at += piece.length;
    }
  }

  /** Sends the gathered bytes off, and goes on with other memory. */
  async #next(): Promise<void> {
    await this.#writing;
    const full = this.#filling.subarray(0, this.#length);
    this.#length = 0;
    this.#buffers ??= acquireDoubleBuffer();
    this.#writing = this.#writeAll(full);
    if (this.#buffers === null) return await this.#writing;
    this.#writing.catch(() => {}); // Whoever waits for it next is told.
    const [one, other] = this.#buffers;
    this.#filling = this.#filling === one ? other : one;
  }

  /** Writes what has been gathered. */
  async flush(): Promise<void> {
    await this.#writing;
    const bytes = this.#filling.subarray(0, this.#length);
    this.#length = 0;
    await this.#writeAll(bytes);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
  }

  /** Lets the memory go, written or not. The file is not written to any more then. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {});
    if (this.#buffers !== null) releaseDoubleBuffer(this.#buffers);
    this.#buffers = null;
    this.#filling = new Uint8Array(0);
  }
}
