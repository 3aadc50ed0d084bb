// What one connection is waiting for, and since when: plain numbers, judged whenever the timer
// comes by. It knows no clock of its own; every moment is told, in milliseconds.

import { AT_CAPACITY_IDLE_TIMEOUT, SYSTEM_BUFFER, type Timeouts } from "./limits.ts";

/** What a connection can be waiting for. `nothing` is the handler, which may take its time. */
export type Waiting =
  | "nothing"
  | "handshake"
  | "request"
  | "head"
  | "content"
  | "discard"
  | "response"
  | "end";

/** Watches over the waiting of one connection. */
export class Deadlines {
  readonly #timeouts: Timeouts;
  #waiting: Waiting = "nothing";
  #since = 0;
  /** Milliseconds that the content under way is behind the pace; below 0, ahead of it. */
  #behind = 0;
  /** Until when a peer that keeps the pace may be reading what the system has taken so far. */
  #readUntil = 0;

  /** @param timeouts How long to wait for what. */
  constructor(timeouts: Timeouts) {
    this.#timeouts = timeouts;
  }

  /** What the connection is waiting for. */
  get waiting(): Waiting {
    return this.#waiting;
  }

  /** The connection waits, from now on or still. */
  expect(what: Waiting, now: number): void {
    if (what === this.#waiting) return;
    this.#waiting = what;
    this.#since = now;
  }

  /** Whether no request has been under way for so many milliseconds. */
  isIdleFor(milliseconds: number, now: number): boolean {
    const isIdle = this.#waiting === "request" || this.#waiting === "handshake";
    return isIdle && now - this.#since > milliseconds;
  }

  /** The head is there and its handler on: what the content will need counts from nothing. */
  beginContent(now: number): void {
    this.expect("nothing", now);
    this.#behind = 0;
  }

  /** A wait for content has brought so many bytes. */
  receive(bytes: number, now: number): void {
    if (this.#waiting !== "content" && this.#waiting !== "discard") return;
    const { minRate, rateGrace } = this.#timeouts;
    const ahead = minRate === 0 ? 0 : 1000 * bytes / minRate;
    // A fast beginning does not buy the right to trickle for long.
    this.#behind = Math.max(-rateGrace, this.#behind + now - this.#since - ahead);
    this.#waiting = "nothing";
  }

  /** The system has taken bytes of a response. */
  send(bytes: number, now: number): void {
    const { minRate } = this.#timeouts;
    if (minRate === 0) return;
    this.#readUntil = Math.min(
      Math.max(this.#readUntil, now) + 1000 * bytes / minRate,
      now + 1000 * SYSTEM_BUFFER / minRate,
    );
  }

  /**
   * Whether the peer has kept the connection waiting for too long.
   *
   * @param isAtCapacity Whether the server has as many connections as it may.
   */
  isLate(now: number, isAtCapacity: boolean): boolean {
    const { headerTimeout, idleTimeout, bodyTimeout, lingerTimeout } = this.#timeouts;
    const elapsed = now - this.#since;
    switch (this.#waiting) {
      case "nothing":
        return false;
      case "request":
        return isBeyond(elapsed, idleTimeout) || isAtCapacity && elapsed > AT_CAPACITY_IDLE_TIMEOUT;
      case "handshake":
      case "head":
        return isBeyond(elapsed, headerTimeout);
      case "content":
      case "discard":
        return isBeyond(elapsed, bodyTimeout) || this.#isSlow(this.#behind + elapsed);
      case "response":
        return this.#isUnread(now);
      case "end":
        return isBeyond(elapsed, lingerTimeout);
    }
  }

  #isSlow(behind: number): boolean {
    const { minRate, rateGrace } = this.#timeouts;
    return minRate > 0 && behind > rateGrace;
  }

  #isUnread(now: number): boolean {
    const { minRate, rateGrace } = this.#timeouts;
    return minRate > 0 && now > Math.max(this.#readUntil, this.#since) + rateGrace;
  }
}

function isBeyond(elapsed: number, timeout: number): boolean {
  return timeout > 0 && elapsed > timeout;
}

/** Milliseconds of the longest timer of the runtime, 24 days: a longer one would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Waits, or until something else happens.
 *
 * @param milliseconds How long, at most 24 days.
 * @param event What ends the wait early.
 * @throws what the event is rejected with.
 */
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

  /**
   * @param min The first delay, in milliseconds.
   * @param max The longest delay, in milliseconds.
   */
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

  /** An attempt has succeeded: the next delay is the first again. */
  reset(): void {
    this.#next = this.#min;
  }
}
