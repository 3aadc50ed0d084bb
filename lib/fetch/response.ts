// A web Response as a native one. A body that is in memory is sent as a whole, with its length; any
// other is read while it is sent.

import { type Content, NO_CONTENT, pieces } from "../http/content.ts";
import type { ResponseFields } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { isContentless } from "../http/status.ts";

/** Responses that stand for a native one, which is sent in their place: an upgrade, for instance. */
export const nativeResponses: WeakMap<Response, HttpResponse> = new WeakMap();

/**
 * The native response that a web response is.
 *
 * @throws {TypeError} for what cannot be sent, with the reason.
 */
export function toHttpResponse(response: unknown, request: HttpRequest): HttpResponse {
  if (!isResponse(response)) {
    throw new TypeError(`The handler returned ${nameOf(response)}: it returns a web Response`);
  }
  const native = nativeResponses.get(response);
  if (native !== undefined) return native;
  if (response.type === "error") throw new TypeError("Response.error() cannot be sent");
  if (response.bodyUsed) throw new TypeError("The body of the response has been read already");
  const { status } = response;
  const { fields, length } = fieldsOf(response.headers);
  const isTyped = fields["content-type"] !== undefined;
  return { status, fields, content: contentOf(response, { length, isTyped }, request) };
}

/** Frameworks may have a class of their own, which is no subclass. */
function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  return typeof value === "object" && value !== null && "headers" in value && "status" in value &&
    "body" in value && value.headers instanceof Headers;
}

function nameOf(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value !== "object" || value === null) return String(value);
  return "content" in value || "fields" in value ? "a native response" : "an object";
}

/** Fields that the server writes itself: a framework's are left out. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/** The fields, and what `Content-Length` says. `forEach` takes a quarter of what the iterator does. */
function fieldsOf(headers: Headers): { fields: ResponseFields; length: number | null } {
  const fields: Record<string, string | string[]> = {};
  let length: number | null = null;
  headers.forEach((value, name) => {
    if (name === "set-cookie") fields[name] = headers.getSetCookie();
    else if (!OWN_FIELDS.has(name)) fields[name] = value;
    else if (name === "content-length") length = lengthOf(value);
  });
  return { fields, length };
}

function lengthOf(value: string): number {
  const length = /^[0-9]+$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(length)) {
    throw new TypeError(`The Content-Length of the response is ${JSON.stringify(value)}`);
  }
  return length;
}

/** What the fields of a response say about its content: its length, if they do, and its type. */
interface Described {
  readonly length: number | null;
  readonly isTyped: boolean;
}

function contentOf(
  response: Response,
  { length, isTyped }: Described,
  { method }: HttpRequest,
): HttpResponse["content"] {
  const whole = wholeBody(response);
  if (whole === null && response.body !== null) return new BodyContent(response.body, length);
  const isHead = method === "HEAD" || isContentless(response.status);
  // Frameworks answer HEAD without the body that its length is of.
  if (whole === null && isHead) return { ...NO_CONTENT, length };
  const content = isTyped ? whole ?? "" : encodeUntyped(whole ?? "");
  if (length !== null && !isHead && length !== sizeOf(content)) {
    throw new TypeError(
      `The response has ${sizeOf(content)} bytes, and its Content-Length is ${length}`,
    );
  }
  return content;
}

const utf8 = new TextEncoder();

/** Text gets a Content-Type from the server where it has none, and a framework took it away. */
function encodeUntyped(content: string | Uint8Array): string | Uint8Array {
  return typeof content === "string" && content !== "" ? utf8.encode(content) : content;
}

function sizeOf(content: string | Uint8Array): number {
  return typeof content === "string" ? utf8.encode(content).length : content.length;
}

/** The body as a stream that is read while it is sent. */
class BodyContent implements Content {
  readonly length: number | null;
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  #isOver = false;

  /** @throws {TypeError} for a stream that something else reads. */
  constructor(stream: ReadableStream<unknown>, length: number | null) {
    if (stream.locked) throw new TypeError("The body of the response is locked to a reader");
    this.length = length;
    this.#reader = stream.getReader();
  }

  async read(): Promise<Uint8Array | null> {
    try {
      const { done, value } = await this.#reader.read();
      this.#isOver = done;
      if (done) return null;
      if (value instanceof Uint8Array) return value;
    } catch (error) {
      this.#isOver = true;
      // A stream may fail with anything, also with undefined.
      throw error instanceof Error ? error : new Error(`The stream failed: ${String(error)}`);
    }
    throw new TypeError("The stream of the response yields something other than Uint8Array");
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const reason = new DOMException("The response is not wanted any more", "AbortError");
    this.#reader.cancel(reason).catch(() => {}); // The stream fails with it, if at all.
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

type Slots = Record<symbol, unknown>;

const slots = Object.getOwnPropertySymbols(new Response(""));
const slotNamed = (name: string): symbol => slots.find((each) => each.description === name)!;
const LAZY_BODY = slotNamed("lazy static body");
const INNER_RESPONSE = slotNamed("response");

/**
 * A body that is text or bytes in memory, or null. The web API shows each body as a stream, whose
 * length is not known and which costs 5 us: the internal slots of Deno's Response tell. Where a
 * version of Deno has others, the body is a stream like any other.
 */
function wholeBody(response: Response): string | Uint8Array | null {
  const known = response as unknown as Slots;
  const lazy = known[LAZY_BODY];
  if (isWhole(lazy)) return lazy;
  const inner = known[INNER_RESPONSE] as { body?: { streamOrStatic?: { body?: unknown } } | null };
  const whole = inner?.body?.streamOrStatic?.body;
  return isWhole(whole) ? whole : null;
}

function isWhole(body: unknown): body is string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array;
}
