// Finds the end of a head (RFC 9112 sections 2 to 5) and checks its syntax. The scan goes on where
// it stopped, so that every octet is checked once.

import { FieldScanner, LINE_END } from "./field_scanner.ts";
import type { Fields } from "./fields.ts";
import type { MessageLimits } from "./limits.ts";
import { StatusError } from "./status.ts";
import { CR, decodeLatin1, isOctet, LF, SP, TARGET, TOKEN } from "./syntax.ts";

type State =
  | "empty line" // before a request (section 2.2)
  | "empty line LF"
  | "method"
  | "target"
  | "version"
  | "request line LF"
  | "fields";

/** Empty lines accepted before a request line. Some clients send one after content. */
const MAX_EMPTY_LINES = 4;

/** Octets of `HTTP/1.1`. */
const VERSION_LENGTH = 8;

export interface ScannedHead {
  readonly requestLine: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: Fields;
}

/** Scans one head after another. */
export class HeadScanner {
  readonly #limits: MessageLimits;
  readonly #fields: FieldScanner;
  #state: State = "empty line";
  /** Octets scanned. This and every other offset counts from the head's first octet. */
  #at = 0;
  #emptyLines = 0;
  #lineStart = 0;
  #methodEnd = 0;
  #targetEnd = 0;
  #lineEnd = 0;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
    this.#fields = new FieldScanner(limits);
  }

  begin(): void {
    this.#state = "empty line";
    this.#at = 0;
    this.#emptyLines = 0;
    this.#lineStart = 0;
  }

  /** Whether nothing but empty lines has been scanned. */
  get isUntouched(): boolean {
    return this.#state === "empty line" || this.#state === "empty line LF";
  }

  /**
   * Goes on scanning.
   *
   * @param octets The receive buffer, with the head from `start` and received octets to `end`.
   * @returns The length of the head with its last empty line; null for "need more".
   * @throws {StatusError} 400, 414 or 431 at the first octet that cannot belong to a head.
   */
  scan(octets: Uint8Array, start: number, end: number): number | null {
    let at = start + this.#at;
    while (at < end && this.#state !== "fields") {
      const stop = Math.min(end, start + this.#lineStart + this.#limits.requestLine + LINE_END);
      if (at >= stop) throw this.#lineTooLong();
      at = this.#step(octets, start, at, stop);
    }
    this.#at = at - start;
    return this.#state === "fields" ? this.#fields.scan(octets, start, end) : null;
  }

  /** Section 3: 414 for a target that is too long, 501 for a method that is. */
  #lineTooLong(): StatusError {
    const isMethod = this.#state === "method" ||
      this.#methodEnd - this.#lineStart > this.#limits.requestLine;
    return isMethod
      ? new StatusError(501, "The method is longer than any that this server knows.")
      : new StatusError(414, "The request line is too long.");
  }

  /** Consumes one octet, or a run of octets of one kind, below `stop`; returns the new offset. */
  #step(octets: Uint8Array, start: number, from: number, stop: number): number {
    let at = from;
    switch (this.#state) {
      case "empty line":
        if (octets[at] === CR && this.#emptyLines < MAX_EMPTY_LINES) {
          this.#emptyLines++;
          this.#state = "empty line LF";
          return at + 1;
        }
        if (!isOctet(octets[at]!, TOKEN)) throw malformed("request line");
        this.#lineStart = at - start;
        this.#state = "method";
        return at;
      case "empty line LF":
        if (octets[at] !== LF) throw malformed("request line");
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
        this.#lineEnd = at - start;
        if (octets[at] !== CR || this.#lineEnd !== this.#targetEnd + 1 + VERSION_LENGTH) {
          throw malformed("request line");
        }
        this.#state = "request line LF";
        return at + 1;
      case "request line LF":
        if (octets[at] !== LF) throw malformed("request line");
        this.#state = "fields";
        this.#fields.begin(at + 1 - start);
        return at + 1;
      case "fields":
        return at;
    }
  }

  /** The head as text, once {@linkcode scan} has found its end: one text, with slices of it. */
  take(octets: Uint8Array, start: number): ScannedHead {
    const text = this.#fields.decode(octets, start);
    return {
      requestLine: text.slice(this.#lineStart, this.#lineEnd),
      method: text.slice(this.#lineStart, this.#methodEnd),
      target: text.slice(this.#methodEnd + 1, this.#targetEnd),
      version: text.slice(this.#targetEnd + 1, this.#lineEnd),
      fields: this.#fields.fieldsOf(text),
    };
  }

  /** The request line, for the log of a request whose head is incomplete; null before its end. */
  takeRequestLine(octets: Uint8Array, start: number): string | null {
    if (this.#state !== "fields") return null;
    return decodeLatin1(octets, start + this.#lineStart, start + this.#lineEnd, true);
  }
}

function malformed(part: string): StatusError {
  return new StatusError(400, `The ${part} is malformed.`);
}
