// Writes the responses of one connection and reports each when it is sent. A failure before a
// response has begun becomes another response; a failure within it aborts the connection.

import type { CloseReason, ConnectionState } from "../http/connection_state.ts";
import type { Content } from "../http/content.ts";
import { formatDate, oncePerSecond } from "../http/date.ts";
import { type HttpResponse, withContentType } from "../http/message.ts";
import { isContentless, StatusError } from "../http/status.ts";
import { isAscii } from "../http/syntax.ts";
import {
  encodeChunk,
  HeadComposer,
  headLength,
  joinHead,
  LAST_CHUNK,
  type ResponseFraming,
  responseFraming,
  type ResponseHead,
} from "../http/writer.ts";
import { sleep } from "./deadlines.ts";
import type { LogRecord, RequestContext } from "./exchange.ts";
import type { GuardedCallbacks } from "./callbacks.ts";
import { ConnectionLost, type Socket } from "./socket.ts";
import { type OnSent, WriteBuffer } from "./write_buffer.ts";

/** A response that is ready to be sent. */
export interface PreparedResponse<C = string | Uint8Array | Content> {
  readonly status: number;
  readonly head: ResponseHead;
  readonly framing: ResponseFraming;
  /** The content; empty for HEAD. Text is ASCII. */
  readonly content: C;
  /** Why the connection ends with this response, or null where it is kept. */
  readonly closeReason: CloseReason | null;
}

/** The callbacks that a response needs. */
type Reports = Pick<GuardedCallbacks, "onRequest" | "onError" | "errorPage">;

/** Whether the content of a response is read while it is sent. */
export function isStreamed(content: HttpResponse["content"]): content is Content {
  return typeof content === "object" && !(content instanceof Uint8Array);
}

const dateAt = oncePerSecond(formatDate);
const heads = new HeadComposer();
const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);
const DONE = Promise.resolve();

/** Milliseconds for which the head waits for the first piece: a file is read in less. */
const HEAD_DELAY = 10;

/** Bytes of chunks that are gathered at most: copying more would cost more than another write. */
const MAX_GATHERED = 16_384;

/** Turns of the microtask queue after which a piece counts as not there: a stream takes up to 20. */
const READY_TURNS = 32;

/** Whether a promise is settled as soon as everything has run that is ready to run. */
async function isReady(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = () => void (isSettled = true);
  promise.then(settle, settle);
  for (let turn = 0; turn < READY_TURNS && !isSettled; turn++) await null;
  return isSettled;
}

/** Small chunks that leave in one write, because the next was there before they were sent. */
class Gathered {
  readonly #send: (bytes: Uint8Array) => Promise<void>;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(send: (bytes: Uint8Array) => Promise<void>) {
    this.#send = send;
  }

  get size(): number {
    return this.#size;
  }

  async add(chunk: Uint8Array): Promise<void> {
    if (this.#size + chunk.length > MAX_GATHERED && this.#size > 0) await this.flush();
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > MAX_GATHERED) await this.flush();
  }

  async flush(): Promise<void> {
    const chunks = this.#chunks;
    let bytes = chunks[0] ?? NOTHING;
    if (chunks.length > 1) {
      bytes = new Uint8Array(this.#size);
      let at = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
    }
    this.#chunks = [];
    this.#size = 0;
    await this.#send(bytes);
  }
}

/** The responses of one connection. */
export class ResponseWriter {
  readonly #socket: Socket;
  readonly #state: ConnectionState;
  readonly #callbacks: Reports;
  readonly #buffer: WriteBuffer;
  /** Content that is being read: it may produce nothing for ever. */
  #pendingContent: Content | null = null;

  constructor(
    socket: Socket,
    state: ConnectionState,
    callbacks: Reports,
  ) {
    this.#socket = socket;
    this.#state = state;
    this.#callbacks = callbacks;
    this.#buffer = new WriteBuffer(socket);
  }

  /** Whether no response waits to be sent. */
  get isEmpty(): boolean {
    return this.#buffer.isEmpty;
  }

  /** Whether {@linkcode flush} must come before the next response. */
  get isFull(): boolean {
    return this.#buffer.isFull;
  }

  /** Sends the responses that wait, if there are any. */
  flush(): Promise<void> {
    return this.#buffer.isEmpty ? DONE : this.#buffer.flush();
  }

  /**
   * Appends a complete response to those that wait. A response that cannot be sent becomes a 500.
   *
   * @returns A response with content to be streamed, for {@linkcode stream}; else null.
   * @throws {ConnectionLost} where the connection is gone already.
   */
  respond(context: RequestContext, response: HttpResponse): PreparedResponse<Content> | null {
    const prepared = this.#prepareOrReplace(context, response);
    const { content } = prepared;
    if (isStreamed(content)) return { ...prepared, content };
    this.#checkOpen(context);
    this.#state.on("response");
    this.#buffer.append(prepared.head, content, this.#reporter(context, prepared, content.length));
    this.#state.on("end of response");
    return null;
  }

  #prepareOrReplace(context: RequestContext, response: HttpResponse): PreparedResponse {
    try {
      return this.#prepare(context, response);
    } catch (error) {
      return this.#prepare(context, this.#replace(context, error));
    }
  }

  #prepare({ head: request }: RequestContext, response: HttpResponse): PreparedResponse {
    const { status } = response;
    const typed = isContentless(status) ? response : withContentType(response);
    const content = encodeText(response.content ?? "");
    try {
      const framing = responseFraming(request.minorVersion, status, content.length);
      const closes = this.#state.closeReason !== null || framing.type === "until close";
      const date = dateAt(Date.now());
      const head = heads.compose(request, typed, { date, framing, closes });
      if (closes) this.#state.close("no-length", "after response");
      const { closeReason } = this.#state;
      if (hasContent(request.method, status)) {
        return { status, head, framing, content, closeReason };
      }
      if (isStreamed(content)) content.close();
      return { status, head, framing, content: "", closeReason };
    } catch (error) {
      if (isStreamed(content)) content.close();
      throw error;
    }
  }

  /** The response in place of one that cannot be sent: the connection ends with it. */
  #replace(context: RequestContext, error: unknown): HttpResponse {
    this.#state.close("server-error", "after response");
    return this.toResponse(context, error);
  }

  /** The response that an error stands for; the error is thrown where the connection is gone. */
  toResponse(context: RequestContext, error: unknown): HttpResponse {
    if (this.#state.isClosed) {
      this.reportLost(context);
      throw error;
    }
    if (error instanceof StatusError) return this.#callbacks.errorPage(error, context.request);
    this.#callbacks.onError(error, context.request);
    return this.failureResponse(context);
  }

  /** The 500 for a failure that has been reported. */
  failureResponse({ request }: RequestContext): HttpResponse {
    const error = new StatusError(500, "The server has failed to answer the request.");
    return this.#callbacks.errorPage(error, request);
  }

  /** Whether nothing can be sent any more. */
  get isClosed(): boolean {
    return this.#state.isClosed;
  }

  #checkOpen(context: RequestContext): void {
    if (!this.#state.isClosed) return;
    this.reportLost(context);
    throw new ConnectionLost("The connection was lost before the response");
  }

  /**
   * Sends a response piece by piece, after those that wait.
   *
   * @throws {ConnectionLost} where the connection is gone already.
   */
  async stream(context: RequestContext, prepared: PreparedResponse<Content>): Promise<void> {
    const { status, head, content } = prepared;
    if (this.#state.isClosed) content.close();
    this.#checkOpen(context);
    const headSize = headLength(head);
    const sent = () => Math.max(0, this.#socket.bytesSent + headSize - context.sentBefore);
    const outcome = (isComplete: boolean) => ({
      status: sent() > 0 ? status : null,
      bytesOut: sent() - headSize,
      isComplete,
      closeReason: isComplete ? prepared.closeReason : this.#state.closeReason,
    });
    try {
      await this.flush();
      await this.#sendPieces(context, prepared);
    } catch (error) {
      content.close();
      if (!this.#state.isClosed && sent() === 0) {
        this.respond(context, this.#replace(context, error));
        return;
      }
      this.#abort(context, error);
      return this.report(context, outcome(false));
    }
    if (prepared.closeReason !== null) this.#socket.beginEnd();
    content.close();
    this.#state.on("end of response");
    this.report(context, outcome(true));
  }

  async #sendPieces(
    context: RequestContext,
    { head, framing, content }: PreparedResponse<Content>,
  ): Promise<void> {
    const isChunked = framing.type === "chunked";
    let missing = framing.type === "length" ? framing.length : Infinity;
    let hasBegun = false;
    // The head leaves together with the first piece, or alone where the piece takes its time.
    const send = async (bytes: Uint8Array) => {
      if (hasBegun) return await this.#socket.write(bytes);
      hasBegun = true;
      this.#state.on("response");
      context.sentBefore = this.#socket.bytesSent + headLength(head);
      await this.#socket.write(joinHead(head, bytes));
    };
    const gathered = new Gathered(send);
    let next = this.#read(content);
    if (!await isReady(next)) {
      let isRead = false;
      await sleep(HEAD_DELAY, next.then(() => {}, () => {}).then(() => void (isRead = true)));
      if (!isRead) await send(NOTHING);
    }
    for (;;) {
      if (gathered.size > 0 && !await isReady(next)) await gathered.flush();
      const piece = await next;
      if (piece === null) break;
      missing -= piece.length;
      if (missing < 0) throw new RangeError("The content is longer than its length");
      // An empty chunk would be the last one.
      if (isChunked && piece.length > 0) await gathered.add(encodeChunk(piece));
      else if (piece.length > 0) await send(piece);
      if (missing === 0) break;
      next = this.#read(content);
    }
    if (missing > 0 && missing < Infinity) {
      throw new RangeError("The content is shorter than its length");
    }
    if (isChunked) await gathered.add(LAST_CHUNK);
    if (gathered.size > 0 || !hasBegun) await gathered.flush();
  }

  async #read(content: Content): Promise<Uint8Array | null> {
    this.#pendingContent = content;
    try {
      return await content.read();
    } finally {
      this.#pendingContent = null;
    }
  }

  /** Closes content that is being read, now that the connection is closed. */
  cancel(): void {
    this.#pendingContent?.close();
  }

  /** The head has promised what cannot be sent: only an aborted connection tells the client. */
  #abort({ request }: RequestContext, error: unknown): void {
    const isFault = !this.#state.isClosed && !(error instanceof StatusError);
    if (isFault) this.#callbacks.onError(error, request);
    this.#state.close("server-error", "abort");
    this.#socket.close();
  }

  /** Reports a response when it was sent, or as much of it as could be. */
  #reporter(
    context: RequestContext,
    { status, head, closeReason }: PreparedResponse,
    length: number,
  ): OnSent | null {
    if (this.#callbacks.onRequest === null) return null;
    const headSize = headLength(head);
    return (bytes) => {
      const isComplete = bytes === headSize + length;
      this.report(context, {
        status: bytes > 0 ? status : null,
        bytesOut: bytes - headSize,
        isComplete,
        closeReason: isComplete ? closeReason : this.#state.closeReason,
      });
    };
  }

  /** Reports a request that cannot be answered, because the client is gone. */
  reportLost(context: RequestContext): void {
    const closeReason = this.#state.closeReason ?? "client-gone";
    this.report(context, { status: null, bytesOut: 0, isComplete: false, closeReason });
  }

  /** Reports what became of a request. */
  report(
    context: RequestContext,
    outcome: Pick<LogRecord, "status" | "bytesOut" | "isComplete" | "closeReason">,
  ): void {
    const { onRequest } = this.#callbacks;
    if (onRequest !== null) onRequest(context.record(outcome));
  }
}

/** ASCII text, whose characters are its bytes, stays text and is sent together with its head. */
function encodeText<T>(content: string | T): string | Uint8Array | T {
  return typeof content === "string" && !isAscii(content) ? utf8.encode(content) : content;
}

/** Whether content is sent at all (RFC 9110 sections 6.4.1, 9.3.2 and 15.3.6). */
function hasContent(method: string, status: number): boolean {
  return method !== "HEAD" && !isContentless(status) && status !== 205;
}
