// One connection: its requests one after the other, each answered before the next is begun
// (RFC 9112 section 9.3).

import type { Content } from "../http/content.ts";
import type { HttpResponse, RequestHead } from "../http/message.ts";
import { hasNoUseForContent } from "../http/methods.ts";
import { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import { askHandler } from "./asking.ts";
import type { ConnectionContext } from "./connection_context.ts";
import { type ConnectionView, stateOf } from "./connection_view.ts";
import type { ClosingReason } from "./exchange.ts";
import { problemOf } from "./handshake.ts";
import type { Accepted } from "./listening.ts";
import { OngoingExchange } from "./ongoing_exchange.ts";
import { isStreamed } from "./outgoing.ts";
import { NO_CONTENT, RequestContent } from "./request_content.ts";
import { errorResponse, Responder } from "./responder.ts";
import { LONGEST_STEP, type Swept } from "./sweeper.ts";
import { Transport } from "./transport.ts";
import { Watch } from "./watch.ts";

/**
 * Milliseconds for which a connection has been idle before a server that stops gives it up: a
 * client that is busy has its next request on the way. One step of the sweeper is not enough: it
 * may have begun to wait just before it, or have sent its request while the server was held up.
 */
const LAST_CALL = LONGEST_STEP;

/** How far the connection has come: what is to happen next. */
type Progress = "answered" | "in want of octets" | "over" | "left";

/** Serves one connection from its first octet to its close. */
export class Connection implements Swept {
  readonly #transport: Transport;
  readonly #responder: Responder;
  readonly #watch: Watch;
  readonly #context: ConnectionContext;
  readonly #accepted: Accepted;
  readonly #id: string;
  readonly #openedAt = Date.now();
  readonly #parser: RequestParser;
  #requestCount = 0;
  #exchange: OngoingExchange | null = null;
  #isDraining = false;
  /** The refusal of a head that has taken too long, while it is sent and the peer is to end. */
  #refusal: Promise<void> | null = null;

  /**
   * @param accepted The socket, which the connection closes, and whom it leads to.
   * @param id Names the connection in records.
   * @param context The handler and what surrounds it.
   */
  constructor(accepted: Accepted, id: string, context: ConnectionContext) {
    this.#watch = new Watch(context.limits);
    this.#transport = new Transport(accepted.conn, this.#watch, context.sweeper);
    this.#responder = new Responder(this.#transport, context.observer);
    this.#accepted = accepted;
    this.#id = id;
    this.#context = context;
    this.#parser = new RequestParser(context.limits, accepted.isSecure);
  }

  /** Serves until either side closes. Never rejects: what goes wrong is reported. */
  async serve(): Promise<void> {
    const { sweeper, observer } = this.#context;
    const { outbox } = this.#responder;
    sweeper.add(this);
    try {
      if (!this.#accepted.isSecure || await this.#shakeHands()) await this.#serveAll();
    } catch (error) {
      if (!this.#transport.isGone) observer.onError(error);
      // What has been answered is sent, or reported as lost.
      if (!outbox.isEmpty) await outbox.flush().catch(() => {});
    } finally {
      sweeper.delete(this);
      this.#transport.close();
    }
  }

  /** Returns whether the peer speaks TLS. One that leaves has nothing wrong with it. */
  async #shakeHands(): Promise<boolean> {
    try {
      await this.#transport.shakeHands();
      return true;
    } catch (error) {
      const { cutBecause } = this.#responder;
      let problem: string | null = null;
      if (cutBecause === "timeout") problem = "the handshake takes too long";
      else if (cutBecause === null) problem = problemOf(error);
      if (problem !== null) {
        this.#context.observer.onForeign(this.#accepted.peer, `no TLS: ${problem}`);
      }
      return false;
    }
  }

  /**
   * Request after request. Nothing is waited for but the socket, and handlers that take their
   * time: each wait of an async function costs a request 0.1 us.
   */
  async #serveAll(): Promise<void> {
    const { outbox } = this.#responder;
    for (;;) {
      const progress = this.#serveNext();
      const next = typeof progress === "string" ? progress : await progress;
      if (next === "answered" && !outbox.isFull) continue;
      if (!outbox.isEmpty) await outbox.flush();
      if (next === "over") return await this.#transport.linger();
      if (next === "left") return;
      if (next === "answered") continue;
      this.#exchange = null;
      const awaited = this.#parser.isIdle ? "request" : "head";
      const count = await this.#transport.read(this.#parser.room(), awaited);
      if (this.#refusal !== null) await this.#refusal;
      else if (count === null) this.#parser.finish();
      else this.#parser.commit(count);
    }
  }

  /** Ends the wait for a peer that has taken too long: with 408 where there is a request. */
  sweep(now: number): void {
    if (this.#isDraining) this.#leaveIfIdle(now);
    if (!this.#watch.isLate(now, this.#context.isCrowded())) return;
    const { awaited } = this.#watch;
    if (awaited === "content") this.#transport.interrupt(tooSlow());
    else if (awaited === "head" && this.#parser.requestLine !== null) this.#refuse();
    else this.#cut("timeout");
  }

  /** Answers a head that is not whole while it is still being read; what comes of it is dropped. */
  #refuse(): void {
    const refuse = async () => {
      await this.#refuseWith(tooSlow());
      await this.#responder.outbox.flush();
      await this.#transport.end();
    };
    this.#refusal = refuse().catch(() => this.#transport.close());
  }

  /** No request after those that have been read: an idle connection is closed. */
  drain(): void {
    this.#isDraining = true;
    this.#leaveIfIdle(this.#context.sweeper.now);
  }

  #leaveIfIdle(now: number): void {
    if (this.#watch.isIdleFor(LAST_CALL, now)) this.#cut("drain");
  }

  /** Closes at once, whatever is under way. */
  close(): void {
    this.#cut("drain");
  }

  #cut(reason: ClosingReason): void {
    if (!this.#transport.isGone) this.#responder.cutBecause = reason;
    this.#transport.close();
    this.#responder.interrupt();
  }

  /** What the connection is doing. */
  view(): ConnectionView {
    const state = stateOf(this.#watch.awaited);
    const { peer } = this.#accepted;
    const exchange = state === "waiting" ? null : this.#exchange;
    return {
      id: this.#id,
      peer,
      client: exchange?.client ?? peer,
      openedAt: this.#openedAt,
      state,
      exchange: exchange?.view(this.#transport.octetsSent, this.#context.sweeper.now) ?? null,
    };
  }

  /** Serves the next request, as far as it is there. */
  #serveNext(): Progress | Promise<Progress> {
    if (this.#refusal !== null) return "over";
    if (this.#transport.isGone) return "left";
    try {
      const event = this.#parser.next();
      if (event?.type === "head") return this.#serveRequest(event.head);
      if (event !== null) return "answered"; // The end of a request that has been.
      return this.#parser.hasEnded ? "left" : "in want of octets";
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      if (this.#parser.looksLikeTls && !this.#accepted.isSecure) {
        this.#context.observer.onForeign(this.#accepted.peer, "TLS, which is not spoken here");
      }
      return this.#refuseWith(error);
    }
  }

  /** Answers what could not be read as a request. */
  async #refuseWith(error: StatusError): Promise<Progress> {
    const exchange = this.#begin(null);
    exchange.closeBecause(error.status === 408 ? "timeout" : "refused");
    await this.#responder.respond(exchange, errorResponse(error));
    return "over";
  }

  #begin(head: RequestHead | null): OngoingExchange {
    const { clientOf, observer, sweeper } = this.#context;
    this.#watch.beginContent(sweeper.now);
    const { peer } = this.#accepted;
    this.#requestCount++;
    return this.#exchange = new OngoingExchange(
      this.#id,
      this.#requestCount,
      peer,
      head === null || clientOf === null ? peer : clientOf(peer, head.fields),
      head,
      this.#parser.requestLine,
      observer.onExchange !== null,
      sweeper.now,
    );
  }

  /** Answers one request: at once, where the handler does and there is no content to be read. */
  #serveRequest(head: RequestHead): Progress | Promise<Progress> {
    const exchange = this.#begin(head);
    if (!head.isPersistent) exchange.closeBecause("asked");
    if (this.#requestCount === this.#context.limits.requests) exchange.closeBecause("limit");
    if (head.framing.type !== "none") return this.#serveContent(exchange, head);
    const response = this.#ask(exchange, head, NO_CONTENT);
    if (response instanceof Promise) return this.#respondLater(exchange, response);
    return this.#respond(exchange, response);
  }

  #ask(
    exchange: OngoingExchange,
    head: RequestHead,
    content: Content,
  ): HttpResponse | Promise<HttpResponse> {
    return askHandler(this.#context.handler, this.#responder, exchange, head, content);
  }

  #respond(exchange: OngoingExchange, response: HttpResponse): Progress | Promise<Progress> {
    // A request that has been read is answered still: the last of them is told to be.
    if (this.#isDraining && !this.#parser.hasMore) exchange.closeBecause("drain");
    const sending = this.#responder.respond(exchange, response);
    return sending === undefined ? progressOf(exchange) : sending.then(() => progressOf(exchange));
  }

  async #serveContent(exchange: OngoingExchange, head: RequestHead): Promise<Progress> {
    // What the handler reads may send 100 Continue: not before what was answered earlier.
    if (!this.#responder.outbox.isEmpty) await this.#flushBefore(exchange);
    const content = new RequestContent(head, this.#parser, this.#transport);
    exchange.content = content;
    try {
      const response = await this.#ask(exchange, head, content);
      // A streamed response may be made of the request's content: only its end tells what is left.
      const isUndecided = isStreamed(response.content) && !hasNoUseForContent(head.method);
      if (!isUndecided && !content.skip(this.#context.limits.drain)) {
        exchange.closeBecause(reasonOf(content));
      }
      const progress = await this.#respond(exchange, response);
      return progress === "answered" ? await this.#finish(content) : progress;
    } finally {
      content.revoke();
    }
  }

  /** Sends what was answered earlier. Where that fails, the request under way has no answer. */
  async #flushBefore(exchange: OngoingExchange): Promise<void> {
    try {
      await this.#responder.outbox.flush();
    } catch (error) {
      this.#responder.reportLost(exchange);
      throw error;
    }
  }

  /** Gets what is left of the content out of the next request's way. */
  async #finish(content: RequestContent): Promise<Progress> {
    if (content.isComplete) return "answered";
    const { outbox } = this.#responder;
    if (!outbox.isEmpty) await outbox.flush();
    if (!content.skip(this.#context.limits.drain)) return "over";
    try {
      await content.drain();
      return "answered";
    } catch (error) {
      if (error instanceof StatusError) return "over";
      throw error;
    }
  }

  /** Waits for a handler. The responses before do not wait for it. */
  async #respondLater(
    exchange: OngoingExchange,
    response: Promise<HttpResponse>,
  ): Promise<Progress> {
    const { outbox } = this.#responder;
    if (outbox.isEmpty) return this.#respond(exchange, await response);
    const [flushed, answered] = await Promise.allSettled([outbox.flush(), response]);
    if (answered.status === "rejected") throw answered.reason;
    if (flushed.status === "fulfilled") return this.#respond(exchange, answered.value);
    const { content } = answered.value;
    if (isStreamed(content)) content.close();
    this.#responder.reportLost(exchange);
    throw flushed.reason;
  }
}

function progressOf({ closedBecause }: OngoingExchange): Progress {
  return closedBecause === null ? "answered" : "over";
}

/** Why a connection ends with content that cannot be passed over. */
function reasonOf({ failure }: RequestContent): ClosingReason {
  if (failure === null) return "unread";
  return failure.status === 408 ? "timeout" : "refused";
}

function tooSlow(): StatusError {
  return new StatusError(408, "The request did not come in time.");
}
