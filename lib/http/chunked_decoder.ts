// The chunked transfer coding (RFC 9112 section 7.1). Extensions and trailers are checked and
// discarded: they must not change the framing.

import { FieldScanner } from "./field_scanner.ts";
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

/** Octets below which to move data costs less than to return it as a piece of its own. */
const SMALL = 4096;

/** Hexadecimal digits of a small size. */
const MAX_SMALL_DIGITS = 3;

const ZERO = 0x30;

/** The value of each hexadecimal digit, by octet. */
const DIGITS = new Uint8Array(256);
for (const digit of "0123456789abcdefABCDEF") {
  DIGITS[digit.charCodeAt(0)] = Number.parseInt(digit, 16);
}

/** Decodes the content of one message. */
export class ChunkedDecoder {
  readonly #limits: MessageLimits;
  readonly #trailers: FieldScanner;
  #state: State = "size start";
  /** The size of the current chunk, then the octets of it that are still to come. */
  #size = 0;
  #total = 0;
  #overhead = 0;
  /** An error that is thrown after the data before it has been returned. */
  #failure: StatusError | null = null;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
    this.#trailers = new FieldScanner(limits);
  }

  get isDone(): boolean {
    return this.#state === "done";
  }

  /**
   * The next piece of data as a view into the buffer; null at the end, or if more octets are
   * needed. Small chunks are joined: an attacker could send chunks of one octet.
   *
   * @throws {StatusError} 400 for a syntax error, 413 or 431 over a limit, after the data before it.
   */
  next(buffer: ReceiveBuffer): Uint8Array | null {
    const { octets } = buffer;
    let first = 0;
    let last = 0; // Data gathered so far is that from `first` to `last`.
    try {
      if (this.#failure !== null) throw this.#failure;
      while (buffer.length > 0 && this.#state !== "done") {
        if (this.#state !== "data") {
          if (this.#state === "size start" && last > first) {
            last += this.#takeSmallChunks(buffer, last);
            if (buffer.length === 0) break;
          }
          if (!this.#advance(buffer)) break;
          continue;
        }
        const isSmall = this.#size < SMALL;
        if (last > first && !isSmall) break;
        const { start } = buffer;
        if (last === first) first = last = start;
        const { length } = this.#takeData(buffer);
        if (last < start) octets.copyWithin(last, start, start + length);
        last += length;
        if (!isSmall) break;
      }
    } catch (error) {
      if (!(error instanceof StatusError) || last === first) throw error;
      this.#failure = error;
    }
    return last > first ? octets.subarray(first, last) : null;
  }

  /**
   * Moves the data of whole small chunks without extensions to `to`, and returns its length: one
   * octet after the other costs ten times as much. What it does not know is left for the states.
   */
  #takeSmallChunks(buffer: ReceiveBuffer, to: number): number {
    const { octets, start, end } = buffer;
    let at = start;
    let target = to;
    while (octets[at] !== ZERO) { // Leading zeros are counted elsewhere.
      let size = 0;
      let line = at;
      while (line < at + MAX_SMALL_DIGITS && line < end && isOctet(octets[line]!, HEX_DIGIT)) {
        size = size * 16 + DIGITS[octets[line++]!]!;
      }
      const data = line + 2;
      const next = data + size + 2;
      if (next > end || size === 0 || this.#isTooLarge(size)) break;
      if (octets[line] !== CR || octets[line + 1] !== LF) break;
      if (octets[next - 2] !== CR || octets[next - 1] !== LF) break;
      this.#total += size;
      if (size === 1) octets[target] = octets[data]!; // A call costs more.
      else octets.copyWithin(target, data, data + size);
      target += size;
      at = next;
    }
    buffer.consume(at - start);
    return target - to;
  }

  #takeData(buffer: ReceiveBuffer): Uint8Array {
    const data = buffer.take(this.#size);
    this.#size -= data.length;
    if (this.#size === 0) this.#state = "data CR";
    return data;
  }

  /** Consumes one octet around the data, or the trailers. Returns false if it needs more. */
  #advance(buffer: ReceiveBuffer): boolean {
    if (this.#state !== "trailers") {
      this.#state = this.#after(buffer.octets[buffer.start]!);
      buffer.consume(1);
      return true;
    }
    const length = this.#trailers.scan(buffer.octets, buffer.start, buffer.end);
    if (length === null) return false;
    buffer.consume(length);
    this.#state = "done";
    return true;
  }

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

  #isTooLarge(size: number): boolean {
    return this.#limits.content > 0 && this.#total + size > this.#limits.content;
  }

  #afterDigit(octet: number): State {
    if (this.#state === "size" && this.#size === 0) this.#countOverhead();
    this.#size = this.#size * 16 + DIGITS[octet]!;
    if (!Number.isSafeInteger(this.#size)) throw malformed();
    return "size";
  }

  #countOverhead(): void {
    if (++this.#overhead > this.#limits.chunkOverhead) throw malformed();
  }

  #afterSizeLine(): State {
    if (this.#isTooLarge(this.#size)) throw contentTooLarge();
    this.#total += this.#size;
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

/** The grammar of chunk-ext (section 7.1.1), with blanks where it allows bad whitespace. */
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
  return new StatusError(400, "The chunked coding of the content is malformed.");
}
