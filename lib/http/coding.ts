// Content codings: which one the client wants (RFC 9110 section 12.5.3), and gzip by
// CompressionStream. Whether a representation is worth coding is the handler's to say.

import { toBytes } from "@std/streams/to-bytes";
import { type Content, fromStream, toStream } from "./content.ts";
import { type Fields, listMembers, nameIn, type ResponseFields } from "./fields.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { trimBlanks } from "./syntax.ts";

/**
 * Octets up to which a content is coded as a whole before it is sent, so that its coded length
 * can be told: 64 KiB, one piece of a file. A longer one is coded on its way.
 */
const WHOLE_UP_TO = 65536;

/**
 * Whether a response to these fields is better coded with gzip than sent as it is.
 *
 * The coding named with the highest weight wins, gzip before identity where they are equal.
 * `*` stands for what is not named. Members that are malformed do not count.
 */
export function prefersGzip(fields: Fields): boolean {
  const accepted = fields.get("Accept-Encoding");
  if (accepted === null) return false;
  const weights = new Map<string, number>();
  for (const member of listMembers(accepted)) {
    const [coding, weight] = parseMember(member);
    if (weight !== null) {
      weights.set(coding === "x-gzip" ? "gzip" : coding, weight);
    }
  }
  const gzip = weights.get("gzip") ?? weights.get("*") ?? 0;
  return gzip > 0 && gzip >= (weights.get("identity") ?? weights.get("*") ?? 0);
}

const MEMBER =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/;

function parseMember(member: string): [coding: string, weight: number | null] {
  const [, coding, weight] = MEMBER.exec(trimBlanks(member)) ?? [];
  if (coding === undefined) return ["", null];
  return [coding.toLowerCase(), weight === undefined ? 1 : Number(weight)];
}

/**
 * The response in the coding that the client prefers, and with the Vary field that tells that
 * there was a choice. A response without content, or coded already, stays as it is.
 */
export async function encodeContent(
  request: Pick<HttpRequest, "fields">,
  response: HttpResponse,
): Promise<HttpResponse> {
  const { content, fields = {} } = response;
  if (content === undefined || nameIn(fields, "Content-Encoding") !== null) return response;
  const varied = { ...response, fields: vary(fields) };
  if (!prefersGzip(request.fields)) return varied;
  return {
    ...varied,
    fields: { ...varied.fields, "Content-Encoding": "gzip" },
    content: await gzip(content),
  };
}

function vary(fields: ResponseFields): ResponseFields {
  const name = nameIn(fields, "Vary") ?? "Vary";
  const others = [fields[name] ?? []].flat();
  return { ...fields, [name]: [...others, "Accept-Encoding"].join(", ") };
}

async function gzip(
  content: string | Uint8Array | Content,
): Promise<Uint8Array | Content> {
  if (typeof content === "string" || content instanceof Uint8Array) {
    return await toBytes(compress(new Blob([content as BlobPart]).stream()));
  }
  const coded = compress(toStream(content));
  const isShort = content.length !== null && content.length <= WHOLE_UP_TO;
  return isShort ? await toBytes(coded) : fromStream(coded);
}

function compress(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return stream.pipeThrough(new CompressionStream("gzip"));
}
