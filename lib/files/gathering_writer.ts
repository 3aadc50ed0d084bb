// Writes a file in large pieces, however small those are that come in: content in chunks of one
// octet would cost a system call for each.

/** Octets that are gathered before they are written: 64 KiB, one piece of a file. */
const CAPACITY = 65536;

/** Writes to an open file, which stays open. */
export class GatheringWriter {
  readonly #file: Deno.FsFile;
  #gathered: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;

  /** @param file An open file, written from where it stands. */
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Takes octets over: they may change once this has resolved. */
  async write(octets: Uint8Array): Promise<void> {
    if (this.#length + octets.length > CAPACITY) await this.flush();
    if (octets.length > CAPACITY / 2) {
      await this.flush();
      return await this.#writeAll(octets);
    }
    this.#gathered ??= new Uint8Array(CAPACITY);
    this.#gathered.set(octets, this.#length);
    this.#length += octets.length;
  }

  /** Writes what has been gathered. */
  async flush(): Promise<void> {
    const length = this.#length;
    this.#length = 0;
    if (this.#gathered !== null) await this.#writeAll(this.#gathered.subarray(0, length));
  }

  async #writeAll(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.#file.write(octets.subarray(at));
  }
}
