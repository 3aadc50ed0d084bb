// What one connection is waiting for, and since when: plain numbers, judged whenever the sweeper
// comes by. It knows no clock of its own; every moment is told, in milliseconds.

import { CROWDED_IDLE_TIMEOUT, type Deadlines, SYSTEM_BUFFER } from "./limits.ts";

/** What a connection can be waiting for. `nothing` is the handler, which may take its time. */
export type Awaited =
  | "nothing"
  | "handshake"
  | "request"
  | "head"
  | "content"
  | "drain"
  | "response"
  | "end";

/** Watches over the waiting of one connection. */
export class Watch {
  readonly #deadlines: Deadlines;
  #awaited: Awaited = "nothing";
  #since = 0;
  /** Milliseconds that the content under way is behind the pace; below 0, ahead of it. */
  #behind = 0;
  /** Until when a peer that keeps the pace may be reading what the system has taken so far. */
  #readUntil = 0;

  /** @param deadlines How long to wait for what. */
  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** What the connection is waiting for. */
  get awaited(): Awaited {
    return this.#awaited;
  }

  /** The connection waits, from now on or still. */
  expect(what: Awaited, now: number): void {
    if (what === this.#awaited) return;
    this.#awaited = what;
    this.#since = now;
  }

  /** Whether no request has been under way for so many milliseconds. */
  isIdleFor(milliseconds: number, now: number): boolean {
    const isIdle = this.#awaited === "request" || this.#awaited === "handshake";
    return isIdle && now - this.#since > milliseconds;
  }

  /** The head is there and its handler on: what the content will need counts from nothing. */
  beginContent(now: number): void {
    this.expect("nothing", now);
    this.#behind = 0;
  }

  /** A wait for content has brought so many octets. */
  receive(octets: number, now: number): void {
    if (this.#awaited !== "content" && this.#awaited !== "drain") return;
    const { minRate, rateGrace } = this.#deadlines;
    const ahead = minRate === 0 ? 0 : 1000 * octets / minRate;
    // A fast beginning does not buy the right to trickle for long.
    this.#behind = Math.max(-rateGrace, this.#behind + now - this.#since - ahead);
    this.#awaited = "nothing";
  }

  /** The system has taken octets of a response. */
  send(octets: number, now: number): void {
    const { minRate } = this.#deadlines;
    if (minRate === 0) return;
    this.#readUntil = Math.min(
      Math.max(this.#readUntil, now) + 1000 * octets / minRate,
      now + 1000 * SYSTEM_BUFFER / minRate,
    );
  }

  /**
   * Whether the peer has kept the connection waiting for too long.
   *
   * @param isCrowded Whether the server has as many connections as it may.
   */
  isLate(now: number, isCrowded: boolean): boolean {
    const { headTimeout, idleTimeout, stallTimeout, lingerTimeout } = this.#deadlines;
    const elapsed = now - this.#since;
    switch (this.#awaited) {
      case "nothing":
        return false;
      case "request":
        return isBeyond(elapsed, idleTimeout) || isCrowded && elapsed > CROWDED_IDLE_TIMEOUT;
      case "handshake":
      case "head":
        return isBeyond(elapsed, headTimeout);
      case "content":
      case "drain":
        return isBeyond(elapsed, stallTimeout) || this.#isSlow(this.#behind + elapsed);
      case "response":
        return this.#isUnread(now);
      case "end":
        return isBeyond(elapsed, lingerTimeout);
    }
  }

  #isSlow(behind: number): boolean {
    const { minRate, rateGrace } = this.#deadlines;
    return minRate > 0 && behind > rateGrace;
  }

  #isUnread(now: number): boolean {
    const { minRate, rateGrace } = this.#deadlines;
    return minRate > 0 && now > Math.max(this.#readUntil, this.#since) + rateGrace;
  }
}

function isBeyond(elapsed: number, timeout: number): boolean {
  return timeout > 0 && elapsed > timeout;
}
