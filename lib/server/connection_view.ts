// What one connection is doing at the moment, for whoever looks at a running server. A view is a
// plain value: it can be sent from one worker to another.

import type { Waiting } from "./deadlines.ts";

/**
 * What a connection is doing: `waiting` for a request, `reading` a head or content, `answering`
 * (the handler is on, or the response on its way), or `closing`.
 */
export type ConnectionState = "waiting" | "reading" | "answering" | "closing";

/** What a connection is doing while it awaits something. */
const STATES: Readonly<Record<Waiting, ConnectionState>> = {
  nothing: "answering",
  handshake: "waiting",
  request: "waiting",
  head: "reading",
  content: "reading",
  discard: "reading",
  response: "answering",
  end: "closing",
};

/** What a connection is doing that awaits so and so. */
export function stateOf(waiting: Waiting): ConnectionState {
  return STATES[waiting];
}

/** What one connection is doing. */
export interface ConnectionView {
  /** Which connection this is: what the ids of its exchanges begin with. */
  readonly id: string;
  /** The address at the other end of the socket; `unix` for a Unix socket. */
  readonly peer: string;
  /** The client of the request under way, as a trusted proxy tells it; else the peer. */
  readonly client: string;
  /** When the connection was opened: milliseconds since 1970, UTC. */
  readonly openedAt: number;
  /** What it is doing. */
  readonly state: ConnectionState;
  /** The exchange under way, or null between requests. */
  readonly exchange: RequestView | null;
}

/** An exchange that is under way. */
export interface RequestView {
  /** Which exchange this is, as it will stand in the log. */
  readonly id: string;
  /** The method as sent. */
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** Bytes of the request's content that have come so far. */
  readonly bytesIn: number;
  /** Bytes of the response's content that have been sent so far. */
  readonly bytesOut: number;
  /** Milliseconds since the head was complete, give or take a quarter of a second. */
  readonly duration: number;
}
