// A limit on the rate of requests (RFC 6585 section 4), for each client.

import { LRUCache } from "lru-cache"; // bounded, without a timer: as old as npm itself
import type { HttpRequest } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import type { Middleware } from "./middleware.ts";

/**
 * How many requests a client may send.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, rateLimit, type RateLimitOptions } from "@wireserve/wireserve/middleware";
 *
 * const options: RateLimitOptions = { requests: 100, period: 1000 };
 * const handler = webHandler(chain(() => ({ status: 204 }), rateLimit(options)));
 * console.log((await handler(new Request("http://localhost/"))).status); // 204
 * ```
 */
export interface RateLimitOptions {
  /** Requests at once, and in each period. */
  readonly requests: number;
  /** Milliseconds of a period: 60,000 by default. */
  readonly period?: number | undefined;
  /**
   * Whose requests are counted together. By default those of one client, and where it has IPv6 those
   * of its network of 64 bits, all of which one client can have.
   */
  readonly keyOf?: ((request: HttpRequest) => string) | undefined;
  /** Clients that are remembered: 100,000 by default. Beyond, the longest idle one is forgotten. */
  readonly clients?: number | undefined;
  /** Returns milliseconds that only grow: `performance.now` by default. */
  readonly clock?: (() => number) | undefined;
}

/**
 * Answers 429 with `Retry-After` to clients that send too many requests (GCRA: a bucket that leaks at
 * an even rate). Of a client only one number is kept: when its bucket will be empty.
 *
 * @throws {RangeError} for numbers that are not positive.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, rateLimit } from "@wireserve/wireserve/middleware";
 *
 * const handler = webHandler(chain(() => ({ status: 204 }), rateLimit({ requests: 1 })));
 * await handler(new Request("http://localhost/"));
 * console.log((await handler(new Request("http://localhost/"))).status); // 429
 * ```
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  const { requests, period = 60_000, keyOf = networkOf, clients = 100_000 } = options;
  const { clock = () => performance.now() } = options;
  for (const [name, value] of Object.entries({ requests, period, clients })) {
    if (!(value > 0 && value < Infinity)) throw new RangeError(`${name} cannot be ${value}`);
  }
  const interval = period / requests;
  const emptyAt = new LRUCache<string, number>({ max: clients });
  return (next) => (request) => {
    const now = clock();
    const key = keyOf(request);
    const full = Math.max(emptyAt.get(key) ?? 0, now) + interval;
    const wait = full - period - now;
    if (wait > interval / 1e6) { // Sums of fractions are not exact.
      const seconds = String(Math.ceil(wait / 1000));
      throw new StatusError(429, "Too many requests: wait a moment.", { "Retry-After": seconds });
    }
    emptyAt.set(key, full);
    return next(request);
  };
}

/** An address of IPv4, or the network of one of IPv6. */
export function networkOf({ client }: Pick<HttpRequest, "client">): string {
  if (!client.includes(":")) return client;
  const [head = [], tail = []] = client.split("::").map((part) =>
    part === "" ? [] : part.split(":")
  );
  const groups = [...head, ...Array(Math.max(0, 8 - head.length - tail.length)).fill("0"), ...tail];
  return groups.slice(0, 4).join(":");
}
