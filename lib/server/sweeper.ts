// One timer for all deadlines of a server. Setting and clearing one costs a microsecond, which
// every wait would pay; a deadline that is kept to within a quarter of a second is as good.

/** Milliseconds between two sweeps. */
const INTERVAL = 250;

/** Milliseconds that pass from one sweep to the next at the most. */
export const LONGEST_STEP: number = 2 * INTERVAL;

/** What has deadlines. */
export interface Swept {
  /** Looks after the deadlines, now that it is `now`: milliseconds of a clock that never jumps. */
  sweep(now: number): void;
}

/** Sweeps its members at regular intervals, while there are any. */
export class Sweeper {
  readonly #members = new Set<Swept>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #now = 0;
  #lastTick = 0;

  /**
   * The moment of the last sweep: now, give or take an interval, and for free. Time in which the
   * server itself was held up has not passed here: what its peers sent meanwhile it has not seen.
   */
  get now(): number {
    return this.#now;
  }

  /** Takes in a member. */
  add(member: Swept): void {
    if (this.#members.size === 0) {
      this.#lastTick = performance.now();
      this.#timer = setInterval(() => this.#sweep(), INTERVAL);
    }
    this.#members.add(member);
  }

  /** Lets a member go. */
  delete(member: Swept): void {
    this.#members.delete(member);
    if (this.#members.size === 0) clearInterval(this.#timer);
  }

  #sweep(): void {
    const tick = performance.now();
    this.#now += Math.min(tick - this.#lastTick, LONGEST_STEP);
    this.#lastTick = tick;
    for (const member of this.#members) member.sweep(this.#now);
  }
}
