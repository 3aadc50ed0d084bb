// A response on its way out: its framing and head decided first, then its octets, piece by
// piece. Head and small content leave in one write: two would wait for each other (Nagle).

import type { Content } from "../http/content.ts";
import type { HttpResponse, RequestHead } from "../http/message.ts";
import { isContentless } from "../http/status.ts";
import {
  composeHead,
  encodeChunk,
  joinHead,
  LAST_CHUNK,
  type ResponseFraming,
  responseFraming,
} from "../http/writer.ts";
import { currentDate } from "./clock.ts";
import type { Transport } from "./transport.ts";

/** What the request has to say about its response. */
export type Asked = Pick<RequestHead, "method" | "minor">;

/** A response ready to be sent. */
export interface Outgoing {
  readonly status: number;
  /** The head's characters, one octet each. */
  readonly head: string;
  readonly framing: ResponseFraming;
  /** The content, or its first piece: nothing where the request was HEAD. */
  readonly first: Uint8Array;
  /** What the further pieces come from. */
  readonly rest: Content | null;
  /** Whether the connection ends with this response. */
  readonly closes: boolean;
}

const NO_CONTENT = new Uint8Array(0);
const utf8 = new TextEncoder();

/** Whether a response's content is pulled while it is sent. */
export function isStreamed(content: HttpResponse["content"]): content is Content {
  return typeof content === "object" && !(content instanceof Uint8Array);
}

/**
 * Decides how a response is sent, and gets its first octets ready: what fails before the head
 * has left can still become another response.
 *
 * @param closes Whether the connection shall end with it.
 * @throws {TypeError} where the response cannot be sent as it is, and whatever its content
 * throws. The content is closed then.
 */
export async function prepare(
  asked: Asked,
  response: HttpResponse,
  closes: boolean,
): Promise<Outgoing> {
  const { status, content = NO_CONTENT } = response;
  const whole = typeof content === "string" ? utf8.encode(content) : content;
  const source = isStreamed(whole) ? whole : null;
  try {
    const framing = responseFraming(asked.minor, status, whole.length);
    const isLast = closes || framing.type === "until close";
    const context = { date: currentDate(), framing, closes: isLast };
    const outgoing = {
      status,
      head: composeHead(asked, response, context),
      framing,
      closes: isLast,
    };
    if (!hasContent(asked, status)) {
      source?.close();
      return { ...outgoing, first: NO_CONTENT, rest: null };
    }
    if (!isStreamed(whole)) return { ...outgoing, first: whole, rest: null };
    return { ...outgoing, first: await whole.read() ?? NO_CONTENT, rest: whole };
  } catch (error) {
    source?.close();
    throw error;
  }
}

/** Whether content is sent at all (RFC 9110 sections 6.4.1, 9.3.2 and 15.3.6). */
function hasContent({ method }: Asked, status: number): boolean {
  return method !== "HEAD" && !isContentless(status) && status !== 205;
}

/**
 * Sends a response.
 *
 * @throws {PeerGone} where the connection is lost, and whatever the content throws.
 */
export async function send(
  { head, framing, first, rest }: Outgoing,
  to: Transport,
): Promise<void> {
  if (rest === null) return await to.write(joinHead(head, first));
  const isChunked = framing.type === "chunked";
  let missing = framing.type === "length" ? framing.length : Infinity;
  let unsent = head;
  try {
    for (let piece: Uint8Array | null = first; piece !== null; piece = await rest.read()) {
      if (piece.length === 0) continue; // An empty chunk would be the last one.
      missing -= piece.length;
      if (missing < 0) {
        throw new RangeError("The content is longer than its length");
      }
      await to.write(joinHead(unsent, isChunked ? encodeChunk(piece) : piece));
      unsent = "";
      if (missing === 0) break;
    }
    if (missing > 0 && missing < Infinity) {
      throw new RangeError("The content is shorter than its length");
    }
    if (unsent !== "" || isChunked) {
      await to.write(joinHead(unsent, isChunked ? LAST_CHUNK : NO_CONTENT));
    }
  } finally {
    rest.close();
  }
}
