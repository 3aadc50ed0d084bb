// One exchange while it is under way: what its record and a look at its connection will tell.

import type { RequestHead } from "../http/message.ts";
import type { ExchangeView } from "./connection_view.ts";
import type { ClosingReason, ExchangeRecord } from "./exchange.ts";
import type { Asked } from "./outgoing.ts";
import type { RequestContent } from "./request_content.ts";

/** What is known when an exchange begins. */
export interface Beginning {
  /** The connection's id, and the number of the request on it. */
  readonly connection: string;
  readonly number: number;
  readonly peer: string;
  readonly client: string;
  readonly head: RequestHead | null;
  readonly requestLine: string | null;
}

/** An exchange that has begun. */
export class OngoingExchange {
  readonly #beginning: Beginning;
  /** When it began, by the calendar and by a clock that only goes forward. */
  readonly #startedAt: number;
  readonly #startedAtTick: number;
  /** The request's content, where it has any. */
  content: RequestContent | null = null;
  /** Why the connection ends with this exchange, or null where it goes on. */
  closedBecause: ClosingReason | null = null;
  /** Octets that the connection had sent before the response's content. */
  sentBefore = Infinity;

  /**
   * @param beginning What is known.
   * @param isTimed Whether somebody wants to know when it began, and how long it took.
   */
  constructor(beginning: Beginning, isTimed: boolean) {
    this.#beginning = beginning;
    this.#startedAt = isTimed ? Date.now() : 0;
    this.#startedAtTick = isTimed ? performance.now() : 0;
  }

  /** What matters to the response; of a request that could not be read, as far as it is known. */
  get asked(): Asked {
    const { head, requestLine } = this.#beginning;
    if (head !== null) return head;
    return { method: requestLine?.startsWith("HEAD ") ? "HEAD" : "GET", minor: 1 };
  }

  /** The client's address. */
  get client(): string {
    return this.#beginning.client;
  }

  /** Ends the connection with this exchange, unless that was settled already. */
  closeBecause(reason: ClosingReason): void {
    this.closedBecause ??= reason;
  }

  /**
   * The record of the exchange, now that it is over.
   *
   * @param octetsOut Octets of the response's content that were sent.
   */
  record(status: number | null, octetsOut: number, isComplete: boolean): ExchangeRecord {
    const { connection, number, peer, client, head, requestLine } = this.#beginning;
    return {
      id: `${connection}-${number}`,
      peer,
      client,
      head,
      requestLine,
      status,
      octetsIn: this.content?.received ?? 0,
      octetsOut: Math.max(0, octetsOut),
      startedAt: this.#startedAt,
      duration: performance.now() - this.#startedAtTick,
      isComplete,
      closedBecause: this.closedBecause,
    };
  }

  /** A look at the exchange, once `octetsSent` octets have been sent on its connection. */
  view(octetsSent: number): ExchangeView | null {
    const { connection, number, head } = this.#beginning;
    if (head === null) return null;
    return {
      id: `${connection}-${number}`,
      method: head.method,
      target: head.target,
      octetsIn: this.content?.received ?? 0,
      octetsOut: Math.max(0, octetsSent - this.sentBefore),
      duration: performance.now() - this.#startedAtTick,
    };
  }
}
