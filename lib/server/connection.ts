// One connection: its requests one after the other, each answered before the next is begun
// (RFC 9112 section 9.3).

import type { HttpRequest, HttpResponse, ParsedRequest, RequestHead } from "../http/message.ts";
import { ignoresContent } from "../http/methods.ts";
import { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import { callHandler } from "./call_handler.ts";
import type { ServerContext } from "./server_context.ts";
import { type ConnectionView, stateOf } from "./connection_view.ts";
import type { CloseReason } from "./log_record.ts";
import { handshakeProblem } from "./handshake.ts";
import type { AcceptedConn } from "./listener.ts";
import { RequestContext } from "./request_context.ts";
import { isStreamed } from "./prepared_response.ts";
import { RequestBody } from "./request_body.ts";
import { errorResponse, ResponseWriter } from "./response_writer.ts";
import { type DeadlineOwner, MAX_TICK } from "./deadline_timer.ts";
import { Socket } from "./socket.ts";
import { Deadlines } from "./deadlines.ts";

/**
 * Milliseconds for which a connection has been idle before a server that stops gives it up: a
 * client that is busy has its next request on the way. One step of the timer is not enough: it
 * may have begun to wait just before it, or have sent its request while the server was held up.
 */
const MIN_IDLE_BEFORE_CLOSE = MAX_TICK;

/** How far the connection has come: what is to happen next. */
type Progress = "next" | "need-data" | "close" | "gone";

/** Serves one connection from its first byte to its close. */
export class Connection implements DeadlineOwner {
  readonly #socket: Socket;
  readonly #writer: ResponseWriter;
  readonly #deadlines: Deadlines;
  readonly #context: ServerContext;
  readonly #accepted: AcceptedConn;
  readonly #id: string;
  readonly #openedAt = Date.now();
  readonly #parser: RequestParser;
  #requestCount = 0;
  #exchange: RequestContext | null = null;
  #isDraining = false;
  /** The refusal of a head that has taken too long, while it is sent and the peer is to end. */
  #refusal: Promise<void> | null = null;

  /**
   * @param accepted The socket, which the connection closes, and whom it leads to.
   * @param id Names the connection in records.
   * @param context The handler and what surrounds it.
   */
  constructor(accepted: AcceptedConn, id: string, context: ServerContext) {
    this.#deadlines = new Deadlines(context.limits);
    this.#socket = new Socket(accepted.conn, this.#deadlines, context.timer);
    this.#writer = new ResponseWriter(this.#socket, context.observer);
    this.#accepted = accepted;
    this.#id = id;
    this.#context = context;
    this.#parser = new RequestParser(context.limits, accepted.isSecure);
  }

  /** Serves until either side closes. Never rejects: what goes wrong is reported. */
  async serve(): Promise<void> {
    const { timer, observer } = this.#context;
    const { buffer } = this.#writer;
    timer.add(this);
    try {
      if (!this.#accepted.isSecure || await this.#handshake()) await this.#serveAll();
    } catch (error) {
      if (!this.#socket.isGone) observer.onError(error);
      // What has been answered is sent, or reported as lost.
      if (!buffer.isEmpty) await buffer.flush().catch(() => {});
    } finally {
      timer.delete(this);
      this.#socket.close();
    }
  }

  /** Returns whether the peer speaks TLS. One that leaves has nothing wrong with it. */
  async #handshake(): Promise<boolean> {
    try {
      await this.#socket.handshake();
      return true;
    } catch (error) {
      const { abortReason } = this.#writer;
      let problem: string | null = null;
      if (abortReason === "timeout") problem = "the handshake takes too long";
      else if (abortReason === null) problem = handshakeProblem(error);
      if (problem !== null) {
        this.#context.observer.onProtocolMismatch(this.#accepted.peer, `no TLS: ${problem}`);
      }
      return false;
    }
  }

  /**
   * Request after request. Nothing is waited for but the socket, and handlers that take their
   * time: each wait of an async function costs a request 0.1 us.
   */
  async #serveAll(): Promise<void> {
    const { buffer } = this.#writer;
    for (;;) {
      const progress = this.#serveNext();
      const next = typeof progress === "string" ? progress : await progress;
      if (next === "next" && !buffer.isFull) continue;
      if (!buffer.isEmpty) await buffer.flush();
      if (next === "close") return await this.#socket.linger();
      if (next === "gone") return;
      if (next === "next") continue;
      this.#exchange = null;
      const waiting = this.#parser.isIdle ? "request" : "head";
      const count = await this.#socket.read(this.#parser.room(), waiting);
      if (this.#refusal !== null) await this.#refusal;
      else if (count === null) this.#parser.finish();
      else this.#parser.commit(count);
    }
  }

  /** Ends the wait for a peer that has taken too long: with 408 where there is a request. */
  onTick(now: number): void {
    if (this.#isDraining) this.#closeIfIdle(now);
    if (!this.#deadlines.isLate(now, this.#context.isAtCapacity())) return;
    const { waiting } = this.#deadlines;
    if (waiting === "content") this.#socket.interrupt(tooSlow());
    else if (waiting === "head" && this.#parser.requestLine !== null) this.#refuse();
    else this.#abort("timeout");
  }

  /** Answers a head that is not whole while it is still being read; what comes of it is dropped. */
  #refuse(): void {
    const refuse = async () => {
      await this.#refuseWith(tooSlow());
      await this.#writer.buffer.flush();
      await this.#socket.end();
    };
    this.#refusal = refuse().catch(() => this.#socket.close());
  }

  /** No request after those that have been read: an idle connection is closed. */
  drain(): void {
    this.#isDraining = true;
    this.#closeIfIdle(this.#context.timer.now);
  }

  #closeIfIdle(now: number): void {
    if (this.#deadlines.isIdleFor(MIN_IDLE_BEFORE_CLOSE, now)) this.#abort("drain");
  }

  /** Closes at once, whatever is under way. */
  close(): void {
    this.#abort("drain");
  }

  #abort(reason: CloseReason): void {
    if (!this.#socket.isGone) this.#writer.abortReason = reason;
    this.#socket.close();
    this.#writer.interrupt();
  }

  /** What the connection is doing. */
  view(): ConnectionView {
    const state = stateOf(this.#deadlines.waiting);
    const { peer } = this.#accepted;
    const exchange = state === "waiting" ? null : this.#exchange;
    return {
      id: this.#id,
      peer,
      client: exchange?.client ?? peer,
      openedAt: this.#openedAt,
      state,
      exchange: exchange?.view(this.#socket.bytesSent, this.#context.timer.now) ?? null,
    };
  }

  /** Serves the next request, as far as it is there. */
  #serveNext(): Progress | Promise<Progress> {
    if (this.#refusal !== null) return "close";
    if (this.#socket.isGone) return "gone";
    try {
      const event = this.#parser.next();
      if (event?.type === "head") return this.#serveRequest(event.head);
      if (event !== null) return "next"; // The end of a request that has been.
      return this.#parser.hasEnded ? "gone" : "need-data";
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      if (this.#parser.looksLikeTls && !this.#accepted.isSecure) {
        this.#context.observer.onProtocolMismatch(
          this.#accepted.peer,
          "TLS, which is not spoken here",
        );
      }
      return this.#refuseWith(error);
    }
  }

  /** Answers what could not be read as a request. */
  async #refuseWith(error: StatusError): Promise<Progress> {
    const exchange = this.#begin(null);
    exchange.setCloseReason(error.status === 408 ? "timeout" : "bad-request");
    await this.#writer.respond(exchange, errorResponse(error));
    return "close";
  }

  #begin(head: RequestHead | null): RequestContext {
    const { clientOf, observer, timer } = this.#context;
    this.#deadlines.beginContent(timer.now);
    const { peer } = this.#accepted;
    this.#requestCount++;
    return this.#exchange = new RequestContext(
      this.#id,
      this.#requestCount,
      peer,
      head === null || clientOf === null ? peer : clientOf(peer, head.fields),
      head,
      this.#parser.requestLine,
      observer.onRequest !== null,
      timer.now,
    );
  }

  /** Answers one request: at once, where the handler does and there is no content to be read. */
  #serveRequest(head: ParsedRequest): Progress | Promise<Progress> {
    const exchange = this.#begin(head);
    head.client = exchange.client;
    if (!head.isPersistent) exchange.setCloseReason("requested");
    if (this.#requestCount === this.#context.limits.requests) {
      exchange.setCloseReason("max-requests");
    }
    if (head.framing.type !== "none") return this.#serveContent(exchange, head);
    const response = this.#dispatch(exchange, head);
    if (response instanceof Promise) return this.#respondLater(exchange, response);
    return this.#respond(exchange, response);
  }

  #dispatch(
    exchange: RequestContext,
    request: HttpRequest,
  ): HttpResponse | Promise<HttpResponse> {
    return callHandler(this.#context.handler, this.#writer, exchange, request);
  }

  #respond(exchange: RequestContext, response: HttpResponse): Progress | Promise<Progress> {
    // A request that has been read is answered still: the last of them is told to be.
    if (this.#isDraining && !this.#parser.hasMore) exchange.setCloseReason("drain");
    const sending = this.#writer.respond(exchange, response);
    return sending === undefined
      ? progressAfter(exchange)
      : sending.then(() => progressAfter(exchange));
  }

  async #serveContent(exchange: RequestContext, head: ParsedRequest): Promise<Progress> {
    // What the handler reads may send 100 Continue: not before what was answered earlier.
    if (!this.#writer.buffer.isEmpty) await this.#flushBefore(exchange);
    const content = new RequestBody(head, this.#parser, this.#socket);
    exchange.content = head.content = content;
    try {
      const response = await this.#dispatch(exchange, head);
      // A streamed response may be made of the request's content: only its end tells what is left.
      const isUndecided = isStreamed(response.content) && !ignoresContent(head.method);
      if (!isUndecided && !content.discardReceived(this.#context.limits.discard)) {
        exchange.setCloseReason(reasonOf(content));
      }
      const progress = await this.#respond(exchange, response);
      return progress === "next" ? await this.#finish(content) : progress;
    } finally {
      content.revoke();
    }
  }

  /** Sends what was answered earlier. Where that fails, the request under way has no answer. */
  async #flushBefore(exchange: RequestContext): Promise<void> {
    try {
      await this.#writer.buffer.flush();
    } catch (error) {
      this.#writer.reportLost(exchange);
      throw error;
    }
  }

  /** Gets what is left of the content out of the next request's way. */
  async #finish(content: RequestBody): Promise<Progress> {
    if (content.isComplete) return "next";
    const { buffer } = this.#writer;
    if (!buffer.isEmpty) await buffer.flush();
    if (!content.discardReceived(this.#context.limits.discard)) return "close";
    try {
      await content.discard();
      return "next";
    } catch (error) {
      if (error instanceof StatusError) return "close";
      throw error;
    }
  }

  /** Waits for a handler. The responses before do not wait for it. */
  async #respondLater(
    exchange: RequestContext,
    response: Promise<HttpResponse>,
  ): Promise<Progress> {
    const { buffer } = this.#writer;
    if (buffer.isEmpty) return this.#respond(exchange, await response);
    const [flushed, answered] = await Promise.allSettled([buffer.flush(), response]);
    if (answered.status === "rejected") throw answered.reason;
    if (flushed.status === "fulfilled") return this.#respond(exchange, answered.value);
    const { content } = answered.value;
    if (isStreamed(content)) content.close();
    this.#writer.reportLost(exchange);
    throw flushed.reason;
  }
}

function progressAfter({ closeReason }: RequestContext): Progress {
  return closeReason === null ? "next" : "close";
}

/** Why a connection ends with content that cannot be passed over. */
function reasonOf({ failure }: RequestBody): CloseReason {
  if (failure === null) return "unread-body";
  return failure.status === 408 ? "timeout" : "bad-request";
}

function tooSlow(): StatusError {
  return new StatusError(408, "The request did not come in time.");
}
