// Finds the end of a field section (RFC 9112 section 5), of a head or of trailers, and checks its
// syntax. The scan goes on where it stopped, so that every octet is checked once.

import { Fields } from "./fields.ts";
import type { MessageLimits } from "./limits.ts";
import { StatusError } from "./status.ts";
import { COLON, CR, decodeLatin1, FIELD_VALUE, isBlank, isOctet, LF, TOKEN } from "./syntax.ts";

type State =
  | "line" // a field line or the empty line that ends the section
  | "name"
  | "value"
  | "line LF"
  | "last LF"
  | "done";

/** Octets of a CRLF, which the limits do not count. */
export const LINE_END = 2;

/** Scans one field section after another. */
export class FieldScanner {
  readonly #limits: MessageLimits;
  #state: State = "line";
  /** Where the section begins. This and every other offset counts from the message's first octet. */
  #begin = 0;
  #at = 0;
  /** Of each line: start and end of its name, start and end of its value. */
  readonly #offsets: number[] = [];
  #count = 0;
  #isAscii = true;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
  }

  /** Begins a section, before which the message has this many octets. */
  begin(at = 0): void {
    this.#state = "line";
    this.#begin = this.#at = at;
    this.#count = 0;
    this.#isAscii = true;
  }

  /**
   * Goes on scanning.
   *
   * @param octets The receive buffer, with the message from `start` and received octets to `end`.
   * @returns The length of the message with the section's last empty line; null for "need more".
   * @throws {StatusError} 400 or 431 at the first octet that cannot belong to a field section.
   */
  scan(octets: Uint8Array, start: number, end: number): number | null {
    const stop = Math.min(end, start + this.#begin + this.#limits.fieldSection + LINE_END);
    let at = start + this.#at;
    let state = this.#state;
    while (at < stop && state !== "done") {
      switch (state) {
        case "line":
          if (octets[at] === CR) {
            at++;
            state = "last LF";
            break;
          }
          // An obs-fold (section 5.2) begins with a blank, which is no token either.
          if (!isOctet(octets[at]!, TOKEN)) throw malformed("line");
          if (this.#count >= 4 * this.#limits.fieldCount) throw tooLarge();
          this.#add(at - start);
          state = "name";
          break;
        case "name":
          while (at < stop && isOctet(octets[at]!, TOKEN)) at++;
          if (at === stop) break;
          if (octets[at] !== COLON) throw malformed("name");
          this.#add(at - start);
          at++;
          state = "value";
          break;
        case "value":
          at = this.#skipValue(octets, at, stop);
          if (at === stop) break;
          if (octets[at] !== CR) throw malformed("value");
          this.#addValue(octets, start, at);
          at++;
          state = "line LF";
          break;
        case "line LF":
          if (octets[at] !== LF) throw malformed("line");
          at++;
          state = "line";
          break;
        case "last LF":
          if (octets[at] !== LF) throw malformed("section");
          at++;
          state = "done";
      }
    }
    this.#state = state;
    this.#at = at - start;
    if (state !== "done" && at < end) throw tooLarge();
    return state === "done" ? this.#at : null;
  }

  #skipValue(octets: Uint8Array, from: number, stop: number): number {
    let at = from;
    let seen = 0;
    while (at < stop && isOctet(octets[at]!, FIELD_VALUE)) seen |= octets[at++]!;
    if (seen > 0x7f) this.#isAscii = false;
    return at;
  }

  /** Adds the offsets of the value between the colon and `end`, without the blanks around it. */
  #addValue(octets: Uint8Array, start: number, end: number): void {
    let from = start + this.#offsets[this.#count - 1]! + 1;
    let to = end;
    while (from < to && isBlank(octets[from]!)) from++;
    while (to > from && isBlank(octets[to - 1]!)) to--;
    this.#add(from - start);
    this.#add(to - start);
  }

  #add(offset: number): void {
    this.#offsets[this.#count++] = offset;
  }

  /** The message as text, once {@linkcode scan} has found the end: each octet is a character. */
  decode(octets: Uint8Array, start: number): string {
    return decodeLatin1(octets, start, start + this.#at, this.#isAscii);
  }

  /** The fields of a message that has been decoded. */
  fieldsOf(text: string): Fields {
    return Fields.ofSection(text, this.#offsets.slice(0, this.#count));
  }
}

function tooLarge(): StatusError {
  return new StatusError(431, "The fields of the request are too large or too many.");
}

function malformed(part: string): StatusError {
  return new StatusError(400, `The field ${part} is malformed.`);
}
