// One exchange while it is under way: what its record and a look at its connection will tell.

import type { RequestHead } from "../http/message.ts";
import type { RequestView } from "./connection_view.ts";
import type { CloseReason, LogRecord } from "./log_record.ts";
import type { RequestKind } from "./prepared_response.ts";
import type { RequestBody } from "./request_body.ts";

/** An exchange that has begun. */
export class RequestContext {
  readonly #connection: string;
  readonly #number: number;
  readonly #peer: string;
  readonly #head: RequestHead | null;
  readonly #requestLine: string | null;
  /** The client's address. */
  readonly client: string;
  /** When it began: by the calendar, by a clock that only goes forward, by that of the timer. */
  readonly #startedAt: number;
  readonly #startedAtTick: number;
  readonly #startedAtSweep: number;
  /** The request's content, where it has any. */
  content: RequestBody | null = null;
  /** Why the connection ends with this exchange, or null where it goes on. */
  closeReason: CloseReason | null = null;
  /** Bytes that the connection had sent before the response's content. */
  sentBefore: number = Infinity;

  /**
   * @param connection The connection's id.
   * @param number The number of the request on it.
   * @param peer The address at the other end.
   * @param client The client's address.
   * @param head The head, or null where it could not be read.
   * @param requestLine The request line, as far as it is known.
   * @param isTimed Whether somebody wants to know when it began, and how long it took.
   * @param onTick The moment of the last onTick, which is for free: the view counts from there.
   */
  constructor(
    connection: string,
    number: number,
    peer: string,
    client: string,
    head: RequestHead | null,
    requestLine: string | null,
    isTimed: boolean,
    onTick: number,
  ) {
    this.#connection = connection;
    this.#number = number;
    this.#peer = peer;
    this.client = client;
    this.#head = head;
    this.#requestLine = requestLine;
    this.#startedAt = isTimed ? Date.now() : 0;
    this.#startedAtTick = isTimed ? performance.now() : 0;
    this.#startedAtSweep = onTick;
  }

  /** What matters to the response; of a request that could not be read, as far as it is known. */
  get request(): RequestKind {
    if (this.#head !== null) return this.#head;
    return { method: this.#requestLine?.startsWith("HEAD ") ? "HEAD" : "GET", minorVersion: 1 };
  }

  get #id(): string {
    return `${this.#connection}-${this.#number}`;
  }

  /** Ends the connection with this exchange, unless that was settled already. */
  setCloseReason(reason: CloseReason): void {
    this.closeReason ??= reason;
  }

  /**
   * The record of the exchange, now that it is over.
   *
   * @param bytesOut Bytes of the response's content that were sent.
   */
  record(status: number | null, bytesOut: number, isComplete: boolean): LogRecord {
    return {
      id: this.#id,
      peer: this.#peer,
      client: this.client,
      head: this.#head,
      requestLine: this.#requestLine,
      status,
      bytesIn: this.content?.received ?? 0,
      bytesOut: Math.max(0, bytesOut),
      startedAt: this.#startedAt,
      duration: performance.now() - this.#startedAtTick,
      isComplete,
      closeReason: this.closeReason,
    };
  }

  /**
   * A look at the exchange.
   *
   * @param bytesSent Bytes that have been sent on its connection so far.
   * @param onTick The moment of the last onTick.
   */
  view(bytesSent: number, onTick: number): RequestView | null {
    const head = this.#head;
    if (head === null) return null;
    return {
      id: this.#id,
      method: head.method,
      target: head.target,
      bytesIn: this.content?.received ?? 0,
      bytesOut: Math.max(0, bytesSent - this.sentBefore),
      duration: onTick - this.#startedAtSweep,
    };
  }
}
