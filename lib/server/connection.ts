// One connection: its requests one after the other, each answered before the next is begun
// (RFC 9112 section 9.3). It reads, parses, calls the handler, writes, and begins again.

import { type CloseReason, ConnectionState } from "../http/connection_state.ts";
import type { Content } from "../http/content.ts";
import { type HttpResponse, ignoresContent, type ParsedRequest } from "../http/message.ts";
import { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import type { Upgrade } from "../http/upgrade.ts";
import {
  type DeadlineOwner,
  Deadlines,
  type DeadlineTimer,
  MAX_TICK,
  type Waiting,
} from "./deadlines.ts";
import { Dispatcher, type Supplied } from "./dispatch.ts";
import { type ConnectionStatus, type ConnectionView, RequestContext } from "./exchange.ts";
import type { Limits } from "./limits.ts";
import type { AcceptedConn } from "./listener.ts";
import type { GuardedCallbacks } from "./callbacks.ts";
import { type Input, Receiver, RequestBody } from "./request_body.ts";
import { isStreamed, type PreparedResponse, ResponseWriter } from "./response_writer.ts";
import { RequestTurns, scheduler } from "../scheduler.ts";
import { handshakeProblem, Socket } from "./socket.ts";
import { TakenConnection } from "./upgrade.ts";

/**
 * Milliseconds without a request after which a drain closes a connection at once, and others only
 * when a whole tick has passed: the next request of a busy client is on its way. The wait may have
 * begun just before a tick.
 */
const MIN_IDLE_BEFORE_CLOSE = MAX_TICK;

/** Pipelined requests after which other connections may have their turn. */
const MAX_BURST = 32;

/** Milliseconds of so many small requests. */
const BURST_COST = 0.3;

/** What all connections of a server share. */
export interface ServerContext extends Supplied {
  readonly limits: Limits;
  readonly callbacks: Omit<GuardedCallbacks, "onListen" | "onOpen" | "onClose">;
  readonly timer: DeadlineTimer;
  /** Whether the server has as many connections as it may have. */
  readonly isAtCapacity: () => boolean;
}

/** What a connection does while it waits for something. */
const STATUSES: Readonly<Record<Waiting, ConnectionStatus>> = {
  handler: "answering",
  handshake: "waiting",
  request: "waiting",
  head: "reading",
  content: "reading",
  discard: "reading",
  response: "answering",
  linger: "closing",
  upgraded: "upgraded",
};

/** Serves one connection from its first byte to its end. */
export class Connection implements DeadlineOwner {
  readonly #accepted: AcceptedConn;
  readonly #id: string;
  readonly #server: ServerContext;
  readonly #state = new ConnectionState();
  readonly #deadlines: Deadlines;
  readonly #socket: Socket;
  readonly #writer: ResponseWriter;
  readonly #dispatcher: Dispatcher;
  readonly #parser: RequestParser;
  readonly #input: Input;
  readonly #receiver: Receiver;
  readonly #openedAt = Date.now();
  #requestCount = 0;
  readonly #turns = new RequestTurns();
  #context: RequestContext | null = null;
  #request: ParsedRequest | null = null;
  /** Bytes sent when the end of the input was noticed, while a response was awaited. */
  #bytesAtEnd = -1;
  #isDraining = false;
  #taken: TakenConnection | null = null;
  /** The 408 that is sent while the rest of a head is still awaited. */
  #timeoutResponse: Promise<void> | null = null;

  /** @param accepted The socket, which the connection closes. */
  constructor(accepted: AcceptedConn, id: string, server: ServerContext) {
    this.#accepted = accepted;
    this.#id = id;
    this.#server = server;
    this.#deadlines = new Deadlines(server.limits);
    const context = { state: this.#state, deadlines: this.#deadlines, timer: server.timer };
    this.#socket = new Socket(accepted.conn, context);
    this.#writer = new ResponseWriter(this.#socket, this.#state, server.callbacks);
    this.#parser = new RequestParser(server.limits, accepted.isSecure);
    this.#input = { ...context, parser: this.#parser, socket: this.#socket };
    this.#receiver = new Receiver(this.#input);
    this.#dispatcher = new Dispatcher(server, this.#writer, () => this.#abort("client-gone"));
  }

  /** Serves until either side closes. It never rejects: errors are reported. */
  async serve(): Promise<void> {
    const { timer, callbacks } = this.#server;
    timer.add(this);
    scheduler.count();
    try {
      if (!this.#accepted.isSecure || await this.#handshake()) await this.#serveRequests();
    } catch (error) {
      if (!this.#state.isClosed) callbacks.onError(error, this.#request);
      // Earlier responses are sent, or reported as lost.
      await this.#writer.flush().catch(() => {});
    } finally {
      timer.delete(this);
      this.#socket.close();
    }
  }

  /** Returns whether the client speaks TLS. A client that only leaves is no mismatch. */
  async #handshake(): Promise<boolean> {
    try {
      await this.#socket.handshake();
      return true;
    } catch (error) {
      const { closeReason } = this.#state;
      const problem = closeReason === "timeout"
        ? "the handshake takes too long"
        : closeReason === null
        ? handshakeProblem(error)
        : null;
      if (problem !== null) this.#reportMismatch(`no TLS: ${problem}`);
      return false;
    }
  }

  #reportMismatch(problem: string): void {
    this.#server.callbacks.onProtocolMismatch(this.#accepted.peer, problem);
  }

  /**
   * The loop. Only the socket and handlers that need time are awaited: each await of an async
   * function costs a request 0.1 us.
   */
  async #serveRequests(): Promise<void> {
    const writer = this.#writer;
    for (let burst = 0;; burst++) {
      const request = this.#nextRequest();
      if (request !== null) {
        const context = this.#begin(request);
        if (request.framing.type === "none") {
          const result = this.#dispatcher.call(context, request);
          const response = result instanceof Promise ? await result : result;
          if (response.upgrade !== undefined) {
            return await this.#handOver(context, response.upgrade);
          }
          const streamed = this.#respond(context, response);
          if (streamed !== null) await writer.stream(context, streamed);
        } else await this.#serveWithBody(context, request);
      }
      if (this.#state.closeReason !== null) break;
      if (request !== null) {
        this.#state.on("next request");
        this.#receiver.useAhead();
        if (writer.isFull) await writer.flush();
        if (burst % MAX_BURST === MAX_BURST - 1 && !scheduler.take(BURST_COST)) {
          await scheduler.turn(BURST_COST, this.#accepted.peer);
        }
        continue;
      }
      if (!writer.isEmpty) await writer.flush();
      if (this.#state.reading === "closed") return;
      if (this.#context !== null) {
        this.#context = this.#request = null;
        const turn = this.#turns.next();
        if (turn !== null) {
          this.#deadlines.expect("request", this.#server.timer.now);
          await turn;
        }
      }
      burst = 0;
      await this.#receiver.receive(this.#parser.isIdle ? "request" : "head");
      if (this.#timeoutResponse !== null) {
        await this.#timeoutResponse;
        break;
      }
    }
    if (this.#state.isClosed) return;
    this.#socket.expectLastWrite(this.#isOver ? "close" : "end of output");
    await writer.flush();
    await this.#socket.linger();
  }

  /**
   * Whether no byte can follow that would make the system send a reset: the client has asked for the
   * end (RFC 9112 section 9.6), its request had no content, and nothing was received behind it.
   */
  get #isOver(): boolean {
    return this.#state.closeReason === "requested" && !this.#accepted.isSecure &&
      this.#request?.framing.type === "none" && this.#receiver.buffered === 0;
  }

  /** The next request, or null where more bytes are needed, or the connection ends. */
  #nextRequest(): ParsedRequest | null {
    try {
      for (let event = this.#parser.next(); event !== null; event = this.#parser.next()) {
        if (event.type !== "head") continue; // The end of a request without content.
        const { head } = event;
        this.#state.on(head.framing.type === "none" ? "request" : "request with content");
        return head;
      }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      if (this.#parser.isTlsHandshake && !this.#accepted.isSecure) {
        this.#reportMismatch("TLS, which is not spoken here");
      }
      this.#refuse(error);
    }
    return null;
  }

  /** Answers what could not be read as a request. */
  #refuse(error: StatusError): void {
    const context = this.#begin(null);
    this.#state.close(error.status === 408 ? "timeout" : "bad-request", "after response");
    this.#writer.respond(context, this.#server.callbacks.errorPage(error, null));
  }

  #begin(request: ParsedRequest | null): RequestContext {
    const { limits, callbacks, timer } = this.#server;
    this.#deadlines.beginContent(timer.now);
    scheduler.count();
    this.#requestCount++;
    const { peer, peerPort, isSecure } = this.#accepted;
    const client = request === null ? peer : this.#dispatcher.clientOf(peer, request);
    this.#request = request;
    if (request !== null) {
      request.client = client;
      request.peer = peer;
      request.peerPort = peerPort;
      request.isSecure = isSecure;
      request.connection = this.#id;
      request.number = this.#requestCount;
      if (!request.isPersistent) this.#state.close("requested", "after response");
      if (this.#requestCount === limits.requests) {
        this.#state.close("max-requests", "after response");
      }
    }
    return this.#context = new RequestContext({
      connection: this.#id,
      number: this.#requestCount,
      peer,
      client,
      head: request,
      requestLine: this.#parser.requestLine,
      isRecorded: callbacks.onRequest !== null,
      tick: timer.now,
    });
  }

  /** Appends a complete response; returns one that is still to be streamed. */
  #respond(
    context: RequestContext,
    response: HttpResponse,
  ): PreparedResponse<Content> | null {
    // Requests that have been received are answered. The last of them says that it is the last.
    if (this.#isDraining && this.#receiver.buffered === 0) {
      this.#state.close("drain", "after response");
    }
    return this.#writer.respond(context, response);
  }

  /** Lets the program have the connection. It ends when the program is done with it. */
  async #handOver(context: RequestContext, upgrade: Upgrade): Promise<void> {
    await this.#flushBefore(context);
    this.#taken = new TakenConnection(upgrade.protocol, this.#input, this.#receiver);
    if (this.#isDraining) this.#taken.drain();
    const outcome = await this.#taken.run(context, upgrade, this.#server.callbacks);
    this.#writer.report(context, { ...outcome, closeReason: this.#state.closeReason });
  }

  async #serveWithBody(context: RequestContext, request: ParsedRequest): Promise<void> {
    const { discard: limit } = this.#server.limits;
    await this.#flushBefore(context);
    const body = new RequestBody(request, this.#input, this.#receiver);
    request.content = context.body = body;
    try {
      let response = await this.#dispatcher.call(context, request);
      // A streamed response may be made from the body: only its end tells what is left.
      const isUndecided = isStreamed(response.content) && !ignoresContent(request.method);
      const { failure } = body;
      if (!isUndecided && !body.discardReceived(limit)) {
        this.#state.close(reasonOf(body.failure), "after response");
        if (failure === null) response = this.#replaceIfMalformed(response, request, body.failure);
      }
      const streamed = this.#respond(context, response);
      if (streamed !== null) await this.#writer.stream(context, streamed);
      if (this.#state.closeReason === null) await this.#discardRest(body);
    } finally {
      body.revoke();
    }
  }

  /**
   * The response to a request whose handler did not read the content: where the content that has
   * been received is malformed, the message as a whole is (RFC 9112 section 2.2).
   */
  #replaceIfMalformed(
    response: HttpResponse,
    request: ParsedRequest,
    failure: StatusError | null,
  ): HttpResponse {
    if (failure === null || response.status >= 500) return response;
    if (isStreamed(response.content)) response.content.close();
    return this.#server.callbacks.errorPage(failure, request);
  }

  /** Sends earlier responses, which must leave before a `100 Continue` for this request. */
  async #flushBefore(context: RequestContext): Promise<void> {
    try {
      await this.#writer.flush();
    } catch (error) {
      this.#writer.reportLost(context);
      throw error;
    }
  }

  /** Discards what is left of the body, or ends the connection where that is too much. */
  async #discardRest(body: RequestBody): Promise<void> {
    if (body.isComplete) return;
    await this.#writer.flush();
    try {
      if (body.discardReceived(this.#server.limits.discard)) await body.discard();
      else this.#state.close(reasonOf(body.failure), "after response");
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#state.close(reasonOf(error), "after response");
    }
  }

  /** Checks the deadlines. A request that is too slow is answered with 408 where that is possible. */
  onTick(now: number): void {
    if (this.#isDraining && this.#deadlines.isQuiet()) return this.#abort("drain");
    const { waiting } = this.#deadlines;
    if (waiting === "handler") this.#checkClient();
    if (!this.#deadlines.isLate(now, this.#server.isAtCapacity())) return;
    if (waiting === "content") this.#receiver.interrupt(requestTimeout());
    else if (waiting === "head" && this.#parser.requestLine !== null) this.#sendTimeoutResponse();
    else this.#abort("timeout");
  }

  /**
   * Notices a client that leaves while the handler, or a stream, has nothing to send. The end of the
   * input aborts the request's signal. Where nothing is sent until the next tick either, the client
   * counts as gone, as for nginx: a client that closes only its sending side is rare.
   */
  #checkClient(): void {
    if (this.#state.reading !== "closed") {
      this.#receiver.readAhead().catch(() => this.#abort("client-gone"));
      return;
    }
    this.#request?.abort();
    if (this.#bytesAtEnd === this.#socket.bytesSent) this.#abort("client-gone");
    this.#bytesAtEnd = this.#socket.bytesSent;
  }

  /** Answers a head that is not complete, while its rest is still awaited. */
  #sendTimeoutResponse(): void {
    const send = async () => {
      this.#refuse(requestTimeout());
      await this.#writer.flush();
      await this.#socket.endOutput();
    };
    this.#timeoutResponse = send().catch(() => this.#socket.close());
  }

  /**
   * Ends the connection with the requests that have been received; closes it where it is idle. The
   * system delivers a response that the client has not read yet: nothing is unread that would make
   * it send a reset.
   */
  drain(): void {
    this.#isDraining = true;
    this.#taken?.drain();
    const isIdle = this.#deadlines.isIdleFor(MIN_IDLE_BEFORE_CLOSE, this.#server.timer.now);
    const isOver = this.#deadlines.waiting === "linger" && this.#state.reading === "done";
    if (isIdle || isOver) this.#abort("drain");
  }

  /** Closes at once, whatever is under way. */
  close(): void {
    this.#abort("drain");
  }

  #abort(reason: CloseReason): void {
    this.#state.close(reason, "abort");
    this.#socket.close();
    this.#taken?.close();
    this.#writer.cancel();
    this.#request?.abort();
  }

  /** What the connection does at the moment. */
  view(): ConnectionView {
    const state = STATUSES[this.#deadlines.waiting];
    const { peer } = this.#accepted;
    const context = state === "waiting" ? null : this.#context;
    return {
      id: this.#id,
      peer,
      client: context?.client ?? peer,
      openedAt: this.#openedAt,
      state,
      exchange: context?.view(this.#socket.bytesSent, this.#server.timer.now) ?? null,
    };
  }
}

/** Why a connection ends with content that cannot be discarded. */
function reasonOf(failure: StatusError | null): CloseReason {
  if (failure === null) return "unread-body";
  return failure.status === 408 ? "timeout" : "bad-request";
}

function requestTimeout(): StatusError {
  return new StatusError(408, "The request did not arrive in time.");
}
