// How often a client may try a password: a few times, and then less and less often.

import { LRUCache } from "lru-cache";
import { StatusError } from "../http/status.ts";

/** Wrong passwords without a delay. */
const FREE_ATTEMPTS = 5;

/** Milliseconds after the sixth wrong password, doubled by each further one, and at most. */
const FIRST_DELAY = 1000;
const LONGEST_DELAY = 300_000;

/** Milliseconds after which a client's wrong passwords are forgotten. */
const MEMORY = 900_000;

/** Clients that are remembered: beyond, the one that has tried least recently is forgotten. */
const MAX_CLIENTS = 10_000;

interface Client {
  failures: number;
  pending: number;
  blockedUntil: number;
  failedAt: number;
}

/** The wrong passwords of clients. */
export class Attempts {
  readonly #clients = new LRUCache<string, Client>({ max: MAX_CLIENTS });
  readonly #now: () => number;

  /** @param now Returns milliseconds that only grow. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Begins an attempt, which {@linkcode end} ends. @throws {StatusError} 429 with Retry-After. */
  begin(key: string): void {
    const now = this.#now();
    let client = this.#clients.get(key);
    if (client === undefined || client.pending === 0 && now - client.failedAt > MEMORY) {
      client = { failures: 0, pending: 0, blockedUntil: -Infinity, failedAt: now };
      this.#clients.set(key, client);
    }
    const wait = client.blockedUntil - now;
    if (wait > 0) throw tooMany(wait);
    // Those under way may all be wrong.
    if (client.pending >= Math.max(1, FREE_ATTEMPTS - client.failures)) throw tooMany(FIRST_DELAY);
    client.pending++;
  }

  /** Ends an attempt. */
  end(key: string, isRight: boolean): void {
    const client = this.#clients.get(key);
    if (client === undefined) return; // It was forgotten meanwhile.
    client.pending = Math.max(0, client.pending - 1);
    if (isRight) return;
    client.failures++;
    client.failedAt = this.#now();
    const beyond = client.failures - FREE_ATTEMPTS;
    if (beyond < 0) return;
    client.blockedUntil = client.failedAt + Math.min(FIRST_DELAY * 2 ** beyond, LONGEST_DELAY);
  }
}

function tooMany(wait: number): StatusError {
  const retry = { "Retry-After": String(Math.ceil(wait / 1000)) };
  return new StatusError(429, "Too many wrong passwords: wait a moment.", retry);
}
