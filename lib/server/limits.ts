// What one client may use of the server, and for how long: every limit with its unit, its default,
// the meaning of 0, and the reason for its value.

import { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from "../http/limits.ts";

/**
 * How long a server waits for its clients. A timeout of 0 never ends.
 *
 * @example
 * ```ts
 * import { serve, type Timeouts } from "@wireserve/wireserve";
 *
 * const patient: Partial<Timeouts> = { idleTimeout: 300_000 };
 * await using server = serve(() => ({ status: 204 }), { port: 0, limits: patient });
 * console.log((await fetch(server.url)).status); // 204
 * ```
 */
export interface Timeouts {
  /**
   * Milliseconds for the whole head of a request, from its first byte on. Further bytes do not
   * extend it. Default 10,000. Beyond: 408 where the request line is complete, else a close.
   */
  readonly headerTimeout: number;
  /**
   * Milliseconds that a connection may stay without a request. Default 60,000: longer than people
   * pause, shorter than an idle connection is worth. Beyond: a close. While the server has as many
   * connections as it may have, an idle one is closed after a second.
   */
  readonly idleTimeout: number;
  /** Milliseconds without a byte of content that a handler waits for, else 408. Default 20,000. */
  readonly bodyTimeout: number;
  /**
   * The slowest rate, in bytes per second, at which a client may send content (else 408) or read a
   * response (else a close). Default 1024; 0 means any rate.
   *
   * The system accepts up to 4 MiB of a response before the client has read any, and does not say
   * how many it has. So a client that stops reading is noticed only
   * when it could have read them at this rate. A client that keeps the rate is never cut off.
   */
  readonly minRate: number;
  /** Milliseconds that a client may be behind {@linkcode minRate}. Default 20,000; 0 means none. */
  readonly rateGrace: number;
  /**
   * Milliseconds for which the server discards input after its last response, so that no reset
   * destroys the response (RFC 9112 section 9.6). Default 2,000: several round trips of the slowest
   * connections.
   */
  readonly lingerTimeout: number;
}

/**
 * The limits of a server.
 *
 * @example
 * ```ts
 * import { type Limits, serve } from "@wireserve/wireserve";
 *
 * const strict: Partial<Limits> = { connections: 100, requests: 1000, content: 1 << 20 };
 * await using server = serve(() => ({ status: 204 }), { port: 0, limits: strict });
 * console.log((await fetch(server.url)).status); // 204
 * ```
 */
export interface Limits extends MessageLimits, Timeouts {
  /**
   * Bytes of content that are read and discarded to keep a connection whose handler did not read
   * them. Default 256 KiB: beyond that, a new connection costs less.
   */
  readonly discard: number;
  /**
   * Connections at one time. Default 16,384, each of which may hold 200 KiB at worst. Further ones
   * wait in the backlog of the system. 0 means any number.
   */
  readonly connections: number;
  /** Requests on one connection, the last of which closes it. Default 0: any number. */
  readonly requests: number;
}

/**
 * The defaults of {@linkcode Limits}.
 *
 * @example
 * ```ts
 * import { DEFAULT_LIMITS } from "@wireserve/wireserve";
 *
 * console.log(DEFAULT_LIMITS.headerTimeout); // 10000
 * ```
 */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  ...DEFAULT_MESSAGE_LIMITS,
  headerTimeout: 10_000,
  idleTimeout: 60_000,
  bodyTimeout: 20_000,
  minRate: 1024,
  rateGrace: 20_000,
  lingerTimeout: 2000,
  discard: 256 * 1024,
  connections: 16_384,
  requests: 0,
});

/**
 * Bytes of a response that the system buffers: 4 MiB, the largest send buffer of Linux. It accepts
 * more only when a third of that has been read.
 */
export const SYSTEM_BUFFER: number = 4 * 1024 * 1024;

/**
 * Milliseconds after which an idle connection is closed while the server is at capacity: enough for
 * a client that is about to send its next request.
 */
export const AT_CAPACITY_IDLE_TIMEOUT = 1000;

/** Limits that must not be 0: no request could be read. */
const AT_LEAST_ONE: readonly (keyof Limits)[] = ["requestLine", "fieldSection", "fieldCount"];

/** Whether a limit can have this value. */
export function isLimit(name: keyof Limits, value: number): boolean {
  return Number.isSafeInteger(value) && value >= (AT_LEAST_ONE.includes(name) ? 1 : 0);
}

/**
 * The defaults, with some of them replaced.
 *
 * @throws {RangeError} for an impossible value, or an unknown name.
 */
export function limitsWith(replaced: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS, ...replaced };
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new RangeError(`There is no limit ${name}`);
    if (!isLimit(name as keyof Limits, value)) {
      throw new RangeError(`The limit ${name} cannot be ${value}`);
    }
  }
  return Object.freeze(limits);
}
