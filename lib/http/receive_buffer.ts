// The growing Uint8Array of one connection. It grows with what arrives, not with what is declared.

/** Octets of a new connection's buffer: simple heads fit, and idle connections stay cheap. */
const INITIAL_SIZE = 512;

/** Octets of the largest buffer that is kept between requests: most heads fit. */
const KEPT_SIZE = 4096;

/** A queue of octets in one contiguous piece of memory. */
export class ReceiveBuffer {
  #octets: Uint8Array<ArrayBuffer> = new Uint8Array(INITIAL_SIZE);
  #start = 0;
  #end = 0;

  /** The memory, with unconsumed octets from {@linkcode start} to {@linkcode end}. */
  get octets(): Uint8Array<ArrayBuffer> {
    return this.#octets;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** The number of unconsumed octets. */
  get length(): number {
    return this.#end - this.#start;
  }

  consume(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** Consumes up to `count` octets and returns a view of them, valid until the next read. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const start = this.#start;
    const end = Math.min(this.#end, start + count);
    this.consume(end - start);
    return this.#octets.subarray(start, end);
  }

  /**
   * Free memory to read into, in a buffer of at least `capacity` octets. Earlier views become
   * invalid.
   */
  room(capacity: number = INITIAL_SIZE): Uint8Array<ArrayBuffer> {
    const isFull = this.length === this.#octets.length;
    const size = isFull ? Math.max(capacity, 2 * this.length) : capacity;
    if (size > this.#octets.length) this.#moveTo(new Uint8Array(size));
    else if (this.#start > 0) this.#moveTo(this.#octets);
    return this.#end === 0 ? this.#octets : this.#octets.subarray(this.#end);
  }

  /** Releases a large buffer if it is empty. */
  shrink(): void {
    if (this.length === 0 && this.#octets.length > KEPT_SIZE) {
      this.#octets = new Uint8Array(INITIAL_SIZE);
    }
  }

  #moveTo(memory: Uint8Array<ArrayBuffer>): void {
    memory.set(this.#octets.subarray(this.#start, this.#end));
    this.#octets = memory;
    this.#end -= this.#start;
    this.#start = 0;
  }

  /** Adds `count` octets that were read into the {@linkcode room}. */
  commit(count: number): void {
    this.#end += count;
    // A read that fills the buffer is seldom the last one: the next should not be as small.
    const isFilled = this.#end === this.#octets.length;
    if (isFilled && this.#end < KEPT_SIZE) this.#moveTo(new Uint8Array(2 * this.#end));
  }
}
