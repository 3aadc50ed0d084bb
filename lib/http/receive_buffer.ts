// The growing Uint8Array of one connection: octets come in at its end and are consumed at its
// start. It grows by what has arrived, never by what was announced, and a view into it lives
// until the next read.

/** Octets that a new connection holds: simple heads fit, and the idle ones are cheap. */
const INITIAL_SIZE = 512;

/** Octets that a connection keeps once it has needed them: most heads fit. */
const KEPT_SIZE = 4096;

/** A queue of octets in one contiguous piece of memory. */
export class ReceiveBuffer {
  #octets: Uint8Array<ArrayBuffer> = new Uint8Array(INITIAL_SIZE);
  #start = 0;
  #end = 0;

  /** The memory: valid from {@linkcode start} to {@linkcode end}. */
  get octets(): Uint8Array<ArrayBuffer> {
    return this.#octets;
  }

  /** The offset of the first octet not consumed yet. */
  get start(): number {
    return this.#start;
  }

  /** The offset after the last octet received. */
  get end(): number {
    return this.#end;
  }

  /** How many octets wait to be consumed. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Drops the first `count` octets. */
  consume(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** Consumes up to `count` octets and gives them as a view. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const start = this.#start;
    const end = Math.min(this.#end, start + count);
    this.consume(end - start);
    return this.#octets.subarray(start, end);
  }

  /**
   * Room to read into, behind the octets that there are; what was read is announced by
   * {@linkcode commit}. Views that were taken before lose their meaning.
   *
   * @param capacity Octets that the memory should at least hold in all.
   */
  room(capacity: number = INITIAL_SIZE): Uint8Array<ArrayBuffer> {
    const isFull = this.length === this.#octets.length;
    const size = isFull ? Math.max(capacity, 2 * this.length) : capacity;
    if (size > this.#octets.length) this.#moveTo(new Uint8Array(size));
    else if (this.#start > 0) this.#moveTo(this.#octets);
    return this.#end === 0 ? this.#octets : this.#octets.subarray(this.#end);
  }

  /** Gives back, once nothing waits in it, the memory that content has needed. */
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

  /** Takes note of `count` octets read into the {@linkcode room}. */
  commit(count: number): void {
    this.#end += count;
    // There is more where these came from.
    const isFilled = this.#end === this.#octets.length;
    if (isFilled && this.#end < KEPT_SIZE) this.#moveTo(new Uint8Array(2 * this.#end));
  }
}
