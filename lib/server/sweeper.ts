// One timer for all deadlines of a server. Setting and clearing one costs a microsecond, which
// every wait would pay; a deadline that is kept to within a quarter of a second is as good.

/** Milliseconds between two sweeps. */
const INTERVAL = 250;

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

  /** The moment of the last sweep: now, give or take an interval, and for free. */
  get now(): number {
    return this.#now;
  }

  /** Takes in a member. */
  add(member: Swept): void {
    if (this.#members.size === 0) {
      this.#now = performance.now();
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
    this.#now = performance.now();
    for (const member of this.#members) member.sweep(this.#now);
  }
}
