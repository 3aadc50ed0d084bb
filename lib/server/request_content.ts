// The content of the request under way, read off the connection on demand. The first read that
// has to wait is what sends 100 Continue (RFC 9110 section 10.1.1).

import { type Content, pieces } from "../http/content.ts";
import type { RequestHead } from "../http/message.ts";
import type { RequestParser } from "../http/parser.ts";
import { StatusError } from "../http/status.ts";
import { CONTINUE } from "../http/writer.ts";
import type { Transport } from "./transport.ts";
import type { Awaited } from "./watch.ts";

/** One request's content. It lives until the response has been sent. */
export class RequestContent implements Content {
  readonly length: number | null;
  readonly #parser: RequestParser;
  readonly #transport: Transport;
  #received = 0;
  #isComplete = false;
  #isBroken = false;
  /** Whether the client waits for an invitation, and whether it may still get one. */
  #isAwaited: boolean;
  #isInvitable = true;

  constructor(head: RequestHead, parser: RequestParser, transport: Transport) {
    this.#parser = parser;
    this.#transport = transport;
    this.#isAwaited = head.expectsContinue;
    this.length = lengthOf(head);
    if (this.length === 0) this.#nextPiece();
  }

  /** Whether the last octet has been consumed: the next request can be looked for. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  async read(): Promise<Uint8Array | null> {
    try {
      return await this.#read("content");
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  async #read(awaited: Awaited): Promise<Uint8Array | null> {
    for (;;) {
      const octets = this.#nextPiece();
      if (octets !== null || this.#isComplete) return octets;
      if (this.#isAwaited && this.#isInvitable) await this.#invite();
      await receive(this.#parser, this.#transport, awaited);
    }
  }

  #nextPiece(): Uint8Array | null {
    if (this.#isComplete) return null;
    const event = this.#parser.next();
    if (event?.type === "content") {
      this.#isAwaited = false;
      this.#received += event.octets.length;
      return event.octets;
    }
    this.#isComplete = event?.type === "end";
    return null;
  }

  /** The response's head leaves now: from here on, no interim response may be sent. */
  beginResponse(): void {
    this.#isInvitable = false;
  }

  async #invite(): Promise<void> {
    this.#isAwaited = false;
    await this.#transport.write(CONTINUE);
  }

  /**
   * Passes over content that nobody wanted, as far as it has arrived.
   *
   * @param limit Octets still to come that are worth waiting for.
   * @returns Whether the connection can go on: the content is at its end, or the little that is
   * missing can be {@linkcode drain}ed after the response.
   */
  skip(limit: number): boolean {
    if (this.#isBroken) return false;
    try {
      while (this.#nextPiece() !== null);
    } catch (error) {
      if (error instanceof StatusError) return false;
      throw error;
    }
    if (this.#isComplete) return true;
    // A client that was not invited may send its content or not: nobody can tell what comes next.
    return !this.#isAwaited && this.length !== null && this.length - this.#received <= limit;
  }

  /** Reads and drops what is missing. */
  async drain(): Promise<void> {
    while (await this.#read("drain") !== null);
  }

  /** Nothing to let go of: the connection passes over what was not read. */
  close(): void {}

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

function lengthOf({ framing }: RequestHead): number | null {
  switch (framing.type) {
    case "none":
      return 0;
    case "length":
      return framing.length;
    case "chunked":
      return null;
  }
}

/**
 * Brings the parser more octets, or the news that there will be none.
 *
 * @param awaited What the octets are to be.
 * @returns Whether there were any.
 */
export async function receive(
  parser: RequestParser,
  transport: Transport,
  awaited: Awaited,
): Promise<boolean> {
  const count = await transport.read(parser.room(), awaited);
  if (count === null) parser.finish();
  else parser.commit(count);
  return count !== null;
}
