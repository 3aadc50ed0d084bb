// Content that is coded on its way, one piece at a time: the next piece of the source is asked
// for only when all that the last one has become has been taken.

import { type Content, pieces } from "./content.ts";

/** The formats of CompressionStream that are content codings. */
export type Format = "gzip" | "brotli";

/**
 * How many contents are coded on their way at a time. Each takes megabytes of the coding's own
 * while its reader dawdles (gzip two, brotli eight): what comes beyond is sent as it is.
 */
const MAX_CONCURRENT = 32;

let active = 0;

/** Whether one more content can be coded on its way now. */
export function hasCapacity(): boolean {
  return active < MAX_CONCURRENT;
}

/** A content in a coding. Its length is known only at its end. */
export class CompressedContent implements Content {
  readonly length = null;
  readonly #source: Content;
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #hasEnded = false;
  #isClosed = false;

  /**
   * @param source What is coded; it is closed with this.
   * @param format The coding.
   */
  constructor(source: Content, format: Format) {
    active++;
    const { writable, readable } = new CompressionStream(format);
    this.#source = source;
    this.#writer = writable.getWriter();
    this.#reader = readable.getReader();
  }

  async read(): Promise<Uint8Array | null> {
    let isRead = false;
    const coded = this.#reader.read().finally(() => isRead = true);
    try {
      while (!isRead && !this.#hasEnded) await this.#feed();
      const { done, value } = await coded;
      return done ? null : value;
    } catch (error) {
      coded.catch(() => {}); // What has failed is told once, by the source.
      throw error;
    }
  }

  async #feed(): Promise<void> {
    const piece = await this.#source.read();
    this.#hasEnded = piece === null;
    if (piece !== null) await this.#writer.write(piece.slice());
    else await this.#writer.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    active--;
    this.#source.close();
    // Whoever closes wants no more of it: that the coding is incomplete is no news.
    this.#writer.abort().catch(() => {});
    this.#reader.cancel().catch(() => {});
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}
