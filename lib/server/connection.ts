// One connection: its requests one after the other, each answered before the next is begun
// (RFC 9112 section 9.3). This is the one place where an error becomes a response.

import { nameIn } from "../http/fields.ts";
import type { Handler, HttpRequest, HttpResponse, RequestHead } from "../http/message.ts";
import { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import type { Limits } from "./limits.ts";
import { type Asked, isStreamed, type Outgoing, prepare, send } from "./outgoing.ts";
import { receive, RequestContent } from "./request_content.ts";
import type { Sweeper, Swept } from "./sweeper.ts";
import { Transport } from "./transport.ts";
import { Watch } from "./watch.ts";

/** What became of one request, for the log. */
export interface ExchangeRecord {
  /** The client's address. */
  readonly client: string;
  /** The request line as sent, or null where it never became whole. */
  readonly requestLine: string | null;
  /** The status sent, or null where the client was gone before. */
  readonly status: number | null;
  /** Octets that were really sent after the response's head. */
  readonly octets: number;
  /** When the head was complete: milliseconds since 1970, UTC. */
  readonly startedAt: number;
  /** Milliseconds from then until the response had been sent, or was given up. */
  readonly duration: number;
}

/** What a connection reports. What it calls must not throw. */
export interface ConnectionObserver {
  /** A request has come to its end, well or badly. */
  onExchange(record: ExchangeRecord): void;
  /** A handler, or content that it gave, has failed: a fault of the program, not of the client. */
  onError(error: unknown): void;
}

/** What a connection needs to know beside its socket. */
export interface ConnectionContext {
  /** Answers the requests. */
  readonly handler: Handler;
  /** What the client may ask for. */
  readonly limits: Limits;
  /** Hears of what happens. */
  readonly observer: ConnectionObserver;
  /** Sweeps the deadlines, and tells the time. */
  readonly sweeper: Sweeper;
  /** Whether the server has as many connections as it may. */
  readonly isCrowded: () => boolean;
}

const NO_PARAMETERS = Object.freeze({});

/** Serves one connection from its first octet to its close. */
export class Connection implements Swept {
  readonly #transport: Transport;
  readonly #watch: Watch;
  readonly #context: ConnectionContext;
  readonly #client: string;
  readonly #parser: RequestParser;
  #requestCount = 0;
  /** When the request under way began, by the calendar and by the clock that only goes forward. */
  #startedAt = 0;
  #startedAtTick = 0;

  /**
   * @param conn The socket; the connection closes it.
   * @param client The peer's address, for the log and the handlers.
   * @param context The handler and what surrounds it.
   */
  constructor(conn: Deno.Conn, client: string, context: ConnectionContext) {
    this.#watch = new Watch(context.limits);
    this.#transport = new Transport(conn, this.#watch, context.sweeper);
    this.#client = client;
    this.#context = context;
    this.#parser = new RequestParser(context.limits);
  }

  /** Serves until either side closes. Never rejects: what goes wrong is reported. */
  async serve(): Promise<void> {
    this.#context.sweeper.add(this);
    try {
      while (await this.#serveRequest());
    } catch (error) {
      if (!this.#transport.isGone) this.#context.observer.onError(error);
    } finally {
      this.#context.sweeper.delete(this);
      this.#transport.close();
    }
  }

  /** Ends the wait for a peer that has taken too long: with 408 where there is a request. */
  sweep(now: number): void {
    if (!this.#watch.isLate(now, this.#context.isCrowded())) return;
    const { awaited } = this.#watch;
    const isAnswered = awaited === "content" ||
      awaited === "head" && this.#parser.requestLine !== null;
    if (isAnswered) this.#transport.interrupt(tooSlow());
    else this.#transport.close();
  }

  /** Closes at once, whatever is under way. */
  close(): void {
    this.#transport.close();
  }

  /** Serves one request; returns whether another may follow. */
  async #serveRequest(): Promise<boolean> {
    let head: RequestHead | null;
    try {
      head = await this.#readHead();
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#begin();
      await this.#respond(this.#guessAsked(), errorResponse(error), true);
      await this.#transport.linger();
      return false;
    }
    if (head === null) return false;
    const persists = await this.#exchange(head);
    if (!persists) await this.#transport.linger();
    return persists;
  }

  /** What matters to the response of a request that could not be read. */
  #guessAsked(): Asked {
    const isHead = this.#parser.requestLine?.startsWith("HEAD ") ?? false;
    return { method: isHead ? "HEAD" : "GET", minor: 1 };
  }

  async #readHead(): Promise<RequestHead | null> {
    for (let isOpen = true;;) {
      const event = this.#parser.next();
      if (event?.type === "head") return event.head;
      if (!isOpen) return null;
      const awaited = this.#parser.isIdle ? "request" : "head";
      isOpen = await receive(this.#parser, this.#transport, awaited);
    }
  }

  #begin(): void {
    this.#startedAt = Date.now();
    this.#startedAtTick = performance.now();
    this.#watch.beginContent(this.#context.sweeper.now);
  }

  /** Answers one request; returns whether another may follow. */
  async #exchange(head: RequestHead): Promise<boolean> {
    this.#begin();
    const { limits } = this.#context;
    const isLast = ++this.#requestCount === limits.requests;
    const content = new RequestContent(head, this.#parser, this.#transport);
    const response = await this.#answer({
      ...head,
      content,
      parameters: NO_PARAMETERS,
      client: this.#client,
    });
    try {
      // A streamed response may be made of the request's content: only its end tells what is left.
      const isUndecided = isStreamed(response.content) && !hasNoUseForContent(head.method);
      const persists = head.isPersistent && !isLast &&
        (isUndecided || content.skip(limits.drain));
      const isSent = await this.#respond(head, response, !persists, content);
      return isSent && await this.#finish(content);
    } finally {
      content.revoke();
    }
  }

  /** Gets what is left of the content out of the next request's way; returns whether it is. */
  async #finish(content: RequestContent): Promise<boolean> {
    if (!content.skip(this.#context.limits.drain)) return false;
    try {
      await content.drain();
      return true;
    } catch (error) {
      if (error instanceof StatusError) return false;
      throw error;
    }
  }

  /** The handler's response, or the one that its error stands for. */
  async #answer(request: HttpRequest): Promise<HttpResponse> {
    try {
      const response: unknown = await this.#context.handler(request);
      if (typeof response === "object" && response !== null) return response as HttpResponse;
      throw new TypeError("The handler has given no response");
    } catch (error) {
      return this.#toResponse(error);
    }
  }

  /** The response that an error stands for, as long as there is somebody to get it. */
  #toResponse(error: unknown): HttpResponse {
    if (this.#transport.isGone) {
      this.#report(null, 0);
      throw error;
    }
    if (error instanceof StatusError) return errorResponse(error);
    this.#context.observer.onError(error);
    return errorResponse(new StatusError(500, "The server has failed to answer the request."));
  }

  /** Sends a response and reports what became of it; returns whether another may follow. */
  async #respond(
    asked: Asked,
    response: HttpResponse,
    closes: boolean,
    content?: RequestContent,
  ): Promise<boolean> {
    const outgoing = await this.#prepare(asked, response, closes);
    content?.beginResponse();
    const before = this.#transport.octetsSent;
    const sent = () => this.#transport.octetsSent - before;
    try {
      await send(outgoing, this.#transport);
    } catch (error) {
      if (!this.#transport.isGone && sent() === 0) {
        return await this.#respond(asked, this.#toResponse(error), true);
      }
      this.#cutOff(error);
      this.#report(sent() > 0 ? outgoing.status : null, sent() - outgoing.head.length);
      return false;
    }
    this.#report(outgoing.status, sent() - outgoing.head.length);
    return !outgoing.closes;
  }

  /** The head has promised what cannot be kept: only the cut connection can tell. */
  #cutOff(error: unknown): void {
    const isOurs = !this.#transport.isGone && !(error instanceof StatusError);
    if (isOurs) this.#context.observer.onError(error);
    this.#transport.close();
  }

  /** A response that cannot be begun becomes a 500. */
  async #prepare(asked: Asked, response: HttpResponse, closes: boolean): Promise<Outgoing> {
    try {
      return await prepare(asked, response, closes);
    } catch (error) {
      return await prepare(asked, this.#toResponse(error), true);
    }
  }

  #report(status: number | null, octets: number): void {
    this.#context.observer.onExchange({
      client: this.#client,
      requestLine: this.#parser.requestLine,
      status,
      octets: Math.max(0, octets),
      startedAt: this.#startedAt,
      duration: performance.now() - this.#startedAtTick,
    });
  }
}

function tooSlow(): StatusError {
  return new StatusError(408, "The request did not come in time.");
}

/** Methods whose content means nothing (RFC 9110 section 9.3): no response is made of it. */
function hasNoUseForContent(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "DELETE" || method === "OPTIONS";
}

/** The response that a StatusError stands for: its fields, and its sentence as content. */
function errorResponse({ status, message, fields }: StatusError): HttpResponse {
  const type = nameIn(fields, "Content-Type") === null ? { "Content-Type": "text/plain" } : {};
  return { status, fields: { ...type, ...fields }, content: `${message}\n` };
}
