// The content of the request under way, read from the connection on demand. The first read that
// has to wait sends 100 Continue (RFC 9110 section 10.1.1). When the request is over, the body is
// revoked: a handler that reads late must not get bytes of the next request.

import type { ConnectionState } from "../http/connection_state.ts";
import { type Content, pieces } from "../http/content.ts";
import type { RequestHead } from "../http/message.ts";
import type { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import { CONTINUE } from "../http/writer.ts";
import type { Socket } from "./socket.ts";

/** What a body is read from. */
export interface BodySource {
  readonly parser: RequestParser;
  readonly socket: Socket;
  readonly state: ConnectionState;
}

/** The content of one request. */
export class RequestBody implements Content {
  readonly length: number | null;
  readonly #source: BodySource;
  #received = 0;
  #failure: StatusError | null = null;
  /** Whether the client waits for `100 Continue`. */
  #expectsContinue: boolean;
  #isComplete = false;
  /** Whether nothing more may be read: after an error, or when the request is over. */
  #isRevoked = false;
  #isReading = false;

  constructor({ framing, expectsContinue }: RequestHead, source: BodySource) {
    this.#source = source;
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
    const { socket, parser, state } = this.#source;
    for (;;) {
      const piece = this.#next();
      if (piece !== null || this.#isComplete) return piece;
      if (this.#canSendContinue) await this.#sendContinue();
      if (!this.#isRevoked) {
        const count = await socket.readContent(parser.room(), waiting);
        if (count !== null) parser.commit(count);
        else {
          parser.finish();
          state.on("end of input");
        }
      }
      if (this.#isRevoked) throw new TypeError("The content can no longer be read");
    }
  }

  /** The next piece that has been received, or null. */
  #next(): Uint8Array | null {
    if (this.#isComplete) return null;
    const event = this.#source.parser.next();
    if (event?.type === "content") {
      this.#expectsContinue = false; // The client did not wait.
      this.#received += event.data.length;
      return event.data;
    }
    if (event?.type === "end") {
      this.#isComplete = true;
      this.#source.state.on("end of content");
    }
    return null;
  }

  /** An interim response may only be sent before the final one has begun. */
  get #canSendContinue(): boolean {
    return this.#expectsContinue && this.#source.state.writing === "idle";
  }

  async #sendContinue(): Promise<void> {
    this.#expectsContinue = false;
    await this.#source.socket.write(CONTINUE);
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
