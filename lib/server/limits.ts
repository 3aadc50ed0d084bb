// What one client may ask of the server, and for how long: every limit by name, with its unit,
// its default and the reason for it.

import { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from "../http/limits.ts";

/** The limits of a server. */
export interface Limits extends MessageLimits {
  /**
   * Octets of content that are read and thrown away to keep a connection whose handler did not
   * want them. Default 256 KiB: beyond, a new connection is cheaper than the rest.
   */
  readonly drain: number;
  /**
   * Milliseconds for which the server, having sent its last response and closed its side, takes
   * in what the client still sends, so that no reset destroys the response (RFC 9112 section
   * 9.6). Default 2000.
   */
  readonly linger: number;
}

/** The defaults of {@linkcode Limits}. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  ...DEFAULT_MESSAGE_LIMITS,
  drain: 256 * 1024,
  linger: 2000,
});
