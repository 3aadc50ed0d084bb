// Where the content of a request ends (RFC 9112 section 6), decided once from its head. What two
// implementations could read in two ways is refused, against request smuggling (section 11.2).

import type { Fields } from "./fields.ts";
import { StatusError } from "./status.ts";
import { isToken, trimBlanks } from "./syntax.ts";

/**
 * How the octets of a message's content are delimited.
 *
 * @example
 * ```ts
 * import type { Framing } from "@wireserve/wireserve/http";
 *
 * const lengthOf = (framing: Framing) => framing.type === "length" ? framing.length : null;
 * console.log(lengthOf({ type: "chunked" })); // null
 * ```
 */
export type Framing =
  | { readonly type: "none" }
  | { readonly type: "length"; readonly length: number }
  | { readonly type: "chunked" };

const NONE: Framing = Object.freeze({ type: "none" });
const CHUNKED: Framing = Object.freeze({ type: "chunked" });

/**
 * The framing of a request's content (section 6.3).
 *
 * @throws {StatusError} 400 for fields that are invalid or contradict each other, 501 for a
 * transfer coding other than chunked.
 */
export function requestFraming(fields: Fields, minorVersion: number): Framing {
  const codings = fields.get("Transfer-Encoding");
  const length = fields.get("Content-Length");
  if (codings === null) return length === null ? NONE : lengthFraming(length);
  if (length !== null) {
    throw new StatusError(400, "Transfer-Encoding and Content-Length exclude each other.");
  }
  if (minorVersion === 0) {
    throw new StatusError(400, "HTTP/1.0 has no Transfer-Encoding.");
  }
  checkTransferCodings(codings);
  return CHUNKED;
}

/** A list of lengths, even of equal ones, does not match: section 6.3 allows to refuse it. */
function lengthFraming(value: string): Framing {
  const length = /^[0-9]+$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(length)) {
    throw new StatusError(400, "The Content-Length is not a number of octets.");
  }
  return { type: "length", length };
}

function checkTransferCodings(value: string): void {
  const codings = value.split(",").map((member) => trimBlanks(member).toLowerCase());
  const isValid = codings.every(isToken) && !codings.includes("identity") &&
    codings.indexOf("chunked") === codings.length - 1;
  if (!isValid) {
    throw new StatusError(400, "The Transfer-Encoding is not chunked, once, at the end.");
  }
  if (codings.length > 1) {
    throw new StatusError(501, "No transfer coding but chunked is implemented.");
  }
}
