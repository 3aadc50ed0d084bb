// One request and its response: the context while they are under way, the record for the log when
// they are over, and the view of a running server.

import type { CloseReason } from "../http/connection_state.ts";
import type { HttpRequest, RequestHead } from "../http/message.ts";

/**
 * What became of one request. A record holds only what is known anyway.
 *
 * @example
 * ```ts
 * import { type LogRecord, serve } from "@wireserve/wireserve";
 *
 * const log = ({ requestLine, status, duration }: LogRecord) =>
 *   console.log(requestLine, status, duration > 0);
 * await using server = serve(() => ({ status: 204 }), { port: 0, onRequest: log });
 * await fetch(server.url);
 * await server.drain(1000); // GET / HTTP/1.1 204 true
 * ```
 */
export interface LogRecord {
  /** `17-3` is request 3 of connection 17. Unique while the server runs; letters, digits, hyphens. */
  readonly id: string;
  /** The address of the peer; `unix` for a Unix socket. */
  readonly peer: string;
  /** The address of the client: the peer, or what a trusted proxy reports. */
  readonly client: string;
  /** The name that the client has proved by a password, or null. */
  readonly user: string | null;
  /** The head, or null where it was not complete. */
  readonly head: RequestHead | null;
  /** The request line as sent, or null where it was not complete. */
  readonly requestLine: string | null;
  /** The status sent, or null where the client was gone before. */
  readonly status: number | null;
  /** Bytes of the request's content received, without chunk framing. */
  readonly bytesIn: number;
  /** Bytes sent after the response's head. */
  readonly bytesOut: number;
  /** When the head was complete: milliseconds since 1970, UTC. */
  readonly startedAt: number;
  /** Milliseconds from then until the response was sent, or given up. */
  readonly duration: number;
  /** Whether the whole response was sent. */
  readonly isComplete: boolean;
  /** Why the connection ends with this request, or null where it is kept. */
  readonly closeReason: CloseReason | null;
}

/**
 * A request under way.
 *
 * @example
 * ```ts
 * import { type RequestView, serve } from "@wireserve/wireserve";
 *
 * const rateOf = ({ bytesOut, duration }: RequestView) => bytesOut / Math.max(duration, 1);
 * await using server = serve(() => ({ status: 204 }), { port: 0 });
 * console.log(server.connections.map(({ exchange }) => exchange && rateOf(exchange))); // []
 * ```
 */
export interface RequestView {
  /** The id that it will have in the log. */
  readonly id: string;
  /** As sent. */
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** Bytes of the request's content received so far. */
  readonly bytesIn: number;
  /** Bytes of the response's content sent so far. */
  readonly bytesOut: number;
  /** Milliseconds since the head was complete, accurate to a quarter of a second. */
  readonly duration: number;
}

/**
 * What a connection does.
 *
 * @example
 * ```ts
 * import { type ConnectionStatus, serve } from "@wireserve/wireserve";
 *
 * const BUSY: readonly ConnectionStatus[] = ["reading", "answering"];
 * await using server = serve(() => ({ status: 204 }), { port: 0 });
 * console.log(server.connections.filter(({ state }) => BUSY.includes(state)).length); // 0
 * ```
 */
export type ConnectionStatus = "waiting" | "reading" | "answering" | "upgraded" | "closing";

/**
 * What one connection does at the moment: a plain value, which a worker can send to another.
 *
 * @example
 * ```ts
 * import { type ConnectionView, serve } from "@wireserve/wireserve";
 *
 * const describe = ({ id, peer, state }: ConnectionView) => `${id} from ${peer}: ${state}`;
 * await using server = serve(() => ({ status: 204 }), { port: 0 });
 * console.log(server.connections.map(describe)); // []
 * ```
 */
export interface ConnectionView {
  /** The ids of its requests begin with it. */
  readonly id: string;
  /** The address of the peer; `unix` for a Unix socket. */
  readonly peer: string;
  /** The client of the request under way; else the peer. */
  readonly client: string;
  /** When the connection was opened: milliseconds since 1970, UTC. */
  readonly openedAt: number;
  /** `answering`: the handler runs, or the response is being sent. `upgraded`: after a 101. */
  readonly state: ConnectionStatus;
  /** The request under way, or null between requests. */
  readonly exchange: RequestView | null;
}

/** What is known of a request when its context is made. */
export interface RequestFacts {
  /** The id of its connection, and its number there. */
  readonly connection: string;
  readonly number: number;
  readonly peer: string;
  readonly client: string;
  /** The request, or null where its head could not be read. */
  readonly head: HttpRequest | null;
  readonly requestLine: string | null;
  /** Whether a record is wanted, which needs the time. */
  readonly isRecorded: boolean;
  /** The time of the last tick, from which the view counts. */
  readonly tick: number;
}

/** A request under way, from its head to the end of its response. */
export class RequestContext {
  readonly #facts: RequestFacts;
  readonly #startedAt: number;
  readonly #startedAtTick: number;
  /** The request's content, where it has any. */
  body: { readonly received: number } | null = null;
  /** What the connection had sent before the response's content. */
  sentBefore: number = Infinity;

  constructor(facts: RequestFacts) {
    this.#facts = facts;
    this.#startedAt = facts.isRecorded ? Date.now() : 0;
    this.#startedAtTick = facts.isRecorded ? performance.now() : 0;
  }

  get client(): string {
    return this.#facts.client;
  }

  /** The request, or null where its head could not be read. */
  get request(): HttpRequest | null {
    return this.#facts.head;
  }

  /** What the response depends on; of a request that could not be read, as far as it is known. */
  get head(): Pick<RequestHead, "method" | "minorVersion"> {
    const { head, requestLine } = this.#facts;
    if (head !== null) return head;
    return { method: requestLine?.startsWith("HEAD ") ? "HEAD" : "GET", minorVersion: 1 };
  }

  get #id(): string {
    return `${this.#facts.connection}-${this.#facts.number}`;
  }

  /** The record of the request, now that it is over. `bytesOut` is below 0 for a part of a head. */
  record(
    outcome: Pick<LogRecord, "status" | "bytesOut" | "isComplete" | "closeReason">,
  ): LogRecord {
    const { peer, client, head, requestLine } = this.#facts;
    return {
      id: this.#id,
      peer,
      client,
      user: head?.user ?? null,
      head,
      requestLine,
      status: outcome.status,
      bytesIn: this.body?.received ?? 0,
      bytesOut: Math.max(0, outcome.bytesOut),
      startedAt: this.#startedAt,
      duration: performance.now() - this.#startedAtTick,
      isComplete: outcome.isComplete,
      closeReason: outcome.closeReason,
    };
  }

  /**
   * The view of the request, or null where its head could not be read.
   *
   * @param bytesSent Bytes sent on the connection so far.
   * @param tick The time of the last tick.
   */
  view(bytesSent: number, tick: number): RequestView | null {
    const { head } = this.#facts;
    if (head === null) return null;
    return {
      id: this.#id,
      method: head.method,
      target: head.target,
      bytesIn: this.body?.received ?? 0,
      bytesOut: Math.max(0, bytesSent - this.sentBefore),
      duration: tick - this.#facts.tick,
    };
  }
}
