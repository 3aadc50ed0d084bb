// Buffers that are used again and again: allocating 150 bytes costs a microsecond.

type Buffer = Uint8Array<ArrayBuffer>;

/** Buffers of one size. */
export class BufferPool {
  /** Bytes of each buffer. */
  readonly size: number;
  readonly #maxFree: number;
  readonly #free: Buffer[] = [];
  #inUse = 0;

  /** @param maxFree Unused buffers that are kept at most. */
  constructor(size: number, maxFree: number) {
    this.size = size;
    this.#maxFree = maxFree;
  }

  /** Buffers that have been acquired and not released. */
  get inUse(): number {
    return this.#inUse;
  }

  /** A buffer, whose content is undefined. */
  acquire(): Buffer {
    this.#inUse++;
    return this.#free.pop() ?? new Uint8Array(this.size);
  }

  /** Takes a buffer back, once it is neither read nor written any more. */
  release(buffer: Buffer): void {
    this.#inUse--;
    if (this.#free.length < this.#maxFree) this.#free.push(buffer);
  }
}
