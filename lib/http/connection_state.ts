// The state of one connection (RFC 9112 section 9): what is read from the client, what is written
// to it, and why the connection ends. The table of transitions is the specification: the diagram
// in ARCHITECTURE.md is made from it.

/**
 * What is read: a head, its content, nothing until the response is complete, nothing any more.
 *
 * @example
 * ```ts
 * import { ConnectionState, type Reading } from "@wireserve/wireserve/http";
 *
 * const reading: Reading = new ConnectionState().reading;
 * console.log(reading); // head
 * ```
 */
export type Reading = "head" | "content" | "done" | "closed";

/**
 * What is written: nothing yet, a response, nothing until the next request, nothing any more.
 *
 * @example
 * ```ts
 * import { ConnectionState, type Writing } from "@wireserve/wireserve/http";
 *
 * const writing: Writing = new ConnectionState().writing;
 * console.log(writing); // idle
 * ```
 */
export type Writing = "idle" | "content" | "done" | "closed";

/**
 * What happens on a connection.
 *
 * @example
 * ```ts
 * import { type ConnectionEvent, ConnectionState } from "@wireserve/wireserve/http";
 *
 * const events: ConnectionEvent[] = ["request", "response", "end of response", "next request"];
 * const state = new ConnectionState();
 * for (const event of events) state.on(event);
 * console.log(state.reading); // head
 * ```
 */
export type ConnectionEvent =
  | "request"
  | "request with content"
  | "end of content"
  | "response"
  | "end of response"
  | "next request"
  | "end of input"
  | "end of output";

interface Transition {
  readonly reading?: Readonly<Partial<Record<Reading, Reading>>>;
  readonly writing?: Readonly<Partial<Record<Writing, Writing>>>;
}

/**
 * What each event changes. An event that a state does not list cannot happen in that state. Requests
 * that were received before the end of the input are still answered.
 */
export const TRANSITIONS: Readonly<Record<ConnectionEvent, Transition>> = {
  "request": { reading: { head: "done", closed: "closed" } },
  "request with content": { reading: { head: "content", closed: "closed" } },
  "end of content": { reading: { content: "done", closed: "closed" } },
  "response": { writing: { idle: "content" } },
  "end of response": { writing: { content: "done" } },
  "next request": { reading: { done: "head", closed: "closed" }, writing: { done: "idle" } },
  "end of input": { reading: { head: "closed", content: "closed", done: "closed" } },
  "end of output": { writing: { idle: "closed", content: "closed", done: "closed" } },
};

/**
 * Why a connection ends:
 *
 * - `requested`: the client sent `Connection: close`, or HTTP/1.0 without `keep-alive`
 * - `max-requests`: it was the last request that the limit allows on a connection
 * - `drain`: the server is shutting down
 * - `no-length`: the end of the connection is the end of the response's content (HTTP/1.0)
 * - `unread-body`: more of the request's content was left than is worth reading
 * - `bad-request`: the request, or its content, was malformed or too large
 * - `timeout`: the client was too slow to send, or to read
 * - `client-gone`: the client closed or lost the connection
 * - `upgraded`: the connection has changed hands after a 101, and has ended
 * - `server-error`: the handler, or the content that it returned, failed
 *
 * @example
 * ```ts
 * import { CLOSE_REASONS } from "@wireserve/wireserve/http";
 *
 * console.log(CLOSE_REASONS.includes("timeout")); // true
 * ```
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
  "upgraded",
  "server-error",
] as const;

/**
 * Why a connection ends: one of {@linkcode CLOSE_REASONS}.
 *
 * @example
 * ```ts
 * import type { CloseReason } from "@wireserve/wireserve/http";
 *
 * const isOurs = (reason: CloseReason) => reason === "drain" || reason === "server-error";
 * console.log(isOurs("timeout")); // false
 * ```
 */
export type CloseReason = typeof CLOSE_REASONS[number];

/**
 * The state of one connection.
 *
 * @example
 * ```ts
 * import { ConnectionState } from "@wireserve/wireserve/http";
 *
 * const state = new ConnectionState();
 * state.on("request");
 * state.close("requested", "after response");
 * state.on("response");
 * state.on("end of response");
 * console.log(state.reading, state.writing, state.closeReason); // done done requested
 * ```
 */
export class ConnectionState {
  #reading: Reading = "head";
  #writing: Writing = "idle";
  #closeReason: CloseReason | null = null;

  /** What is read. */
  get reading(): Reading {
    return this.#reading;
  }

  /** What is written. */
  get writing(): Writing {
    return this.#writing;
  }

  /** Why the connection ends, or null while it is kept. */
  get closeReason(): CloseReason | null {
    return this.#closeReason;
  }

  /** Whether nothing is read or written any more. */
  get isClosed(): boolean {
    return this.#reading === "closed" && this.#writing === "closed";
  }

  /**
   * Follows an event. After an abort, events have no effect.
   *
   * @throws {TypeError} for an event that cannot happen in this state: a fault of the caller.
   */
  on(event: ConnectionEvent): void {
    if (this.isClosed) return;
    const { reading, writing } = TRANSITIONS[event];
    const nextReading = reading === undefined ? this.#reading : reading[this.#reading];
    const nextWriting = writing === undefined ? this.#writing : writing[this.#writing];
    if (nextReading === undefined || nextWriting === undefined) {
      throw new TypeError(`${event} while reading ${this.#reading}, writing ${this.#writing}`);
    }
    this.#reading = nextReading;
    this.#writing = nextWriting;
  }

  /**
   * Ends the connection, after the response under way or at once (`abort`). The first reason counts,
   * but an abort replaces the reason of an orderly end that it does not let happen.
   */
  close(reason: CloseReason, how: "after response" | "abort"): void {
    if (this.isClosed) return;
    if (how === "after response") {
      this.#closeReason ??= reason;
      return;
    }
    this.#closeReason = reason;
    this.#reading = this.#writing = "closed";
  }
}
