// Octets in, events out: the requests of one connection, one after the other (RFC 9112).

import { ChunkedDecoder } from "./chunked_decoder.ts";
import { type Fields, listMembers } from "./fields.ts";
import { requestFraming } from "./framing.ts";
import { HeadScanner, type ScannedHead } from "./head_scanner.ts";
import { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from "./limits.ts";
import { ParsedRequest, type RequestHead } from "./message.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { contentTooLarge, StatusError } from "./status.ts";
import { parseTarget, requestHost } from "./target.ts";

/**
 * A part of a request: its head, then its content in pieces, then the end.
 *
 * @example
 * ```ts
 * import { type ParserEvent, RequestParser } from "@wireserve/wireserve/http";
 *
 * const parser = new RequestParser();
 * parser.push(
 *   new TextEncoder().encode("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"),
 * );
 * const types: ParserEvent["type"][] = [];
 * for (let event = parser.next(); event !== null; event = parser.next()) types.push(event.type);
 * console.log(types); // [ "head", "content", "end" ]
 * ```
 */
export type ParserEvent =
  | { readonly type: "head"; readonly head: ParsedRequest }
  | { readonly type: "content"; readonly data: Uint8Array }
  | { readonly type: "end" };

type State = "head" | "content of known length" | "chunked content" | "end";

const END: ParserEvent = Object.freeze({ type: "end" });

/** The first two octets of TLS (RFC 8446 section 5.1): record type and major version. */
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR_VERSION = 0x03;

/** Octets of buffer for content: as many as one read of a fast connection yields. */
const CONTENT_ROOM = 65536;

/**
 * Parses the requests of one connection.
 *
 * @example
 * ```ts
 * import { RequestParser } from "@wireserve/wireserve/http";
 *
 * const parser = new RequestParser();
 * parser.push(new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: exam"));
 * console.log(parser.next()); // null: more octets are needed
 * parser.push(new TextEncoder().encode("ple.com\r\n\r\n"));
 * console.log(parser.next()?.type); // head
 * ```
 */
export class RequestParser {
  readonly #limits: MessageLimits;
  readonly #isSecure: boolean;
  readonly #buffer = new ReceiveBuffer();
  readonly #scanner: HeadScanner;
  #state: State = "head";
  #requestLine: string | null = null;
  #remaining = 0;
  #chunked: ChunkedDecoder | null = null;
  #hasEnded = false;
  #failure: StatusError | null = null;

  /**
   * A parser at the beginning of a connection.
   *
   * @param isSecure Whether the connection is secured by TLS.
   */
  constructor(limits: MessageLimits = DEFAULT_MESSAGE_LIMITS, isSecure = false) {
    this.#limits = limits;
    this.#isSecure = isSecure;
    this.#scanner = new HeadScanner(limits);
  }

  /** Memory to read octets into, before {@linkcode commit}. Earlier views become invalid. */
  room(): Uint8Array<ArrayBuffer> {
    switch (this.#state) {
      case "content of known length":
        return this.#buffer.room(Math.min(this.#remaining, CONTENT_ROOM));
      case "chunked content":
        return this.#buffer.room(CONTENT_ROOM);
      default:
        this.#buffer.shrink();
        return this.#buffer.room();
    }
  }

  /** Adds `count` octets that were read into the {@linkcode room}. */
  commit(count: number): void {
    this.#buffer.commit(count);
  }

  /** Adds a copy of octets that were read elsewhere. */
  push(octets: Uint8Array): void {
    for (let at = 0; at < octets.length;) {
      const room = this.room();
      const piece = octets.subarray(at, at + room.length);
      room.set(piece);
      this.commit(piece.length);
      at += piece.length;
    }
  }

  /** Marks the end of what the peer sends. */
  finish(): void {
    this.#hasEnded = true;
  }

  /** Takes the octets after the last event, which belong to another protocol. */
  takeBuffered(): Uint8Array<ArrayBuffer> {
    return this.#buffer.take(this.#buffer.length).slice();
  }

  /** Octets after the last event, of the next request for instance. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /** Whether the octets in place of a request are the beginning of a TLS handshake. */
  get isTlsHandshake(): boolean {
    const { octets, start, length } = this.#buffer;
    return this.#state === "head" && length > 1 && octets[start] === TLS_HANDSHAKE &&
      octets[start + 1] === TLS_MAJOR_VERSION;
  }

  /** Whether no request has begun since the end of the last one. */
  get isIdle(): boolean {
    return this.#state === "head" && this.#scanner.isUntouched;
  }

  /** The request line of the current request, for the log, or null before it is complete. */
  get requestLine(): string | null {
    return this.#requestLine ??
      this.#scanner.takeRequestLine(this.#buffer.octets, this.#buffer.start);
  }

  /**
   * The next event, or null if more octets are needed. The next request follows the end.
   *
   * @throws {StatusError} if the request is malformed, too large, or cut off, now and always after.
   */
  next(): ParserEvent | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      const event = this.#advance();
      if (event === null && this.#hasEnded && !this.isIdle) {
        throw new StatusError(400, "The connection ended within the request.");
      }
      return event;
    } catch (error) {
      if (error instanceof StatusError) this.#failure = error;
      throw error;
    }
  }

  #advance(): ParserEvent | null {
    switch (this.#state) {
      case "head":
        return this.#nextHead();
      case "content of known length": {
        if (this.#buffer.length === 0) return null;
        const octets = this.#buffer.take(this.#remaining);
        this.#remaining -= octets.length;
        if (this.#remaining === 0) this.#state = "end";
        return { type: "content", data: octets };
      }
      case "chunked content": {
        const octets = this.#chunked!.next(this.#buffer);
        if (octets !== null) return { type: "content", data: octets };
        if (!this.#chunked!.isDone) return null;
        this.#state = "end";
        return this.#advance();
      }
      case "end":
        this.#state = "head";
        this.#scanner.begin();
        return END;
    }
  }

  #nextHead(): ParserEvent | null {
    this.#requestLine = null;
    const { octets, start, end } = this.#buffer;
    const length = this.#scanner.scan(octets, start, end);
    if (length === null) return null;
    const scanned = this.#scanner.take(octets, start);
    this.#requestLine = scanned.requestLine;
    this.#buffer.consume(length);
    const head = this.#interpret(scanned);
    this.#beginContent(head);
    return { type: "head", head };
  }

  #interpret({ method, target, version, fields }: ScannedHead): ParsedRequest {
    const minorVersion = parseVersion(version);
    const host = requestHost(fields, minorVersion);
    const framing = requestFraming(fields, minorVersion);
    const isKept = isPersistent(fields, minorVersion);
    const isExpecting = expectsContinue(fields, minorVersion);
    const { authority, path, query } = parseTarget(method, target, this.#isSecure);
    return new ParsedRequest({
      method,
      target,
      path,
      query,
      authority: authority ?? host,
      minorVersion,
      fields,
      framing,
      isPersistent: isKept,
      expectsContinue: isExpecting,
    });
  }

  #beginContent({ framing }: RequestHead): void {
    switch (framing.type) {
      case "none":
        this.#state = "end";
        break;
      case "length":
        if (this.#limits.content > 0 && framing.length > this.#limits.content) {
          throw contentTooLarge();
        }
        this.#remaining = framing.length;
        this.#state = framing.length === 0 ? "end" : "content of known length";
        break;
      case "chunked":
        this.#chunked = new ChunkedDecoder(this.#limits);
        this.#state = "chunked content";
    }
  }
}

/** Section 2.3: a later minor version is processed as 1.1. */
function parseVersion(version: string): 0 | 1 {
  if (version === "HTTP/1.1") return 1;
  const [, major, minorVersion] = /^HTTP\/([0-9])\.([0-9])$/.exec(version) ?? [];
  if (major === undefined) {
    throw new StatusError(400, "The version of the request is malformed.");
  }
  if (major !== "1") {
    throw new StatusError(505, "This server speaks HTTP/1.1 and HTTP/1.0.");
  }
  return minorVersion === "0" ? 0 : 1;
}

/** Section 9.3. */
function isPersistent(fields: Fields, minorVersion: 0 | 1): boolean {
  const value = fields.get("Connection");
  if (value === null) return minorVersion === 1;
  const options = listMembers(value.toLowerCase());
  return !options.includes("close") && (minorVersion === 1 || options.includes("keep-alive"));
}

/** RFC 9110 section 10.1.1: HTTP/1.0 has no expectations, later versions have one. */
function expectsContinue(fields: Fields, minorVersion: 0 | 1): boolean {
  const value = minorVersion === 0 ? null : fields.get("Expect");
  if (value === null) return false;
  const expectations = listMembers(value.toLowerCase());
  if (!expectations.every((each) => each === "100-continue")) {
    throw new StatusError(417, "No expectation but 100-continue can be met.");
  }
  return expectations.length > 0;
}
