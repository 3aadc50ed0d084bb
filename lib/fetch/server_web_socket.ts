// The WebSocket of the server's side, with the interface that a browser's has (WebSockets Standard).
// The frames are read and written by ws.

import { Duplex } from "node:stream";
import { Buffer } from "node:buffer";
import { WebSocketServer } from "ws"; // the most used, without dependencies
import type { HttpRequest } from "../http/message.ts";
import type { UpgradedConnection } from "../http/upgrade.ts";

/** A connection as ws has it, as far as it is used here: its types would bring all those of Node. */
interface Frames {
  readonly readyState: number;
  readonly protocol: string;
  readonly extensions: string;
  readonly bufferedAmount: number;
  send(data: unknown): void;
  ping(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(type: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
  on(type: "close", listener: (code: number, reason: Buffer) => void): void;
  on(type: "error", listener: (error: Error) => void): void;
  on(type: "ping" | "pong", listener: () => void): void;
}

interface FrameServer {
  handleUpgrade(
    request: { readonly method: string; readonly headers: Record<string, string> },
    stream: Duplex,
    head: Buffer,
    done: (frames: Frames) => void,
  ): void;
}

/** What a WebSocket may use. */
export interface WebSocketLimits {
  /** Seconds without a sign of life, asked for by a ping, after which the client counts as gone. */
  readonly idleTimeout: number;
  /** Bytes of one message that is received; a longer one closes with 1009. */
  readonly maxMessage: number;
  /** Bytes that wait to be sent, beyond which the connection is cut. */
  readonly maxBuffered: number;
  /** Whether messages are compressed (RFC 7692) where the client offers it. */
  readonly compress: boolean;
}

const EVENTS = ["open", "message", "error", "close"] as const;

type Listener = ((event: unknown) => unknown) | null;

/** One end of a WebSocket connection. */
export class ServerWebSocket extends EventTarget {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly url = "";
  binaryType: BinaryType = "blob";
  readonly #limits: WebSocketLimits;
  #frames: Frames | null = null;
  #pings: ReturnType<typeof setInterval> | undefined;
  #isAlive = true;
  #hasFailed = false;
  /** Functions in properties such as `onmessage`. */
  readonly #listeners: Record<string, Listener> = {};

  constructor(limits: WebSocketLimits) {
    super();
    this.#limits = limits;
    for (const type of EVENTS) {
      this.addEventListener(type, (event) => this.#listeners[type]?.call(this, event));
      Object.defineProperty(this, `on${type}`, {
        get: (): Listener => this.#listeners[type] ?? null,
        set: (listener: Listener) => void (this.#listeners[type] = listener),
        enumerable: true,
      });
    }
  }

  get readyState(): number {
    return this.#frames?.readyState ?? (this.#hasFailed ? this.CLOSED : this.CONNECTING);
  }

  get protocol(): string {
    return this.#frames?.protocol ?? "";
  }

  get extensions(): string {
    return this.#frames?.extensions ?? "";
  }

  /** Bytes that have been given to `send` and not yet to the system. */
  get bufferedAmount(): number {
    return this.#frames?.bufferedAmount ?? 0;
  }

  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (this.#frames === null) {
      throw new DOMException("The WebSocket is not open yet", "InvalidStateError");
    }
    if (this.readyState !== this.OPEN) return;
    this.#frames.send(data);
    if (this.bufferedAmount > this.#limits.maxBuffered) {
      this.#fail(new Error("The peer does not read: too much waits to be sent"));
    }
  }

  /** @param code 1000, or 3000 to 4999. */
  close(code?: number, reason = ""): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new DOMException(`A program cannot close with ${code}`, "InvalidAccessError");
    }
    if (new TextEncoder().encode(reason).length > 123) {
      throw new DOMException("The reason is longer than 123 bytes", "SyntaxError");
    }
    if (this.#frames === null) {
      this.addEventListener("open", () => this.#frames?.close(code, reason));
    } else this.#frames.close(code, reason);
  }

  /** Sends the 101 on a connection, and speaks the protocol from then on. */
  open(connection: UpgradedConnection, { fields }: HttpRequest, protocol: string | null): void {
    const { maxMessage: maxPayload, compress: perMessageDeflate } = this.#limits;
    const handleProtocols = () => protocol ?? false;
    const server: FrameServer = new WebSocketServer({
      ...{ noServer: true, clientTracking: false, maxPayload, perMessageDeflate, handleProtocols },
    });
    const headers = Object.fromEntries([...fields].map(([name]) => [
      name.toLowerCase(),
      fields.get(name)!,
    ]));
    const request = { method: "GET", headers };
    server.handleUpgrade(request, new ConnectionStream(connection), Buffer.alloc(0), (frames) => {
      this.#attach(frames, connection);
    });
  }

  #attach(frames: Frames, { signal }: UpgradedConnection): void {
    this.#frames = frames;
    frames.on("message", (data, isBinary) => this.#receive(data, isBinary));
    frames.on("ping", () => this.#isAlive = true);
    frames.on("pong", () => this.#isAlive = true);
    frames.on("error", (error) => this.#dispatchError(error));
    const goAway = () => frames.close(1001, "The server is shutting down");
    frames.on("close", (code, reason) => {
      clearInterval(this.#pings);
      signal.removeEventListener("abort", goAway);
      const wasClean = code !== 1006;
      this.dispatchEvent(new CloseEvent("close", { code, reason: reason.toString(), wasClean }));
    });
    const { idleTimeout } = this.#limits;
    if (idleTimeout > 0) this.#pings = setInterval(() => this.#ping(frames), 500 * idleTimeout);
    this.dispatchEvent(new Event("open"));
    if (signal.aborted) goAway();
    else signal.addEventListener("abort", goAway);
  }

  #ping(frames: Frames): void {
    if (!this.#isAlive) return this.#fail(new Error("The peer does not answer"));
    this.#isAlive = false;
    frames.ping();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#isAlive = true;
    this.dispatchEvent(new MessageEvent("message", { data: this.#dataOf(data, isBinary) }));
  }

  #dataOf(data: Buffer, isBinary: boolean): string | ArrayBuffer | Blob {
    if (!isBinary) return data.toString();
    const bytes = Uint8Array.from(data);
    return this.binaryType === "blob" ? new Blob([bytes]) : bytes.buffer;
  }

  #fail(error: Error): void {
    this.#dispatchError(error);
    this.#frames?.terminate();
  }

  #dispatchError(error: Error): void {
    this.#hasFailed = true;
    this.dispatchEvent(new ErrorEvent("error", { error, message: error.message }));
  }
}

/** The connection as ws wants it. It reads when ws has handled what came before. */
class ConnectionStream extends Duplex {
  readonly #connection: UpgradedConnection;

  constructor(connection: UpgradedConnection) {
    super({ allowHalfOpen: false });
    this.#connection = connection;
  }

  override _read(): void {
    this.#connection.read().then((piece) => this.push(piece), (error) => this.destroy(error));
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#connection.write(chunk).then(() => done(), done);
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: string }[],
    done: (error?: Error) => void,
  ): void {
    const all = Buffer.concat(chunks.map(({ chunk }) => chunk));
    this.#connection.write(all).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#connection.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.close();
    done(error);
  }
}
