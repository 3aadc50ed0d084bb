// One connection: its requests one after the other, each answered before the next is begun
// (RFC 9112 section 9.3). This is the one place where an error becomes a response.

import type { Content } from "../http/content.ts";
import { nameIn } from "../http/fields.ts";
import type { Handler, HttpResponse, RequestHead } from "../http/message.ts";
import { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import { lengthOf, type ResponseHead } from "../http/writer.ts";
import type { Limits } from "./limits.ts";
import { type OnSent, Outbox } from "./outbox.ts";
import { type Asked, compose, isStreamed, type Outgoing, stream } from "./outgoing.ts";
import { NO_CONTENT, RequestContent } from "./request_content.ts";
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
  /** Hears of what happens; of requests only where somebody wants to. */
  readonly observer: {
    readonly onExchange: ConnectionObserver["onExchange"] | null;
    readonly onError: ConnectionObserver["onError"];
  };
  /** Sweeps the deadlines, and tells the time. */
  readonly sweeper: Sweeper;
  /** Whether the server has as many connections as it may. */
  readonly isCrowded: () => boolean;
}

const NO_PARAMETERS = Object.freeze({});

/** How far the connection has come: what is to happen next. */
type Progress = "answered" | "in want of octets" | "over" | "left";

/** Serves one connection from its first octet to its close. */
export class Connection implements Swept {
  readonly #transport: Transport;
  readonly #outbox: Outbox;
  readonly #watch: Watch;
  readonly #context: ConnectionContext;
  readonly #client: string;
  readonly #parser: RequestParser;
  #requestCount = 0;
  /** When the request under way began, by the calendar and by the clock that only goes forward. */
  #startedAt = 0;
  #startedAtTick = 0;
  /** The refusal of a head that has taken too long, while it is sent and the peer is to end. */
  #refusal: Promise<void> | null = null;

  /**
   * @param conn The socket; the connection closes it.
   * @param client The peer's address, for the log and the handlers.
   * @param context The handler and what surrounds it.
   */
  constructor(conn: Deno.Conn, client: string, context: ConnectionContext) {
    this.#watch = new Watch(context.limits);
    this.#transport = new Transport(conn, this.#watch, context.sweeper);
    this.#outbox = new Outbox(this.#transport);
    this.#client = client;
    this.#context = context;
    this.#parser = new RequestParser(context.limits);
  }

  /** Serves until either side closes. Never rejects: what goes wrong is reported. */
  async serve(): Promise<void> {
    this.#context.sweeper.add(this);
    try {
      await this.#serveAll();
    } catch (error) {
      if (!this.#transport.isGone) this.#context.observer.onError(error);
      // What has been answered is sent, or reported as lost.
      if (!this.#outbox.isEmpty) await this.#outbox.flush().catch(() => {});
    } finally {
      this.#context.sweeper.delete(this);
      this.#transport.close();
    }
  }

  /**
   * Request after request. Nothing is waited for but the socket, and handlers that take their
   * time: each wait of an async function costs a request 0.1 us.
   */
  async #serveAll(): Promise<void> {
    for (;;) {
      const progress = this.#serveNext();
      const next = typeof progress === "string" ? progress : await progress;
      if (next === "answered" && !this.#outbox.isFull) continue;
      if (!this.#outbox.isEmpty) await this.#outbox.flush();
      if (next === "over") return await this.#transport.linger();
      if (next === "left") return;
      if (next === "answered") continue;
      const awaited = this.#parser.isIdle ? "request" : "head";
      const count = await this.#transport.read(this.#parser.room(), awaited);
      if (this.#refusal !== null) await this.#refusal;
      else if (count === null) this.#parser.finish();
      else this.#parser.commit(count);
    }
  }

  /** Ends the wait for a peer that has taken too long: with 408 where there is a request. */
  sweep(now: number): void {
    if (!this.#watch.isLate(now, this.#context.isCrowded())) return;
    const { awaited } = this.#watch;
    if (awaited === "content") this.#transport.interrupt(tooSlow());
    else if (awaited === "head" && this.#parser.requestLine !== null) this.#refuse();
    else this.#transport.close();
  }

  /** Answers a head that is not whole while it is still being read; what comes of it is dropped. */
  #refuse(): void {
    const refuse = async () => {
      this.#refuseWith(tooSlow());
      await this.#outbox.flush();
      await this.#transport.end();
    };
    this.#refusal = refuse().catch(() => this.#transport.close());
  }

  /** Closes at once, whatever is under way. */
  close(): void {
    this.#transport.close();
  }

  /** Serves the next request, as far as it is there. */
  #serveNext(): Progress | Promise<Progress> {
    if (this.#refusal !== null) return "over";
    if (this.#transport.isGone) return "left";
    try {
      const event = this.#parser.next();
      if (event?.type === "head") return this.#exchange(event.head);
      if (event !== null) return "answered"; // The end of a request that has been.
      return this.#parser.hasEnded ? "left" : "in want of octets";
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return this.#refuseWith(error);
    }
  }

  /** Answers what could not be read as a request. */
  #refuseWith(error: StatusError): Progress | Promise<Progress> {
    this.#begin();
    const isHead = this.#parser.requestLine?.startsWith("HEAD ") ?? false;
    const asked: Asked = { method: isHead ? "HEAD" : "GET", minor: 1 };
    return this.#respond(asked, errorResponse(error), true);
  }

  #begin(): void {
    this.#watch.beginContent(this.#context.sweeper.now);
    if (this.#context.observer.onExchange === null) return;
    this.#startedAt = Date.now();
    this.#startedAtTick = performance.now();
  }

  /** Answers one request: at once, where the handler does and there is no content to be read. */
  #exchange(head: RequestHead): Progress | Promise<Progress> {
    this.#begin();
    const isLast = !head.isPersistent || ++this.#requestCount === this.#context.limits.requests;
    if (head.framing.type !== "none") return this.#exchangeContent(head, isLast);
    const response = this.#answer(head, NO_CONTENT);
    if (response instanceof Promise) return this.#respondLater(head, response, isLast);
    return this.#respond(head, response, isLast);
  }

  async #exchangeContent(head: RequestHead, isLast: boolean): Promise<Progress> {
    // What the handler reads may send 100 Continue: not before what was answered earlier.
    if (!this.#outbox.isEmpty) await this.#flushEarlier();
    const content = new RequestContent(head, this.#parser, this.#transport);
    try {
      const response = await this.#answer(head, content);
      // A streamed response may be made of the request's content: only its end tells what is left.
      const isUndecided = isStreamed(response.content) && !hasNoUseForContent(head.method);
      const isOver = isLast || !isUndecided && !content.skip(this.#context.limits.drain);
      const progress = await this.#respond(head, response, isOver, content);
      return progress === "answered" ? await this.#finish(content) : progress;
    } finally {
      content.revoke();
    }
  }

  /** Sends what was answered earlier. Where that fails, the request under way has no answer. */
  async #flushEarlier(): Promise<void> {
    try {
      await this.#outbox.flush();
    } catch (error) {
      this.#reporter(null, null)?.(0);
      throw error;
    }
  }

  /** Gets what is left of the content out of the next request's way. */
  async #finish(content: RequestContent): Promise<Progress> {
    if (content.isComplete) return "answered";
    if (!this.#outbox.isEmpty) await this.#outbox.flush();
    if (!content.skip(this.#context.limits.drain)) return "over";
    try {
      await content.drain();
      return "answered";
    } catch (error) {
      if (error instanceof StatusError) return "over";
      throw error;
    }
  }

  /** The handler's response, or the one that its error stands for. */
  #answer(head: RequestHead, content: Content): HttpResponse | Promise<HttpResponse> {
    const { method, target, path, query, authority, minor } = head;
    const { fields, framing, isPersistent, expectsContinue } = head;
    // Written out, since to spread the head takes three times as long.
    const request = {
      method,
      target,
      path,
      query,
      authority,
      minor,
      fields,
      framing,
      isPersistent,
      expectsContinue,
      content,
      parameters: NO_PARAMETERS,
      client: this.#client,
    };
    try {
      const response = this.#context.handler(request);
      return isThenable(response) ? this.#settle(response) : checked(response);
    } catch (error) {
      return this.#toResponse(error);
    }
  }

  async #settle(response: PromiseLike<HttpResponse>): Promise<HttpResponse> {
    try {
      return checked(await response);
    } catch (error) {
      return this.#toResponse(error);
    }
  }

  /** The response that an error stands for, as long as there is somebody to get it. */
  #toResponse(error: unknown): HttpResponse {
    if (this.#transport.isGone) {
      this.#reporter(null, null)?.(0);
      throw error;
    }
    if (error instanceof StatusError) return errorResponse(error);
    this.#context.observer.onError(error);
    return errorResponse(new StatusError(500, "The server has failed to answer the request."));
  }

  /** Waits for a handler. The responses before do not wait for it. */
  async #respondLater(
    head: RequestHead,
    response: Promise<HttpResponse>,
    isLast: boolean,
  ): Promise<Progress> {
    if (this.#outbox.isEmpty) return this.#respond(head, await response, isLast);
    const [flushed, answered] = await Promise.allSettled([this.#outbox.flush(), response]);
    if (answered.status === "rejected") throw answered.reason;
    if (flushed.status === "fulfilled") return this.#respond(head, answered.value, isLast);
    const { content } = answered.value;
    if (isStreamed(content)) content.close();
    this.#reporter(null, null)?.(0);
    throw flushed.reason;
  }

  /** Sends a response, or puts it on its way. */
  #respond(
    asked: Asked,
    response: HttpResponse,
    isLast: boolean,
    requestContent?: RequestContent,
  ): Progress | Promise<Progress> {
    const outgoing = this.#compose(asked, response, isLast);
    const { content } = outgoing;
    if (isStreamed(content)) return this.#stream(outgoing, content, asked, requestContent);
    requestContent?.beginResponse();
    this.#outbox.put(outgoing.head, content, this.#reporter(outgoing.status, outgoing.head));
    return outgoing.closes ? "over" : "answered";
  }

  /** A response that cannot be sent becomes a 500. */
  #compose(asked: Asked, response: HttpResponse, isLast: boolean): Outgoing {
    try {
      return compose(asked, response, isLast);
    } catch (error) {
      return compose(asked, this.#toResponse(error), true);
    }
  }

  /** Sends a response piece by piece. What fails before it has begun becomes another one. */
  async #stream(
    outgoing: Outgoing,
    content: Content,
    asked: Asked,
    requestContent?: RequestContent,
  ): Promise<Progress> {
    const { head, status, closes } = outgoing;
    let before = Infinity; // Until it begins, what is sent belongs to others.
    const sent = () => Math.max(0, this.#transport.octetsSent - before);
    try {
      if (!this.#outbox.isEmpty) await this.#outbox.flush();
      const first = await content.read();
      requestContent?.beginResponse();
      before = this.#transport.octetsSent;
      await stream(outgoing, first, content, this.#transport);
    } catch (error) {
      content.close();
      if (!this.#transport.isGone && sent() === 0) {
        return this.#respond(asked, this.#toResponse(error), true);
      }
      this.#cutOff(error);
      this.#reporter(sent() > 0 ? status : null, head)?.(sent());
      return "over";
    }
    this.#reporter(status, head)?.(sent());
    return closes ? "over" : "answered";
  }

  /** The head has promised what cannot be kept: only the cut connection can tell. */
  #cutOff(error: unknown): void {
    const isOurs = !this.#transport.isGone && !(error instanceof StatusError);
    if (isOurs) this.#context.observer.onError(error);
    this.#transport.close();
  }

  /** What reports a response once its octets have been sent, or as many as could be. */
  #reporter(status: number | null, head: ResponseHead | null): OnSent | null {
    const { observer } = this.#context;
    if (observer.onExchange === null) return null;
    const headLength = head === null ? 0 : lengthOf(head);
    const [startedAt, startedAtTick] = [this.#startedAt, this.#startedAtTick];
    const { requestLine } = this.#parser;
    return (octets) =>
      observer.onExchange?.({
        client: this.#client,
        requestLine,
        status: octets > 0 ? status : null,
        octets: Math.max(0, octets - headLength),
        startedAt,
        duration: performance.now() - startedAtTick,
      });
  }
}

function isThenable(value: unknown): value is PromiseLike<HttpResponse> {
  return typeof value === "object" && value !== null && "then" in value;
}

function checked(response: unknown): HttpResponse {
  if (typeof response === "object" && response !== null) return response as HttpResponse;
  throw new TypeError("The handler has given no response");
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
