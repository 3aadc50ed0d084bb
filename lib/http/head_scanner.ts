// Finds the end of a head (RFC 9112 sections 2 to 5) and checks its syntax, octet by octet.
// Each octet is looked at once, however the head is cut on its way: the scanner goes on where
// it stopped, and what it says never depends on the cuts. A trailer section is a head without
// its request line.

import { Fields } from "./fields.ts";
import type { MessageLimits } from "./limits.ts";
import { StatusError } from "./status.ts";
import {
  COLON,
  CR,
  decodeLatin1,
  FIELD_VALUE,
  isBlank,
  isOctet,
  LF,
  SP,
  TARGET,
  TOKEN,
} from "./syntax.ts";

type State =
  | "empty line" // before a request: the robustness of section 2.2
  | "empty line LF"
  | "method"
  | "target"
  | "version"
  | "request line LF"
  | "field line"
  | "field name"
  | "field value start"
  | "field value"
  | "field line LF"
  | "last LF"
  | "done";

/** Empty lines that may stand before a request line: a client's slip, not a stream of them. */
const MAX_EMPTY_LINES = 4;

/** Octets of `HTTP/1.1`. */
const VERSION_LENGTH = 8;

/** Octets of the CRLF that the limits do not count. */
const LINE_END = 2;

/** A head as text: its request line, the three parts of that, and its fields. */
export interface ScannedHead {
  readonly requestLine: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: Fields;
}

/** Checks one head, or one trailer section, after another. */
export class HeadScanner {
  readonly #limits: MessageLimits;
  #state: State = "empty line";
  /** Where the scan goes on. This and every offset below counts from the head's first octet. */
  #at = 0;
  /** Where the part being scanned grows too long. */
  #limitAt = 0;
  #emptyLines = 0;
  #requestLineStart = 0;
  #methodEnd = 0;
  #targetEnd = 0;
  #versionEnd = 0;
  #sectionStart = 0;
  /** Four offsets a field: its name's start and end, its value's start and end. */
  readonly #fieldOffsets: number[] = [];
  #isAscii = true;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
    this.beginHead();
  }

  /** Sets out for a request line and its fields. */
  beginHead(): void {
    this.#begin("empty line", this.#limits.requestLine + LINE_END);
  }

  /** Sets out for a trailer section: field lines and the empty line after them. */
  beginTrailers(): void {
    this.#begin("field line", this.#limits.fieldSection + LINE_END);
  }

  #begin(state: State, limitAt: number): void {
    this.#state = state;
    this.#at = 0;
    this.#limitAt = limitAt;
    this.#emptyLines = 0;
    this.#fieldOffsets.length = 0;
    this.#isAscii = true;
  }

  /** Whether nothing but empty lines has come. */
  get isUntouched(): boolean {
    return this.#state === "empty line" || this.#state === "empty line LF";
  }

  /** Whether the request line is complete: its parts can be told. */
  get hasRequestLine(): boolean {
    return !this.isUntouched && this.#state !== "method" &&
      this.#state !== "target" &&
      this.#state !== "version" && this.#state !== "request line LF";
  }

  /**
   * Goes on scanning.
   *
   * @param octets The receive buffer.
   * @param start Where in it the head begins.
   * @param end Where what has been received ends.
   * @returns Octets of the whole head, its empty last line included, or null for "need more".
   * @throws {StatusError} 400, 414 or 431 at the first octet that cannot belong to a head.
   */
  scan(octets: Uint8Array, start: number, end: number): number | null {
    let at = start + this.#at;
    while (at < end && this.#state !== "done") {
      const stop = Math.min(end, start + this.#limitAt);
      if (at >= stop) throw this.#tooLarge();
      at = this.#step(octets, start, at, stop);
    }
    this.#at = at - start;
    return this.#state === "done" ? this.#at : null;
  }

  /** Consumes one octet, or a run of octets of one kind, below `stop`; returns where it came to. */
  #step(octets: Uint8Array, start: number, from: number, stop: number): number {
    let at = from;
    const octet = octets[at]!;
    switch (this.#state) {
      case "empty line":
        if (octet === CR && this.#emptyLines < MAX_EMPTY_LINES) {
          this.#emptyLines++;
          this.#state = "empty line LF";
          return at + 1;
        }
        if (!isOctet(octet, TOKEN)) throw malformed("request line");
        this.#requestLineStart = at - start;
        this.#limitAt = this.#requestLineStart + this.#limits.requestLine +
          LINE_END;
        this.#state = "method";
        return at;
      case "empty line LF":
        if (octet !== LF) throw malformed("request line");
        this.#state = "empty line";
        return at + 1;
      case "method":
        while (at < stop && isOctet(octets[at]!, TOKEN)) at++;
        if (at === stop) return at;
        if (octets[at] !== SP) throw malformed("method");
        this.#methodEnd = at - start;
        this.#state = "target";
        return at + 1;
      case "target":
        while (at < stop && isOctet(octets[at]!, TARGET)) at++;
        if (at === stop) return at;
        this.#targetEnd = at - start;
        if (octets[at] !== SP || this.#targetEnd === this.#methodEnd + 1) {
          throw malformed("request target");
        }
        this.#state = "version";
        return at + 1;
      case "version":
        while (at < stop && isOctet(octets[at]!, TARGET)) at++;
        if (at === stop) return at;
        this.#versionEnd = at - start;
        if (
          octets[at] !== CR ||
          this.#versionEnd !== this.#targetEnd + 1 + VERSION_LENGTH
        ) {
          throw malformed("request line");
        }
        this.#state = "request line LF";
        return at + 1;
      case "request line LF":
        if (octet !== LF) throw malformed("request line");
        this.#sectionStart = at + 1 - start;
        this.#limitAt = this.#sectionStart + this.#limits.fieldSection + LINE_END;
        this.#state = "field line";
        return at + 1;
      case "field line":
        if (octet === CR) {
          this.#state = "last LF";
          return at + 1;
        }
        if (!isOctet(octet, TOKEN)) throw malformed("field line"); // obs-fold is here, too
        if (this.#fieldOffsets.length >= 4 * this.#limits.fieldCount) {
          throw this.#tooLarge();
        }
        this.#fieldOffsets.push(at - start);
        this.#state = "field name";
        return at;
      case "field name":
        while (at < stop && isOctet(octets[at]!, TOKEN)) at++;
        if (at === stop) return at;
        if (octets[at] !== COLON) throw malformed("field name");
        this.#fieldOffsets.push(at - start);
        this.#state = "field value start";
        return at + 1;
      case "field value start":
        while (at < stop && isBlank(octets[at]!)) at++;
        if (at === stop) return at;
        this.#fieldOffsets.push(at - start);
        this.#state = "field value";
        return at;
      case "field value":
        at = this.#skipValue(octets, at, stop);
        if (at === stop) return at;
        if (octets[at] !== CR) throw malformed("field value");
        this.#fieldOffsets.push(this.#valueEnd(octets, start, at));
        this.#state = "field line LF";
        return at + 1;
      case "field line LF":
        if (octet !== LF) throw malformed("field line");
        this.#state = "field line";
        return at + 1;
      case "last LF":
        if (octet !== LF) throw malformed("field section");
        this.#state = "done";
        return at + 1;
      case "done":
        return at;
    }
  }

  #skipValue(octets: Uint8Array, from: number, stop: number): number {
    let at = from;
    let seen = 0;
    while (at < stop && isOctet(octets[at]!, FIELD_VALUE)) {
      seen |= octets[at++]!;
    }
    if (seen > 0x7f) this.#isAscii = false;
    return at;
  }

  /** The offset of a value's end without the blanks behind it. */
  #valueEnd(octets: Uint8Array, start: number, end: number): number {
    const valueStart = start + this.#fieldOffsets.at(-1)!;
    let at = end;
    while (at > valueStart && isBlank(octets[at - 1]!)) at--;
    return at - start;
  }

  #tooLarge(): StatusError {
    return this.hasRequestLine || this.#fieldOffsets.length > 0
      ? new StatusError(
        431,
        "The fields of the request are too large or too many.",
      )
      : new StatusError(414, "The request line is too long.");
  }

  /** The head that {@linkcode scan} has found the end of, as text. */
  take(octets: Uint8Array, start: number): ScannedHead {
    const line = this.#requestLine(octets, start);
    const from = this.#requestLineStart;
    return {
      requestLine: line,
      method: line.slice(0, this.#methodEnd - from),
      target: line.slice(this.#methodEnd + 1 - from, this.#targetEnd - from),
      version: line.slice(this.#targetEnd + 1 - from),
      fields: this.#takeFields(octets, start),
    };
  }

  #requestLine(octets: Uint8Array, start: number): string {
    return decodeLatin1(octets, start + this.#requestLineStart, start + this.#versionEnd, true);
  }

  #takeFields(octets: Uint8Array, start: number): Fields {
    const from = this.#sectionStart;
    const text = decodeLatin1(octets, start + from, start + this.#at, this.#isAscii);
    const offsets = this.#fieldOffsets;
    const lines: [string, string][] = [];
    for (let at = 0; at < offsets.length; at += 4) {
      lines.push([
        text.slice(offsets[at]! - from, offsets[at + 1]! - from),
        text.slice(offsets[at + 2]! - from, offsets[at + 3]! - from),
      ]);
    }
    return new Fields(lines);
  }

  /** The request line alone, for the log of a request whose head never became whole. */
  takeRequestLine(octets: Uint8Array, start: number): string | null {
    if (!this.hasRequestLine) return null;
    return this.#requestLine(octets, start);
  }
}

function malformed(part: string): StatusError {
  return new StatusError(400, `The ${part} is malformed.`);
}
