// The content of the request under way, read off the connection on demand. The first read that
// has to wait is what sends 100 Continue (RFC 9110 section 10.1.1). Once the request is over, the
// content is revoked: no handler that is late may read what belongs to the next one.

import { type Content, pieces } from "../http/content.ts";
import type { RequestHead } from "../http/message.ts";
import type { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import { CONTINUE } from "../http/writer.ts";
import type { Socket } from "./socket.ts";

/**
 * How far the content has come. It is `expects continue` while the client waits for an invitation,
 * `open` while more may come, and `broken` once it cannot be completed or is no longer to be read.
 */
type State = "expects continue" | "open" | "complete" | "broken";

/** One request's content. */
export class RequestBody implements Content {
  readonly length: number | null;
  readonly #parser: RequestParser;
  readonly #socket: Socket;
  #state: State;
  #received = 0;
  #failure: StatusError | null = null;
  #isReading = false;
  /** Whether an interim response may still be sent: not once the final one has begun. */
  #canSendContinue = true;

  /**
   * @param head The head that the content belongs to.
   * @param parser What the content comes from.
   * @param socket What the parser is fed from.
   */
  constructor(head: RequestHead, parser: RequestParser, socket: Socket) {
    this.#parser = parser;
    this.#socket = socket;
    this.#state = head.expectsContinue ? "expects continue" : "open";
    this.length = declaredLength(head);
    if (this.length === 0) this.#nextPiece();
  }

  /** Whether the last byte has been consumed: the next request can be looked for. */
  get isComplete(): boolean {
    return this.#state === "complete";
  }

  /** Bytes of content that have come. */
  get received(): number {
    return this.#received;
  }

  /** What is wrong with the content, or null as long as nothing is. */
  get failure(): StatusError | null {
    return this.#failure;
  }

  /**
   * @throws {StatusError} where the content is malformed, too large, cut off, or too late.
   * @throws {TypeError} where it is read twice at a time, or after the request is over.
   */
  async read(): Promise<Uint8Array | null> {
    if (this.#state === "broken") throw new TypeError("The content can no longer be read");
    if (this.#isReading) throw new TypeError("The content is being read already");
    this.#isReading = true;
    try {
      return await this.#read("content");
    } catch (error) {
      this.#state = "broken";
      if (error instanceof StatusError) this.#failure = error;
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  async #read(waiting: "content" | "discard"): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = this.#nextPiece();
      if (bytes !== null || this.#state === "complete") return bytes;
      if (this.#state === "expects continue" && this.#canSendContinue) await this.#sendContinue();
      if (!this.#isBroken) await this.#receive(waiting);
      if (this.#isBroken) throw new TypeError("The content can no longer be read");
    }
  }

  /** Brings the parser more bytes, or the news that there will be none. */
  async #receive(waiting: "content" | "discard"): Promise<void> {
    const count = await this.#socket.readContent(this.#parser.room(), waiting);
    if (count === null) this.#parser.finish();
    else this.#parser.commit(count);
  }

  get #isBroken(): boolean {
    return this.#state === "broken";
  }

  #nextPiece(): Uint8Array | null {
    if (this.#state === "complete") return null;
    const event = this.#parser.next();
    if (event?.type === "content") {
      this.#state = "open";
      this.#received += event.data.length;
      return event.data;
    }
    if (event?.type === "end") this.#state = "complete";
    return null;
  }

  async #sendContinue(): Promise<void> {
    this.#state = "open";
    await this.#socket.write(CONTINUE);
  }

  /** The response's head leaves now: from here on, no interim response may be sent. */
  beginResponse(): void {
    this.#canSendContinue = false;
  }

  /** The request is over: nothing more is to be read of it. */
  revoke(): void {
    if (this.#state !== "complete") this.#state = "broken";
  }

  /**
   * Passes over content that nobody wanted, as far as it has arrived.
   *
   * @param limit Bytes still to come that are worth waiting for.
   * @returns Whether the connection can go on: the content is at its end, or the little that is
   * missing can be {@linkcode discard}ed after the response.
   */
  discardReceived(limit: number): boolean {
    // A read that is still under way would take what belongs to the next request.
    if (this.#isReading || this.#state === "broken") return false;
    try {
      while (this.#nextPiece() !== null);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#failure = error;
      return false;
    }
    if (this.#state === "complete") return true;
    // A client that was not invited may send its content or not: nobody can tell what comes next.
    return this.#state === "open" && this.length !== null && this.length - this.#received <= limit;
  }

  /** Reads and drops what is missing. */
  async discard(): Promise<void> {
    this.#isReading = true; // A handler that comes late with a read of its own is refused it.
    while (await this.#read("discard") !== null);
    this.#isReading = false;
  }

  /** Whoever closes wants no more of it; the connection passes over what was not read. */
  close(): void {
    if (this.#isReading) this.#state = "broken";
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

function declaredLength({ framing }: RequestHead): number | null {
  switch (framing.type) {
    case "none":
      return 0;
    case "length":
      return framing.length;
    case "chunked":
      return null;
  }
}
