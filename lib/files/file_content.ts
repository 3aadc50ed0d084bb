// A file as the content of a response: one piece in memory at a time, and just as many octets
// as the file had when it was opened, whatever happens to it meanwhile.

import { type Content, pieces } from "../http/content.ts";

/** Octets read at a time: 64 KiB, enough to make the system calls cheap beside the copying. */
const PIECE_SIZE = 65536;

/** The octets of an open file, which is closed with the content. */
export class FileContent implements Content {
  readonly length: number;
  readonly #file: Deno.FsFile;
  #missing: number;
  #piece: Uint8Array | null = null;
  #isOpen = true;

  /**
   * @param file An open file, read from its beginning.
   * @param length Its size in octets.
   */
  constructor(file: Deno.FsFile, length: number) {
    this.#file = file;
    this.length = this.#missing = length;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#missing === 0) return null;
    this.#piece ??= new Uint8Array(Math.min(PIECE_SIZE, this.length));
    const count = await this.#file.read(this.#piece.subarray(0, this.#missing));
    if (count === null) throw new Error("The file has been cut while it was sent");
    this.#missing -= count;
    return this.#piece.subarray(0, count);
  }

  close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}
