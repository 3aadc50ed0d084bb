// What one client may ask of the server, and for how long: every limit by name, with its unit,
// its default, what 0 means, and the reason for it.

import { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from "../http/limits.ts";

/** How long a server waits for its peers. Of the timeouts, 0 means for ever. */
export interface Timeouts {
  /**
   * Milliseconds for a whole head, from its first byte on; a trickle does not renew them.
   * Default 10,000. Beyond: 408 where the request line is there, else a silent close.
   */
  readonly headerTimeout: number;
  /**
   * Milliseconds that a connection may stay without a request under way. Default 60,000: longer
   * than people pause, shorter than idle connections are worth. Beyond: a silent close. While
   * the server has as many connections as it may, an idle one is given up after a second.
   */
  readonly idleTimeout: number;
  /**
   * Milliseconds without a single byte of the content that a handler waits for. Default 20,000.
   * Beyond: 408.
   */
  readonly bodyTimeout: number;
  /**
   * Bytes per second that a peer has to keep up with, be it sending content (else 408) or
   * reading a response (else a close). Default 1024; 0 means that any pace will do.
   *
   * Of a response, the system takes up to {@linkcode SYSTEM_BUFFER} bytes before the peer has
   * read any, and does not tell how many it has: so a peer that stops reading is noticed only
   * once it could have read them at this pace. A peer that keeps it is never cut off.
   */
  readonly minRate: number;
  /** Milliseconds that a peer may be behind the pace of {@linkcode minRate}. Default 20,000; 0: none. */
  readonly rateGrace: number;
  /**
   * Milliseconds for which the server, having sent its last response and closed its side, takes
   * in what the client still sends, so that no reset destroys the response (RFC 9112 section
   * 9.6). Default 2,000: several round trips of the slowest connections.
   */
  readonly lingerTimeout: number;
}

/** The limits of a server. */
export interface Limits extends MessageLimits, Timeouts {
  /**
   * Bytes of content that are read and thrown away to keep a connection whose handler did not
   * want them. Default 256 KiB: beyond, a new connection is cheaper than the rest.
   */
  readonly discard: number;
  /**
   * Connections at one time. Default 16,384, each of which may hold some 200 KiB at its worst.
   * Further ones wait in the system's backlog until one ends. 0: any number.
   */
  readonly connections: number;
  /** Requests on one connection, the last of which closes it. Default 0: any number. */
  readonly requests: number;
}

/** The defaults of {@linkcode Limits}. */
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
 * Bytes that the system holds of a response on its way: 4 MiB, what Linux lets a send buffer
 * grow to. It asks for more only when a third of that has been read.
 */
export const SYSTEM_BUFFER: number = 4 * 1024 * 1024;

/**
 * Milliseconds after which an idle connection is given up while the server is full: time enough
 * for a client that is about to ask again, and no more.
 */
export const AT_CAPACITY_IDLE_TIMEOUT = 1000;

/** Limits below which a request could not even be read. */
const AT_LEAST_ONE: readonly (keyof Limits)[] = ["requestLine", "fieldSection", "fieldCount"];

/** Whether a limit can have this value: whole, and not so small that it refuses every request. */
export function isLimit(name: keyof Limits, value: number): boolean {
  return Number.isSafeInteger(value) && value >= (AT_LEAST_ONE.includes(name) ? 1 : 0);
}

/**
 * The defaults, with some of them replaced.
 *
 * @throws {RangeError} for a limit that cannot have its value, or that there is not.
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
