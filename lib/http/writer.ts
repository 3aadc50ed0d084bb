// Responses into octets (RFC 9112 sections 4 to 7). How the content is framed is decided once,
// as a value; nothing that a handler says can break out of its field or contradict the framing.

import type { ResponseFields } from "./fields.ts";
import type { Framing } from "./framing.ts";
import type { HttpResponse, RequestHead } from "./message.ts";
import { isContentless, reasonPhrase } from "./status.ts";
import { isFieldValue, isToken } from "./syntax.ts";

/** Fields that only the server writes. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/** How the content of a response is delimited: a request's framings, and the connection's end. */
export type ResponseFraming = Framing | { readonly type: "until close" };

/**
 * The framing of a response (RFC 9112 section 6.3), the same for HEAD as for GET.
 *
 * @param minor The minor version of HTTP/1 that the request was sent with.
 * @param status The status of the response.
 * @param length Octets of its content, or null where only their end will tell.
 * @throws {TypeError} for a length that is no number of octets.
 */
export function responseFraming(
  minor: 0 | 1,
  status: number,
  length: number | null,
): ResponseFraming {
  if (isContentless(status)) return { type: "none" };
  if (status === 205) return { type: "length", length: 0 }; // RFC 9110 section 15.3.6
  if (length !== null) {
    if (Number.isSafeInteger(length) && length >= 0) return { type: "length", length };
    throw new TypeError(`Content cannot have the length ${length}`);
  }
  return minor === 0 ? { type: "until close" } : { type: "chunked" };
}

/** What the connection adds to the head of a response. */
export interface HeadContext {
  /** The IMF-fixdate of now. */
  readonly date: string;
  /** How the content is delimited. */
  readonly framing: ResponseFraming;
  /** Whether the connection ends with this response. */
  readonly closes: boolean;
}

/**
 * The head of a response, its last empty line included. Every character is one octet.
 *
 * @throws {TypeError} where the handler's status or fields cannot be sent as they are.
 */
export function composeHead(
  request: Pick<RequestHead, "minor">,
  response: HttpResponse,
  { date, framing, closes }: HeadContext,
): string {
  const { status, fields = {}, isDateless = false } = response;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`A response cannot have the status ${status}`);
  }
  let head = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  if (!isDateless) head += `Date: ${date}\r\n`;
  head += Object.isFrozen(fields) ? frozenLines(fields) : fieldLines(fields);
  if (framing.type === "length") {
    head += `Content-Length: ${framing.length}\r\n`;
  } else if (framing.type === "chunked") {
    head += "Transfer-Encoding: chunked\r\n";
  }
  if (closes) head += "Connection: close\r\n";
  else if (request.minor === 0) head += "Connection: keep-alive\r\n";
  return head + "\r\n";
}

/** The lines of fields that cannot change any more: checked and put together once. */
const linesOfFrozen = new WeakMap<ResponseFields, string>();

function frozenLines(fields: ResponseFields): string {
  const known = linesOfFrozen.get(fields);
  if (known !== undefined) return known;
  const lines = fieldLines(fields);
  if (Object.values(fields).every((value) => Object.isFrozen(value))) {
    linesOfFrozen.set(fields, lines);
  }
  return lines;
}

function fieldLines(fields: ResponseFields): string {
  let lines = "";
  for (const name in fields) {
    const value = fields[name]!;
    if (typeof value === "string") lines += fieldLine(name, value);
    else for (const each of value) lines += fieldLine(name, each);
  }
  return lines;
}

/**
 * Of each name the line that was last made of it: handlers set the same few fields, often to the
 * same values, and to check and put together one costs 0.2 us.
 */
const lastLines = new Map<string, { readonly value: string; readonly line: string }>();
const MOST_NAMES = 256;
const LONGEST_VALUE = 256;

function fieldLine(name: string, value: string): string {
  const last = lastLines.get(name);
  if (last?.value === value) return last.line;
  const line = composeLine(name, value);
  const isKept = value.length <= LONGEST_VALUE &&
    (last !== undefined || lastLines.size < MOST_NAMES);
  if (isKept) lastLines.set(name, { value, line });
  return line;
}

function composeLine(name: string, value: string): string {
  if (!isToken(name) || OWN_FIELDS.has(name.toLowerCase())) {
    throw new TypeError(
      `A handler cannot set the field ${JSON.stringify(name)}`,
    );
  }
  if (!isFieldValue(value)) {
    throw new TypeError(
      `The field ${name} cannot have the value ${JSON.stringify(value)}`,
    );
  }
  return `${name}: ${value}\r\n`;
}

/** A head and what follows it, as the octets of one write. */
export function joinHead(head: string, content: Uint8Array): Uint8Array {
  if (head === "") return content;
  const octets = new Uint8Array(head.length + content.length);
  writeLatin1(head, octets, 0);
  octets.set(content, head.length);
  return octets;
}

const utf8 = new TextEncoder();

/**
 * Writes text whose characters are all below 0x100, each as one octet.
 *
 * As UTF-8 at first, which for ASCII is the same and half as dear as a loop.
 *
 * @param at Where in the memory to begin; there must be room.
 */
export function writeLatin1(text: string, into: Uint8Array, at: number): void {
  const { read, written } = utf8.encodeInto(text, at === 0 ? into : into.subarray(at));
  if (read === text.length && written === text.length) return;
  for (let index = 0; index < text.length; index++) into[at + index] = text.charCodeAt(index);
}

/** One chunk of the chunked coding (RFC 9112 section 7.1). */
export function encodeChunk(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = `${data.length.toString(16)}\r\n`;
  const chunk = new Uint8Array(size.length + data.length + 2);
  for (let at = 0; at < size.length; at++) chunk[at] = size.charCodeAt(at);
  chunk.set(data, size.length);
  chunk.set(CRLF, size.length + data.length);
  return chunk;
}

const CRLF = new Uint8Array([0x0d, 0x0a]);

/** The last chunk, without trailers. */
export const LAST_CHUNK: Uint8Array = new TextEncoder().encode("0\r\n\r\n");

/** The interim response that invites content (RFC 9110 section 15.2.1). */
export const CONTINUE: Uint8Array = new TextEncoder().encode(
  "HTTP/1.1 100 Continue\r\n\r\n",
);
