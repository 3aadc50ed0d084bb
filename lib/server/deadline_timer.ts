// One timer for all deadlines of a server. Setting and clearing one costs a microsecond, which
// every wait would pay; a deadline that is kept to within a quarter of a second is as good.

/** Milliseconds between two sweeps. */
const TICK_INTERVAL = 250;

/** Milliseconds that pass from one onTick to the next at the most. */
export const MAX_TICK: number = 2 * TICK_INTERVAL;

/** What has deadlines. */
export interface DeadlineOwner {
  /** Looks after the deadlines, now that it is `now`: milliseconds of a clock that never jumps. */
  onTick(now: number): void;
}

/** Sweeps its members at regular intervals, while there are any. */
export class DeadlineTimer {
  readonly #members = new Set<DeadlineOwner>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #now = 0;
  #lastTick = 0;

  /**
   * The moment of the last onTick: now, give or take an interval, and for free. Time in which the
   * server itself was held up has not passed here: what its peers sent meanwhile it has not seen.
   */
  get now(): number {
    return this.#now;
  }

  /** Takes in a member. */
  add(member: DeadlineOwner): void {
    if (this.#members.size === 0) {
      this.#lastTick = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_INTERVAL);
    }
    this.#members.add(member);
  }

  /** Lets a member go. */
  delete(member: DeadlineOwner): void {
    this.#members.delete(member);
    if (this.#members.size === 0) clearInterval(this.#timer);
  }

  #tick(): void {
    const tick = performance.now();
    this.#now += Math.min(tick - this.#lastTick, MAX_TICK);
    this.#lastTick = tick;
    for (const member of this.#members) member.onTick(this.#now);
  }
}
