// Sends the responses of one connection, and tells what became of each. What fails before a
// response has begun becomes another one; what fails within it cuts the connection.

import type { Content } from "../http/content.ts";
import { nameIn } from "../http/fields.ts";
import type { HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { headLength } from "../http/writer.ts";
import type { OnSent } from "./write_batch.ts";
import type { CloseReason, LogRecord } from "./log_record.ts";
import type { RequestContext } from "./request_context.ts";
import { WriteBuffer } from "./write_buffer.ts";
import { isStreamed, type PreparedResponse, prepareResponse, stream } from "./prepared_response.ts";
import type { Socket } from "./socket.ts";

/** Who hears of exchanges that are over, if anybody wants to, and of faults. */
export interface ResponseObserver {
  readonly onRequest: ((record: LogRecord) => void) | null;
  readonly onError: (error: unknown) => void;
}

/** The responses of one connection. */
export class ResponseWriter {
  readonly #socket: Socket;
  readonly #observer: ResponseObserver;
  /** Whole responses that are to be sent before the connection waits for anything. */
  readonly buffer: WriteBuffer;
  /** Why the connection was closed from this side, while a response was on its way. */
  abortReason: CloseReason | null = null;
  /** Content that is waited for: it may be silent for ever. */
  #waiting: Content | null = null;

  constructor(socket: Socket, observer: ResponseObserver) {
    this.#socket = socket;
    this.#observer = observer;
    this.buffer = new WriteBuffer(socket);
  }

  /** Sends a response, or puts it on its way. Resolves once the next one may follow. */
  respond(exchange: RequestContext, response: HttpResponse): void | Promise<void> {
    const prepared = this.#prepare(exchange, response);
    const { content } = prepared;
    if (prepared.closes) exchange.setCloseReason("no-length");
    if (isStreamed(content)) return this.#stream(exchange, prepared, content);
    exchange.content?.beginResponse();
    this.buffer.put(prepared.head, content, this.#reporter(exchange, prepared));
  }

  /** A response that cannot be sent becomes a 500. */
  #prepare(exchange: RequestContext, response: HttpResponse): PreparedResponse {
    try {
      return prepareResponse(exchange.request, response, exchange.closeReason !== null);
    } catch (error) {
      return prepareResponse(exchange.request, this.replace(exchange, error), true);
    }
  }

  /** The response that takes the place of one that cannot be: nothing may follow it. */
  replace(exchange: RequestContext, error: unknown): HttpResponse {
    exchange.setCloseReason("server-error");
    return this.toResponse(exchange, error);
  }

  /** The response that an error stands for, as long as there is somebody to get it. */
  toResponse(exchange: RequestContext, error: unknown): HttpResponse {
    if (this.#socket.isGone) {
      this.reportLost(exchange);
      throw error;
    }
    if (error instanceof StatusError) return errorResponse(error);
    this.#observer.onError(error);
    return errorResponse(new StatusError(500, "The server has failed to answer the request."));
  }

  async #stream(
    exchange: RequestContext,
    prepared: PreparedResponse,
    content: Content,
  ): Promise<void> {
    const { head, status } = prepared;
    let before = Infinity; // Until it begins, what is sent belongs to others.
    const sent = () => Math.max(0, this.#socket.bytesSent - before);
    try {
      if (!this.buffer.isEmpty) await this.buffer.flush();
      const next = () => this.#next(content);
      const first = await next();
      exchange.content?.beginResponse();
      before = this.#socket.bytesSent;
      exchange.sentBefore = before + headLength(head);
      await stream(prepared, first, next, this.#socket);
      content.close();
    } catch (error) {
      content.close();
      if (!this.#socket.isGone && sent() === 0) {
        return this.respond(exchange, this.replace(exchange, error));
      }
      this.#abortResponse(exchange, error);
      return this.#report(exchange, sent() > 0 ? status : null, sent() - headLength(head), false);
    }
    this.#report(exchange, status, sent() - headLength(head), true);
  }

  async #next(content: Content): Promise<Uint8Array | null> {
    this.#waiting = content;
    try {
      return await content.read();
    } finally {
      this.#waiting = null;
    }
  }

  /** Gives up waiting for content, now that the connection has been closed. */
  interrupt(): void {
    this.#waiting?.close();
  }

  /** The head has promised what cannot be kept: only the cut connection can tell. */
  #abortResponse(exchange: RequestContext, error: unknown): void {
    const isGone = this.#socket.isGone;
    exchange.closeReason = isGone ? this.abortReason ?? "client-gone" : "server-error";
    if (!isGone && !(error instanceof StatusError)) this.#observer.onError(error);
    this.#socket.close();
  }

  /** What reports a response once its bytes have been sent, or as many as could be. */
  #reporter(exchange: RequestContext, { status, head, content }: PreparedResponse): OnSent | null {
    if (this.#observer.onRequest === null) return null;
    const headSize = headLength(head);
    const size = headSize + (content.length ?? 0);
    return (bytes) => {
      const isComplete = bytes === size;
      if (!isComplete) exchange.closeReason = this.abortReason ?? "client-gone";
      this.#report(exchange, bytes > 0 ? status : null, bytes - headSize, isComplete);
    };
  }

  /** Reports an exchange that nobody was left to answer. */
  reportLost(exchange: RequestContext): void {
    exchange.closeReason = this.abortReason ?? "client-gone";
    this.#report(exchange, null, 0, false);
  }

  #report(
    exchange: RequestContext,
    status: number | null,
    bytes: number,
    isComplete: boolean,
  ): void {
    const { onRequest } = this.#observer;
    if (onRequest !== null) onRequest(exchange.record(status, bytes, isComplete));
  }
}

/** The response that a StatusError stands for: its fields, and its sentence as content. */
export function errorResponse({ status, message, fields }: StatusError): HttpResponse {
  const isTyped = nameIn(fields, "Content-Type") !== null;
  const typed = isTyped ? fields : { "Content-Type": "text/plain", ...fields };
  return { status, fields: typed, content: `${message}\n` };
}
