// Time: what each connection waits for and for how long, one timer that checks all of them, and
// the waits of the server itself.

import { AT_CAPACITY_IDLE_TIMEOUT, SYSTEM_BUFFER, type Timeouts } from "./limits.ts";

/** What a connection waits for. `handler` has no deadline, nor has `upgraded`, which stays. */
export type Waiting =
  | "handler"
  | "handshake"
  | "request"
  | "head"
  | "content"
  | "discard"
  | "response"
  | "linger"
  | "upgraded";

/** The deadlines of one connection. They have no clock: every moment is given, in milliseconds. */
export class Deadlines {
  readonly #timeouts: Timeouts;
  #waiting: Waiting = "handler";
  #since = 0;
  /** How many reads and writes have begun. */
  #waits = 0;
  #waitsBefore = -1;
  /** Milliseconds by which the content under way is slower than the minimum rate; below 0: faster. */
  #behind = 0;
  /** When a client at the minimum rate will have read everything that the system has accepted. */
  #readUntil = 0;

  constructor(timeouts: Timeouts) {
    this.#timeouts = timeouts;
  }

  get waiting(): Waiting {
    return this.#waiting;
  }

  /** A wait begins, or the same wait goes on with another read or write. */
  expect(what: Waiting, now: number): void {
    this.#waits++;
    if (what === this.#waiting || this.#waiting === "upgraded") return;
    this.#waiting = what;
    this.#since = now;
  }

  isIdleFor(milliseconds: number, now: number): boolean {
    return this.#isIdle && now - this.#since > milliseconds;
  }

  /**
   * Whether the connection has been idle, or has had its last response, since the last call, and
   * nothing has arrived.
   */
  isQuiet(): boolean {
    const isSameWait = this.#waits === this.#waitsBefore;
    this.#waitsBefore = this.#waits;
    return isSameWait && (this.#isIdle || this.#waiting === "linger");
  }

  get #isIdle(): boolean {
    return this.#waiting === "request" || this.#waiting === "handshake";
  }

  /** A head is complete: the rate of its content is counted from here. */
  beginContent(now: number): void {
    this.expect("handler", now);
    this.#behind = 0;
  }

  /** A wait for content has ended with this many bytes. */
  receive(bytes: number, now: number): void {
    if (this.#waiting !== "content" && this.#waiting !== "discard") return;
    const { minRate, rateGrace } = this.#timeouts;
    const ahead = minRate === 0 ? 0 : 1000 * bytes / minRate;
    // A fast beginning does not allow a slow rest.
    this.#behind = Math.max(-rateGrace, this.#behind + now - this.#since - ahead);
    this.#waiting = "handler";
  }

  /** The system has accepted this many bytes of a response. */
  send(bytes: number, now: number): void {
    const { minRate } = this.#timeouts;
    if (minRate === 0) return;
    this.#readUntil = Math.min(
      Math.max(this.#readUntil, now) + 1000 * bytes / minRate,
      now + 1000 * SYSTEM_BUFFER / minRate,
    );
  }

  /**
   * Whether the client has exceeded its time.
   *
   * @param isAtCapacity Whether the server has as many connections as it may have.
   */
  isLate(now: number, isAtCapacity: boolean): boolean {
    const { headerTimeout, idleTimeout, bodyTimeout, lingerTimeout } = this.#timeouts;
    const elapsed = now - this.#since;
    switch (this.#waiting) {
      case "handler":
      case "upgraded":
        return false;
      case "request":
        return isBeyond(elapsed, idleTimeout) || isAtCapacity && elapsed > AT_CAPACITY_IDLE_TIMEOUT;
      case "handshake":
      case "head":
        return isBeyond(elapsed, headerTimeout);
      case "content":
      case "discard":
        return isBeyond(elapsed, bodyTimeout) || this.#isTooSlow(elapsed);
      case "response":
        return this.#isUnread(now);
      case "linger":
        return isBeyond(elapsed, lingerTimeout);
    }
  }

  #isTooSlow(elapsed: number): boolean {
    const { minRate, rateGrace } = this.#timeouts;
    return minRate > 0 && this.#behind + elapsed > rateGrace;
  }

  #isUnread(now: number): boolean {
    const { minRate, rateGrace } = this.#timeouts;
    return minRate > 0 && now > Math.max(this.#readUntil, this.#since) + rateGrace;
  }
}

/** A timeout of 0 never ends. */
function isBeyond(elapsed: number, timeout: number): boolean {
  return timeout > 0 && elapsed > timeout;
}

/** Milliseconds between two ticks of the timer. */
const TICK_INTERVAL = 250;

/** Milliseconds by which one tick moves the clock of the timer at most. */
export const MAX_TICK: number = 2 * TICK_INTERVAL;

/**
 * A drain closes what has been idle for a whole interval. That interval consists of ten parts: the
 * time in which the server itself is blocked counts as one of them only.
 */
const DRAIN_TICK_PARTS = 10;

/** What has deadlines. */
export interface DeadlineOwner {
  /** Checks the deadlines. `now` is in milliseconds, of a clock that only goes forward. */
  onTick(now: number): void;
}

/** The one timer of a server: setting and clearing one for each wait would cost a microsecond. */
export class DeadlineTimer {
  readonly #owners = new Set<DeadlineOwner>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #now = 0;
  #lastTick = 0;

  /**
   * The time of the last tick, at no cost. Time in which the server itself was blocked is not
   * counted: it could not read what its clients sent meanwhile.
   */
  get now(): number {
    return this.#now;
  }

  /** The timer runs while there is an owner. */
  add(owner: DeadlineOwner): void {
    if (this.#owners.size === 0) {
      this.#lastTick = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_INTERVAL);
    }
    this.#owners.add(owner);
  }

  /** Ticks at once. From now on, no interval is shortened by a server that is blocked. */
  beginDrain(): void {
    if (this.#owners.size === 0) return;
    clearInterval(this.#timer);
    this.#tick();
    let parts = 0;
    this.#timer = setInterval(() => {
      if (++parts % DRAIN_TICK_PARTS === 0) this.#tick();
    }, TICK_INTERVAL / DRAIN_TICK_PARTS);
  }

  delete(owner: DeadlineOwner): void {
    this.#owners.delete(owner);
    if (this.#owners.size === 0) clearInterval(this.#timer);
  }

  #tick(): void {
    const tick = performance.now();
    this.#now += Math.min(tick - this.#lastTick, MAX_TICK);
    this.#lastTick = tick;
    for (const owner of this.#owners) owner.onTick(this.#now);
  }
}

/** Milliseconds of the longest timer of the runtime, 24 days: a longer one would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

/** Waits for some milliseconds, or until an event, whose rejection it passes on. */
export async function sleep(milliseconds: number, event?: Promise<void>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, Math.min(milliseconds, MAX_TIMER));
  try {
    await (event === undefined ? timeout.promise : Promise.race([timeout.promise, event]));
  } finally {
    clearTimeout(timer);
  }
}

/** The delays between the attempts at something that fails: each twice as long as the last. */
export class Backoff {
  readonly #min: number;
  readonly #max: number;
  #next: number;

  /** The first delay and the longest, in milliseconds. */
  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
    this.#next = min;
  }

  /** The delay before the next attempt, in milliseconds. */
  next(): number {
    const delay = this.#next;
    this.#next = Math.min(2 * delay, this.#max);
    return delay;
  }

  /** After a success, the next delay is the first again. */
  reset(): void {
    this.#next = this.#min;
  }
}
