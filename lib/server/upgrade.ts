// Upgrades (RFC 9110 section 7.8): after 101 the connection belongs to the program. Its deadlines are
// off, a drain is told, and it counts as a connection until it ends.

import { listMembers, type ResponseFields } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { isSameName } from "../http/syntax.ts";
import type { Upgrade, UpgradedConnection, UpgradeHandler } from "../http/upgrade.ts";
import { switchingProtocols } from "../http/writer.ts";
import type { GuardedCallbacks } from "./callbacks.ts";
import type { LogRecord, RequestContext } from "./exchange.ts";
import type { Input, Receiver } from "./request_body.ts";
import { ConnectionLost } from "./socket.ts";

/** Bytes of the first read, as little as an idle connection is worth, and of the largest one. */
const MIN_READ = 1024;
const MAX_READ = 65_536;

/**
 * How an upgrade is answered.
 *
 * @example
 * ```ts
 * import { serve, upgrade, type UpgradeOptions } from "@wireserve/wireserve";
 *
 * const options: UpgradeOptions = { protocol: "echo" };
 * await using server = serve((request) => upgrade(request, () => {}, options), { port: 0 });
 * const response = await fetch(server.url);
 * console.log(response.status, await response.text()); // 426
 * ```
 */
export interface UpgradeOptions {
  /** The protocol to speak, with its version if it has one. By default the first that is offered. */
  readonly protocol?: string | undefined;
  /** Further fields of the 101. */
  readonly fields?: ResponseFields | undefined;
}

/**
 * The response that ends HTTP on a connection (RFC 9110 section 7.8): 101, after which the handler
 * has it.
 *
 * @throws {StatusError} 426 where the request does not offer the protocol, 400 where it has content.
 * @throws {TypeError} for a protocol or fields that cannot be sent.
 *
 * @example
 * ```ts
 * import { serve, upgrade } from "@wireserve/wireserve";
 *
 * await using server = serve(
 *   (request) => upgrade(request, ({ readable, writable }) => readable.pipeTo(writable)),
 *   { port: 0 },
 * );
 * const response = await fetch(server.url);
 * console.log(response.status, await response.text()); // 426: fetch asks for no upgrade
 * ```
 */
export function upgrade(
  request: HttpRequest,
  handler: UpgradeHandler,
  { protocol: wanted, fields = {} }: UpgradeOptions = {},
): HttpResponse {
  const offered = request.minorVersion > 0 && request.fields.lists("Connection", "upgrade")
    ? listMembers(request.fields.get("Upgrade") ?? "")
    : [];
  const protocol = offered.find((each) => wanted === undefined || isSameName(each, wanted));
  if (protocol === undefined) {
    const sentence = wanted === undefined ? "another protocol" : wanted;
    const list: ResponseFields = wanted === undefined ? {} : { "Upgrade": wanted };
    throw new StatusError(426, `This resource is for ${sentence}: ask for an upgrade.`, list);
  }
  if (request.framing.type !== "none") {
    throw new StatusError(400, "A request for an upgrade has no content here.");
  }
  const head = switchingProtocols(wanted ?? protocol, fields);
  return { status: 101, upgrade: { protocol: wanted ?? protocol, head, handler } };
}

/** A connection that has been taken over. */
export class TakenConnection implements UpgradedConnection {
  readonly protocol: string;
  readonly #input: Input;
  readonly #receiver: Receiver;
  readonly #draining = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #received = 0;
  #readSize = MIN_READ;
  #isReading = false;
  #hasEndedInput = false;
  #hasEndedOutput = false;
  #writing: Promise<void> = Promise.resolve();
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #writable: WritableStream<Uint8Array> | null = null;

  constructor(protocol: string, input: Input, receiver: Receiver) {
    this.protocol = protocol;
    this.#input = input;
    this.#receiver = receiver;
  }

  /** Bytes received behind the head of the request. */
  get received(): number {
    return this.#received;
  }

  get signal(): AbortSignal {
    return this.#draining.signal;
  }

  /**
   * Lets the program have the connection until it ends. What the program throws is reported.
   *
   * @returns What became of it, for the record.
   */
  async run(
    context: RequestContext,
    { head, handler }: Upgrade,
    { onError }: Pick<GuardedCallbacks, "onError">,
  ): Promise<Pick<LogRecord, "status" | "bytesOut" | "isComplete">> {
    const { state, deadlines, timer, socket } = this.#input;
    state.on("response");
    state.close("upgraded", "after response");
    deadlines.expect("upgraded", timer.now);
    const before = socket.bytesSent + head.length;
    context.body = this;
    context.sentBefore = before;
    let hasFailed = false;
    try {
      if (head.length > 0) await socket.write(head);
      await this.#call(handler);
    } catch (error) {
      hasFailed = true;
      if (!state.isClosed && !(error instanceof ConnectionLost)) onError(error, context.request);
    }
    const isComplete = !hasFailed && !state.isClosed;
    this.close();
    const bytesOut = socket.bytesSent - before;
    return { status: bytesOut < 0 ? null : 101, bytesOut, isComplete };
  }

  async #call(handler: UpgradeHandler): Promise<void> {
    const result: unknown = handler(this);
    const isAwaited = typeof result === "object" && result !== null && "then" in result;
    if (!isAwaited) return await this.#ended.promise;
    await Promise.race([result, this.#ended.promise]);
    await this.#writing.catch(() => {});
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#isReading) throw new TypeError("The connection is being read already");
    if (this.#hasEndedInput) return null;
    this.#isReading = true;
    try {
      const piece = await this.#receiver.readRaw(this.#readSize);
      this.#received += piece?.length ?? 0;
      if (piece?.length === this.#readSize) this.#readSize = Math.min(4 * this.#readSize, MAX_READ);
      if (piece === null) {
        this.#hasEndedInput = true;
        if (this.#hasEndedOutput) this.close();
      }
      return piece;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#enqueue(() => this.#input.socket.write(bytes));
  }

  closeWrite(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#hasEndedOutput) return;
      this.#hasEndedOutput = true;
      await this.#input.socket.endOutput();
      if (this.#hasEndedInput) this.close();
    });
  }

  /** One after the other: parts of two writes must not mix. */
  #enqueue(send: () => Promise<void>): Promise<void> {
    const sent = this.#writing.then(send);
    this.#writing = sent;
    sent.catch(() => this.close());
    return sent;
  }

  close(): void {
    this.#hasEndedInput = this.#hasEndedOutput = true;
    this.#input.socket.close();
    this.#ended.resolve();
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        const piece = await this.read();
        if (piece !== null) return controller.enqueue(piece);
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel: () => this.close(),
    });
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: (bytes) => this.write(bytes),
      close: () => this.closeWrite(),
      abort: () => this.close(),
    });
  }

  /** A drain begins: the program shall come to an end. */
  drain(): void {
    this.#draining.abort(new DOMException("The server is shutting down", "AbortError"));
  }
}
