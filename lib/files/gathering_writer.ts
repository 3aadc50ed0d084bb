// Writes a file in large pieces, however small those are that come in: content in chunks of one
// octet would cost a system call for each. While one piece is written, the next one gathers.

import { giveBackPair, type PiecePair, SMALL_PIECE, takePair } from "./piece_memory.ts";

/** Writes to an open file, which stays open. */
export class GatheringWriter {
  readonly #file: Deno.FsFile;
  #gathered: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Large memory, once it has turned out that the content is worth it. */
  #pair: PiecePair | null = null;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param file An open file, written from where it stands.
   * @param length How many octets there will be, where that is known.
   */
  constructor(file: Deno.FsFile, length: number | null) {
    this.#file = file;
    this.#gathered = new Uint8Array(Math.min(length ?? SMALL_PIECE, SMALL_PIECE));
  }

  /** Takes octets over: they may change once this has resolved. */
  async write(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) {
      if (this.#length === this.#gathered.length) await this.#next();
      const piece = octets.subarray(at, at + this.#gathered.length - this.#length);
      this.#gathered.set(piece, this.#length);
      this.#length += piece.length;
      at += piece.length;
    }
  }

  /** Sends the gathered octets off, and goes on with other memory. */
  async #next(): Promise<void> {
    await this.#writing;
    const full = this.#gathered.subarray(0, this.#length);
    this.#length = 0;
    this.#pair ??= takePair();
    this.#writing = this.#writeAll(full);
    if (this.#pair === null) return await this.#writing;
    this.#writing.catch(() => {}); // Whoever waits for it next is told.
    const [one, other] = this.#pair;
    this.#gathered = this.#gathered === one ? other : one;
  }

  /** Writes what has been gathered. */
  async flush(): Promise<void> {
    await this.#writing;
    const octets = this.#gathered.subarray(0, this.#length);
    this.#length = 0;
    await this.#writeAll(octets);
  }

  async #writeAll(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.#file.write(octets.subarray(at));
  }

  /** Lets the memory go, written or not. The file is not written to any more then. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {});
    if (this.#pair !== null) giveBackPair(this.#pair);
    this.#pair = null;
    this.#gathered = new Uint8Array(0);
  }
}
