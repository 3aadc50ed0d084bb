// A response on its way out: its framing and head decided first, then its bytes. Head and small
// content leave in one write: two would wait for each other (Nagle).

import type { Content } from "../http/content.ts";
import { formatDate, oncePerSecond } from "../http/date.ts";
import type { HttpResponse, RequestHead } from "../http/message.ts";
import { isContentless } from "../http/status.ts";
import { isAscii } from "../http/syntax.ts";
import {
  composeHead,
  encodeChunk,
  joinHead,
  LAST_CHUNK,
  type ResponseFraming,
  responseFraming,
  type ResponseHead,
} from "../http/writer.ts";
import type { Socket } from "./socket.ts";

/** What the request has to say about its response. */
export type RequestKind = Pick<RequestHead, "method" | "minorVersion">;

/** A response ready to be sent. */
export interface PreparedResponse {
  readonly status: number;
  readonly head: ResponseHead;
  readonly framing: ResponseFraming;
  /** The content: nothing where the request was HEAD. Text is ASCII. */
  readonly content: string | Uint8Array | Content;
  /** Whether the connection ends with this response. */
  readonly closes: boolean;
}

/** The Date field of a moment. */
const dateAt = oncePerSecond(formatDate);

const NO_BYTES = new Uint8Array(0);
const utf8 = new TextEncoder();

/** Whether a response's content is pulled while it is sent. */
export function isStreamed(content: HttpResponse["content"]): content is Content {
  return typeof content === "object" && !(content instanceof Uint8Array);
}

/**
 * Decides how a response is sent.
 *
 * @param closes Whether the connection shall end with it.
 * @throws {TypeError} where the response cannot be sent as it is. Its content is closed then.
 */
export function prepareResponse(
  request: RequestKind,
  response: HttpResponse,
  closes: boolean,
): PreparedResponse {
  const { status } = response;
  const content = withoutUnicode(response.content ?? "");
  try {
    const framing = responseFraming(request.minorVersion, status, content.length);
    const isLast = closes || framing.type === "until close";
    const head = composeHead(request, response, {
      date: dateAt(Date.now()),
      framing,
      closes: isLast,
    });
    if (hasContent(request, status)) return { status, head, framing, content, closes: isLast };
    if (isStreamed(content)) content.close();
    return { status, head, framing, content: "", closes: isLast };
  } catch (error) {
    if (isStreamed(content)) content.close();
    throw error;
  }
}

/** Text whose characters are its bytes stays text: it leaves together with its head. */
function withoutUnicode<T>(content: string | T): string | Uint8Array | T {
  return typeof content === "string" && !isAscii(content) ? utf8.encode(content) : content;
}

/** Whether content is sent at all (RFC 9110 sections 6.4.1, 9.3.2 and 15.3.6). */
function hasContent({ method }: RequestKind, status: number): boolean {
  return method !== "HEAD" && !isContentless(status) && status !== 205;
}

/**
 * Sends a response piece by piece.
 *
 * @param first The first piece of its content, or null where there is none.
 * @param next Gives the further pieces, and null at the end.
 * @throws {ConnectionLost} where the connection is lost, and whatever the content throws.
 */
export async function stream(
  { head, framing }: PreparedResponse,
  first: Uint8Array | null,
  next: () => Promise<Uint8Array | null>,
  to: Socket,
): Promise<void> {
  const isChunked = framing.type === "chunked";
  let missing = framing.type === "length" ? framing.length : Infinity;
  let unsent: ResponseHead | null = head;
  for (let piece = first; piece !== null; piece = await next()) {
    if (piece.length === 0) continue; // An empty chunk would be the last one.
    missing -= piece.length;
    if (missing < 0) {
      throw new RangeError("The content is longer than its length");
    }
    const bytes = isChunked ? encodeChunk(piece) : piece;
    await to.write(unsent === null ? bytes : joinHead(unsent, bytes));
    unsent = null;
    if (missing === 0) break;
  }
  if (missing > 0 && missing < Infinity) {
    throw new RangeError("The content is shorter than its length");
  }
  const bytes = isChunked ? LAST_CHUNK : NO_BYTES;
  if (unsent !== null) await to.write(joinHead(unsent, bytes));
  else if (isChunked) await to.write(bytes);
}
