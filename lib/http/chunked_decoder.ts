// The chunked transfer coding (RFC 9112 section 7.1), decoded octet by octet. Sizes are hex
// digits and nothing else; extensions are checked and skipped; trailers are checked by the
// rules of fields and dropped, so that they can never change the framing.

import { HeadScanner } from "./head_scanner.ts";
import type { MessageLimits } from "./limits.ts";
import type { ReceiveBuffer } from "./receive_buffer.ts";
import { contentTooLarge, StatusError } from "./status.ts";
import {
  BACKSLASH,
  CR,
  DQUOTE,
  EQUALS,
  FIELD_VALUE,
  HEX_DIGIT,
  isBlank,
  isOctet,
  LF,
  SEMICOLON,
  TOKEN,
} from "./syntax.ts";

type State =
  | "size start"
  | "size"
  | "extension name start" // after ";"
  | "extension name"
  | "blanks after name"
  | "extension value start" // after "="
  | "extension value"
  | "quoted value"
  | "quoted pair"
  | "after quoted value"
  | "blanks before semicolon"
  | "size line LF"
  | "data"
  | "data CR"
  | "data LF"
  | "trailers"
  | "done";

const ZERO = 0x30;

/** Decodes the chunked content of one message. */
export class ChunkedDecoder {
  readonly #limits: MessageLimits;
  readonly #trailers: HeadScanner;
  #state: State = "size start";
  /** Of the current chunk: its size while that is read, then the octets still to come. */
  #size = 0;
  #total = 0;
  #overhead = 0;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
    this.#trailers = new HeadScanner(limits);
    this.#trailers.beginTrailers();
  }

  /** Whether the last chunk and the trailers have been consumed. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /**
   * The next piece of data, as a view into the buffer.
   *
   * @returns null at the end, or where more octets are needed.
   * @throws {StatusError} 400 for what the grammar does not allow, 413 for content beyond its
   * limit, 431 for trailers beyond theirs.
   */
  next(buffer: ReceiveBuffer): Uint8Array | null {
    while (buffer.length > 0) {
      switch (this.#state) {
        case "done":
          return null;
        case "data": {
          const data = buffer.take(this.#size);
          this.#size -= data.length;
          if (this.#size === 0) this.#state = "data CR";
          return data;
        }
        case "trailers": {
          const length = this.#trailers.scan(
            buffer.octets,
            buffer.start,
            buffer.end,
          );
          if (length === null) return null;
          buffer.consume(length);
          this.#state = "done";
          return null;
        }
        default:
          this.#state = this.#after(buffer.octets[buffer.start]!);
          buffer.consume(1);
      }
    }
    return null;
  }

  /** The state after one octet of the coding's own. */
  #after(octet: number): State {
    switch (this.#state) {
      case "size start":
        this.#size = 0;
        if (!isOctet(octet, HEX_DIGIT)) throw malformed();
        return this.#afterDigit(octet);
      case "size":
        return isOctet(octet, HEX_DIGIT) ? this.#afterDigit(octet) : afterSizeOrValue(octet);
      case "size line LF":
        if (octet !== LF) throw malformed();
        return this.#afterSizeLine();
      case "data CR":
        if (octet !== CR) throw malformed();
        return "data LF";
      case "data LF":
        if (octet !== LF) throw malformed();
        return "size start";
      case "data":
      case "trailers":
      case "done":
        return this.#state;
      default:
        this.#countOverhead();
        return afterExtensionOctet(this.#state, octet);
    }
  }

  #afterDigit(octet: number): State {
    if (octet === ZERO && this.#size === 0) this.#countOverhead();
    this.#size = this.#size * 16 +
      Number.parseInt(String.fromCharCode(octet), 16);
    if (!Number.isSafeInteger(this.#size)) throw malformed();
    return "size";
  }

  #countOverhead(): void {
    if (++this.#overhead > this.#limits.chunkOverhead) throw malformed();
  }

  #afterSizeLine(): State {
    this.#total += this.#size;
    if (this.#limits.content > 0 && this.#total > this.#limits.content) {
      throw contentTooLarge();
    }
    return this.#size === 0 ? "trailers" : "data";
  }
}

type ExtensionState = Exclude<
  State,
  | "size start"
  | "size"
  | "size line LF"
  | "data"
  | "data CR"
  | "data LF"
  | "trailers"
  | "done"
>;

/** The grammar of chunk-ext (section 7.1.1), blanks only where it has them. */
function afterExtensionOctet(state: ExtensionState, octet: number): State {
  switch (state) {
    case "extension name start":
      if (isBlank(octet)) return state;
      if (isOctet(octet, TOKEN)) return "extension name";
      throw malformed();
    case "extension name":
      if (isOctet(octet, TOKEN)) return state;
      if (octet === EQUALS) return "extension value start";
      return isBlank(octet) ? "blanks after name" : afterSizeOrValue(octet);
    case "blanks after name":
      if (octet === EQUALS) return "extension value start";
      if (isBlank(octet)) return state;
      if (octet === SEMICOLON) return "extension name start";
      throw malformed();
    case "extension value start":
      if (isBlank(octet)) return state;
      if (octet === DQUOTE) return "quoted value";
      if (isOctet(octet, TOKEN)) return "extension value";
      throw malformed();
    case "extension value":
      return isOctet(octet, TOKEN) ? state : afterSizeOrValue(octet);
    case "quoted value":
      if (octet === DQUOTE) return "after quoted value";
      if (octet === BACKSLASH) return "quoted pair";
      if (isOctet(octet, FIELD_VALUE)) return state;
      throw malformed();
    case "quoted pair":
      if (isOctet(octet, FIELD_VALUE)) return "quoted value";
      throw malformed();
    case "after quoted value":
      return afterSizeOrValue(octet);
    case "blanks before semicolon":
      if (isBlank(octet)) return state;
      if (octet === SEMICOLON) return "extension name start";
      throw malformed();
  }
}

function afterSizeOrValue(octet: number): State {
  if (octet === CR) return "size line LF";
  if (octet === SEMICOLON) return "extension name start";
  if (isBlank(octet)) return "blanks before semicolon";
  throw malformed();
}

function malformed(): StatusError {
  return new StatusError(
    400,
    "The chunked coding of the content is malformed.",
  );
}
