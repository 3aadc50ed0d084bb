// Calls what the program supplies for each request: its handler, and clientOf. Whatever they do,
// there is a response.

import type { Fields } from "../http/fields.ts";
import type { Handler, HttpResponse, ParsedRequest } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import type { RequestContext } from "./exchange.ts";
import type { GuardedCallbacks } from "./callbacks.ts";
import type { ResponseWriter } from "./response_writer.ts";

/** What the program supplies. */
export interface Supplied {
  readonly handler: Handler;
  /** Returns the client of a request, given its peer and its fields; null where it is the peer. */
  readonly clientOf: ((peer: string, fields: Fields) => string) | null;
  readonly callbacks: Pick<GuardedCallbacks, "onError">;
}

/** Dispatches the requests of one connection. */
export class Dispatcher {
  readonly #supplied: Supplied;
  readonly #writer: ResponseWriter;
  readonly #abort: () => void;

  /** @param abort Aborts the connection, because the client has left. */
  constructor(supplied: Supplied, writer: ResponseWriter, abort: () => void) {
    this.#supplied = supplied;
    this.#writer = writer;
    this.#abort = abort;
  }

  /** The client of a request: the peer where clientOf throws. */
  clientOf(peer: string, request: ParsedRequest): string {
    const { clientOf, callbacks } = this.#supplied;
    if (clientOf === null) return peer;
    try {
      return clientOf(peer, request.fields);
    } catch (error) {
      callbacks.onError(error, request);
      return peer;
    }
  }

  /**
   * The response of the handler, or the one that its error stands for. This is the one place where a
   * response is there at once, or is a promise: a promise costs a request 0.1 us.
   */
  call(context: RequestContext, request: ParsedRequest): HttpResponse | Promise<HttpResponse> {
    try {
      const result: unknown = this.#supplied.handler(request);
      return isThenable(result) ? this.#await(context, request, result) : checkResponse(result);
    } catch (error) {
      return this.#answerFailure(context, request, error);
    }
  }

  async #await(
    context: RequestContext,
    request: ParsedRequest,
    result: PromiseLike<unknown>,
  ): Promise<HttpResponse> {
    // Earlier responses do not wait for this one. If they are lost, so is the connection.
    const flushed = this.#writer.isEmpty ? null : this.#writer.flush().catch(() => {});
    try {
      return checkResponse(await result);
    } catch (error) {
      // A handler that fails because its client has left is no fault of the server.
      if (request.isAborted) this.#abort();
      return await this.#answerFailure(context, request, error);
    } finally {
      if (flushed !== null) await flushed;
    }
  }

  /** The response in place of what a handler threw: onError may have another one than the 500. */
  #answerFailure(
    context: RequestContext,
    request: ParsedRequest,
    error: unknown,
  ): HttpResponse | Promise<HttpResponse> {
    const writer = this.#writer;
    if (writer.isClosed || error instanceof StatusError) return writer.toResponse(context, error);
    const answer = this.#supplied.callbacks.onError(error, request);
    if (!isThenable(answer)) return this.#checkAnswer(context, answer);
    return Promise.resolve(answer).then((awaited) => this.#checkAnswer(context, awaited));
  }

  #checkAnswer(context: RequestContext, answer: unknown): HttpResponse {
    if (typeof answer !== "object" || answer === null) return this.#writer.failureResponse(context);
    try {
      return checkResponse(answer);
    } catch (error) {
      this.#supplied.callbacks.onError(error, context.request);
      return this.#writer.failureResponse(context);
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}

/** @throws {TypeError} for what is no response, and says what to return instead. */
function checkResponse(response: unknown): HttpResponse {
  const wanted = "a handler returns { status, fields, content }";
  if (typeof response !== "object" || response === null) {
    const found = typeof response === "string" ? "a string" : String(response);
    throw new TypeError(`The handler returned ${found}: ${wanted}`);
  }
  if ("headers" in response) { // To name the class Response would load it, in 5 ms.
    throw new TypeError(
      `The handler returned a web Response: ${wanted}, and fetchHandler() makes one of a web handler`,
    );
  }
  return response as HttpResponse;
}
