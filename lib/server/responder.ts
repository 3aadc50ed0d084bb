// Sends the responses of one connection, and tells what became of each. What fails before a
// response has begun becomes another one; what fails within it cuts the connection.

import type { Content } from "../http/content.ts";
import { nameIn } from "../http/fields.ts";
import type { HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { lengthOf } from "../http/writer.ts";
import type { OnSent } from "./batch.ts";
import type { ClosingReason, ExchangeRecord } from "./exchange.ts";
import type { OngoingExchange } from "./ongoing_exchange.ts";
import { Outbox } from "./outbox.ts";
import { compose, isStreamed, type Outgoing, stream } from "./outgoing.ts";
import type { Transport } from "./transport.ts";

/** Who hears of exchanges that are over, if anybody wants to, and of faults. */
export interface ResponseObserver {
  readonly onExchange: ((record: ExchangeRecord) => void) | null;
  readonly onError: (error: unknown) => void;
}

/** The responses of one connection. */
export class Responder {
  readonly #transport: Transport;
  readonly #observer: ResponseObserver;
  /** Whole responses that are to be sent before the connection waits for anything. */
  readonly outbox: Outbox;
  /** Why the connection was closed from this side, while a response was on its way. */
  cutBecause: ClosingReason | null = null;
  /** Content that is waited for: it may be silent for ever. */
  #awaited: Content | null = null;

  constructor(transport: Transport, observer: ResponseObserver) {
    this.#transport = transport;
    this.#observer = observer;
    this.outbox = new Outbox(transport);
  }

  /** Sends a response, or puts it on its way. Resolves once the next one may follow. */
  respond(exchange: OngoingExchange, response: HttpResponse): void | Promise<void> {
    const outgoing = this.#compose(exchange, response);
    const { content } = outgoing;
    if (outgoing.closes) exchange.closeBecause("unframed");
    if (isStreamed(content)) return this.#stream(exchange, outgoing, content);
    exchange.content?.beginResponse();
    this.outbox.put(outgoing.head, content, this.#reporter(exchange, outgoing));
  }

  /** A response that cannot be sent becomes a 500. */
  #compose(exchange: OngoingExchange, response: HttpResponse): Outgoing {
    try {
      return compose(exchange.asked, response, exchange.closedBecause !== null);
    } catch (error) {
      return compose(exchange.asked, this.replace(exchange, error), true);
    }
  }

  /** The response that takes the place of one that cannot be: nothing may follow it. */
  replace(exchange: OngoingExchange, error: unknown): HttpResponse {
    exchange.closeBecause("fault");
    return this.toResponse(exchange, error);
  }

  /** The response that an error stands for, as long as there is somebody to get it. */
  toResponse(exchange: OngoingExchange, error: unknown): HttpResponse {
    if (this.#transport.isGone) {
      this.reportLost(exchange);
      throw error;
    }
    if (error instanceof StatusError) return errorResponse(error);
    this.#observer.onError(error);
    return errorResponse(new StatusError(500, "The server has failed to answer the request."));
  }

  async #stream(exchange: OngoingExchange, outgoing: Outgoing, content: Content): Promise<void> {
    const { head, status } = outgoing;
    let before = Infinity; // Until it begins, what is sent belongs to others.
    const sent = () => Math.max(0, this.#transport.octetsSent - before);
    try {
      if (!this.outbox.isEmpty) await this.outbox.flush();
      const next = () => this.#next(content);
      const first = await next();
      exchange.content?.beginResponse();
      before = this.#transport.octetsSent;
      exchange.sentBefore = before + lengthOf(head);
      await stream(outgoing, first, next, this.#transport);
      content.close();
    } catch (error) {
      content.close();
      if (!this.#transport.isGone && sent() === 0) {
        return this.respond(exchange, this.replace(exchange, error));
      }
      this.#cutOff(exchange, error);
      return this.#report(exchange, sent() > 0 ? status : null, sent() - lengthOf(head), false);
    }
    this.#report(exchange, status, sent() - lengthOf(head), true);
  }

  async #next(content: Content): Promise<Uint8Array | null> {
    this.#awaited = content;
    try {
      return await content.read();
    } finally {
      this.#awaited = null;
    }
  }

  /** Gives up waiting for content, now that the connection has been closed. */
  interrupt(): void {
    this.#awaited?.close();
  }

  /** The head has promised what cannot be kept: only the cut connection can tell. */
  #cutOff(exchange: OngoingExchange, error: unknown): void {
    const isGone = this.#transport.isGone;
    exchange.closedBecause = isGone ? this.cutBecause ?? "gone" : "fault";
    if (!isGone && !(error instanceof StatusError)) this.#observer.onError(error);
    this.#transport.close();
  }

  /** What reports a response once its octets have been sent, or as many as could be. */
  #reporter(exchange: OngoingExchange, { status, head, content }: Outgoing): OnSent | null {
    if (this.#observer.onExchange === null) return null;
    const headLength = lengthOf(head);
    const size = headLength + (content.length ?? 0);
    return (octets) => {
      const isComplete = octets === size;
      if (!isComplete) exchange.closedBecause = this.cutBecause ?? "gone";
      this.#report(exchange, octets > 0 ? status : null, octets - headLength, isComplete);
    };
  }

  /** Reports an exchange that nobody was left to answer. */
  reportLost(exchange: OngoingExchange): void {
    exchange.closedBecause = this.cutBecause ?? "gone";
    this.#report(exchange, null, 0, false);
  }

  #report(
    exchange: OngoingExchange,
    status: number | null,
    octets: number,
    isComplete: boolean,
  ): void {
    const { onExchange } = this.#observer;
    if (onExchange !== null) onExchange(exchange.record(status, octets, isComplete));
  }
}

/** The response that a StatusError stands for: its fields, and its sentence as content. */
export function errorResponse({ status, message, fields }: StatusError): HttpResponse {
  const isTyped = nameIn(fields, "Content-Type") !== null;
  const typed = isTyped ? fields : { "Content-Type": "text/plain", ...fields };
  return { status, fields: typed, content: `${message}\n` };
}
