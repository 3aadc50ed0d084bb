// What became of one request, as the connection tells it to whoever keeps a log or counts. A
// record is made for every request: it holds what is known anyway, and nothing made for the log.

import type { RequestHead } from "../http/message.ts";

/**
 * Why a connection ends with an exchange:
 *
 * - `requested`: the client wanted it, by `Connection: close` or as HTTP/1.0 without `keep-alive`
 * - `max-requests`: it was the last request that the limit on requests lets a connection have
 * - `drain`: the server is stopping
 * - `no-length`: the response's content has no end but the connection's (HTTP/1.0)
 * - `unread-body`: more of the request's content was left than is worth reading
 * - `bad-request`: the request, or its content, was malformed or too large
 * - `timeout`: the client was too slow to send, or to read
 * - `client-gone`: the client has closed or lost the connection
 * - `server-error`: the handler, or the content that it gave, has failed
 */
export const CLOSE_REASONS = [
  "requested",
  "max-requests",
  "drain",
  "no-length",
  "unread-body",
  "bad-request",
  "timeout",
  "client-gone",
  "server-error",
] as const;

/** Why a connection ends with an exchange: one of {@linkcode CLOSE_REASONS}. */
export type CloseReason = typeof CLOSE_REASONS[number];

/** What became of one request. */
export interface LogRecord {
  /**
   * Which exchange this is, unique while the server runs: the connection's number and that of the
   * request on it, as in `17-3`. Letters, digits and hyphens.
   */
  readonly id: string;
  /** The address at the other end of the socket; `unix` for a Unix socket. */
  readonly peer: string;
  /** The client's address: the peer's own, or the one that a trusted proxy tells. */
  readonly client: string;
  /** The head, from which a log takes what it needs, or null where it was never read whole. */
  readonly head: RequestHead | null;
  /** The request line as sent, or null where it never became whole. */
  readonly requestLine: string | null;
  /** The status sent, or null where the client was gone before. */
  readonly status: number | null;
  /** Bytes of the request's content that have come, without those of its chunks. */
  readonly bytesIn: number;
  /** Bytes that were really sent after the response's head. */
  readonly bytesOut: number;
  /** When the head was complete: milliseconds since 1970, UTC. */
  readonly startedAt: number;
  /** Milliseconds from then until the response had been sent, or was given up. */
  readonly duration: number;
  /** Whether the whole response was sent. */
  readonly isComplete: boolean;
  /** Why the connection ends with this exchange, or null where it goes on. */
  readonly closeReason: CloseReason | null;
}
