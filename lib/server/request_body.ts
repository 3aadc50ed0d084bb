// What is read from a connection: the input of the parser, and the content of the request under way, read from the connection on demand. The first read that
// has to wait sends 100 Continue (RFC 9110 section 10.1.1). When the request is over, the body is
// revoked: a handler that reads late must not get bytes of the next request.

import { type Content, pieces } from "../http/content.ts";
import type { RequestHead } from "../http/message.ts";
import type { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import { CONTINUE } from "../http/writer.ts";
import { scheduler } from "../scheduler.ts";
import type { Waiting } from "./deadlines.ts";
import type { Socket, SocketContext } from "./socket.ts";

/** Bytes of a body that do not wait for the turn of larger ones. */
const SMALL = 65536;

/** Milliseconds of one read of 64 KiB, and of one with chunks of one byte. */
const READ_COST = 0.1;
const CHUNKED_READ_COST = 1;

/** What a connection consists of, as far as reading is concerned. */
export interface Input extends SocketContext {
  readonly parser: RequestParser;
  readonly socket: Socket;
}

/** Bytes of one read ahead, and bytes after which there is none until the next request. */
const READ_AHEAD_SIZE = 4096;
const MAX_READ_AHEAD = 16384;

/** Feeds the parser of a connection. There is one read at a time. */
export class Receiver {
  readonly #input: Input;
  #pending: Promise<number> | null = null;
  /** What was read ahead, and whether the input ended then. */
  #ahead: Uint8Array[] = [];
  #hasEnded = false;
  #reject: (error: StatusError) => void = () => {};

  constructor(input: Input) {
    this.#input = input;
  }

  /**
   * Waits for more input, or for its end. Returns how many bytes it was.
   *
   * @param waiting What the bytes belong to, which decides how long to wait.
   * @throws {ConnectionLost} where the connection is lost.
   */
  receive(waiting: Waiting): Promise<number> {
    const { deadlines, timer } = this.#input;
    deadlines.expect(waiting, timer.now);
    if (this.#ahead.length > 0 || this.#hasEnded) return Promise.resolve(this.useAhead());
    return this.#pending === null ? this.#read(false) : this.#pending.then((count) => {
      this.useAhead();
      return count;
    });
  }

  /** Bytes that have been received and not parsed. */
  get buffered(): number {
    return this.#ahead.reduce((sum, { length }) => sum + length, this.#input.parser.buffered);
  }

  /** Gives what was read ahead to the parser. Views of its memory become invalid. */
  useAhead(): number {
    const { parser } = this.#input;
    let count = 0;
    for (const bytes of this.#ahead) {
      parser.push(bytes);
      count += bytes.length;
    }
    if (count > 0) this.#ahead = [];
    if (this.#hasEnded) parser.finish();
    return count;
  }

  /** Does the same for content, in a wait that {@linkcode interrupt} can end with a StatusError. */
  async receiveContent(waiting: "content" | "discard"): Promise<void> {
    const { deadlines, timer } = this.#input;
    const count = await new Promise<number>((resolve, reject) => {
      this.#reject = reject;
      this.receive(waiting).then(resolve, reject);
    });
    deadlines.receive(count, timer.now);
  }

  /** Ends the wait of {@linkcode receiveContent} with an error. */
  interrupt(error: StatusError): void {
    this.#reject(error);
  }

  /**
   * Reads ahead while the handler works: the end of the input, or the loss, is noticed then. The
   * parser does not get the bytes yet: the handler may look at content in its memory.
   */
  async readAhead(): Promise<void> {
    const isDone = this.#input.state.reading === "closed" || this.buffered > MAX_READ_AHEAD;
    if (this.#pending === null && !isDone) await this.#read(true);
  }

  /**
   * The next bytes of a connection that is for another protocol now: first what came behind the
   * request. Null at the end.
   *
   * @throws {ConnectionLost} where the connection is lost.
   */
  async readRaw(size: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const { parser, socket } = this.#input;
    if (this.buffered === 0 && this.#pending !== null) await this.#pending;
    this.useAhead();
    if (parser.buffered > 0) return parser.takeBuffered();
    if (this.#hasEnded) return null;
    const memory = new Uint8Array(size);
    const count = await socket.read(memory).catch((error) => {
      throw socket.lose(error);
    });
    this.#hasEnded = count === null;
    return count === null ? null : memory.subarray(0, count);
  }

  /** Reads into the parser's memory, or ahead. */
  #read(isAhead: boolean): Promise<number> {
    const { parser, socket, state } = this.#input;
    const memory = isAhead ? new Uint8Array(READ_AHEAD_SIZE) : parser.room();
    return this.#pending = socket.read(memory).then((count) => {
      this.#pending = null;
      if (count === null) {
        this.#hasEnded = true;
        state.on("end of input");
        if (!isAhead) parser.finish();
      } else if (isAhead) this.#ahead.push(memory.subarray(0, count));
      else parser.commit(count);
      return count ?? 0;
    }, (error) => {
      this.#pending = null;
      throw socket.lose(error);
    });
  }
}

/** The content of one request. */
export class RequestBody implements Content {
  readonly length: number | null;
  readonly #input: Input;
  readonly #receiver: Receiver;
  #received = 0;
  #failure: StatusError | null = null;
  /** Whether the client waits for `100 Continue`. */
  #expectsContinue: boolean;
  #isComplete = false;
  /** Whether nothing more may be read: after an error, or when the request is over. */
  #isRevoked = false;
  #isReading = false;

  constructor({ framing, expectsContinue }: RequestHead, input: Input, receiver: Receiver) {
    this.#input = input;
    this.#receiver = receiver;
    this.#expectsContinue = expectsContinue;
    this.length = framing.type === "chunked" ? null : framing.type === "none" ? 0 : framing.length;
    if (this.length === 0) this.#next();
  }

  /** Whether all of it has been read: the next request can begin. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get received(): number {
    return this.#received;
  }

  /** What is wrong with the content, or null. */
  get failure(): StatusError | null {
    return this.#failure;
  }

  /**
   * @throws {StatusError} where the content is malformed, too large, cut off, or too slow.
   * @throws {TypeError} where two reads overlap, or the request is over.
   */
  async read(): Promise<Uint8Array | null> {
    if (this.#isRevoked) throw new TypeError("The content can no longer be read");
    if (this.#isReading) throw new TypeError("The content is being read already");
    this.#isReading = true;
    try {
      return await this.#read("content");
    } catch (error) {
      this.#isRevoked = true;
      if (error instanceof StatusError) this.#failure = error;
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  async #read(waiting: "content" | "discard"): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.#next();
      if (piece !== null || this.#isComplete) return piece;
      if (this.#canSendContinue) await this.#sendContinue();
      if (!this.#isRevoked) {
        await this.#receiver.receiveContent(waiting);
        const cost = this.length === null ? CHUNKED_READ_COST : READ_COST;
        if (this.#received > SMALL && !scheduler.take(cost)) await scheduler.turn(cost);
      }
      if (this.#isRevoked) throw new TypeError("The content can no longer be read");
    }
  }

  /** The next piece that has been received, or null. */
  #next(): Uint8Array | null {
    if (this.#isComplete) return null;
    const event = this.#input.parser.next();
    if (event?.type === "content") {
      this.#expectsContinue = false; // The client did not wait.
      this.#received += event.data.length;
      return event.data;
    }
    if (event?.type === "end") {
      this.#isComplete = true;
      this.#input.state.on("end of content");
    }
    return null;
  }

  /** An interim response may only be sent before the final one has begun. */
  get #canSendContinue(): boolean {
    return this.#expectsContinue && this.#input.state.writing === "idle";
  }

  async #sendContinue(): Promise<void> {
    this.#expectsContinue = false;
    await this.#input.socket.write(CONTINUE);
  }

  /** The request is over: nothing more may be read. */
  revoke(): void {
    if (!this.#isComplete) this.#isRevoked = true;
  }

  /**
   * Discards content that the handler did not read, as far as it has been received.
   *
   * @param limit Bytes still to come that are worth waiting for.
   * @returns Whether the connection can be kept: nothing is missing, or so little that it can be
   * {@linkcode discard}ed after the response.
   */
  discardReceived(limit: number): boolean {
    // A read that is still pending would take bytes of the next request.
    if (this.#isReading || this.#isRevoked) return false;
    try {
      while (this.#next() !== null);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#failure = error;
      return false;
    }
    if (this.#isComplete) return true;
    // A client that still waits for 100 Continue may send its content or not.
    if (this.#expectsContinue) return false;
    return this.length !== null && this.length - this.#received <= limit;
  }

  /** Reads what is missing and discards it. */
  async discard(): Promise<void> {
    this.#isReading = true; // A late read of the handler is refused.
    while (await this.#read("discard") !== null);
    this.#isReading = false;
  }

  /** The reader wants no more. The connection discards what was not read. */
  close(): void {
    if (this.#isReading) this.#isRevoked = true;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}
