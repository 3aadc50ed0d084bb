// Content codings: which one the client wants (RFC 9110 section 12.5.3), and gzip and brotli by
// CompressionStream. Whether a representation is worth coding is the handler's to say.

import { toBytes } from "@std/streams/to-bytes";
import { CompressedContent, type Format, hasCapacity } from "./coded_content.ts";
import { collect, type Content } from "./content.ts";
import { type Fields, listMembers, nameIn, type ResponseFields } from "./fields.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { isSameName, trimBlanks } from "./syntax.ts";

/** A content coding, as Content-Encoding names it. */
export type Coding = "gzip" | "br";

/**
 * What is offered for content that is coded as it is asked for, the first being preferred where
 * the client does not care: of 6 MB of log text, gzip took 66 ms and brotli 205.
 */
export const DYNAMIC_CODINGS: readonly Coding[] = ["gzip", "br"];

/**
 * Octets up to which a content is coded as a whole before it is sent, so that its coded length
 * can be told: 64 KiB, one piece of a file. A longer one is coded on its way.
 */
const MAX_WHOLE_LENGTH = 65536;

/**
 * The coding, of those on offer, in which the response to these fields is best sent.
 *
 * The one with the highest weight wins, and identity only where it weighs more than all. `*`
 * stands for what is not named. Members that are malformed do not count.
 *
 * @param offered The codings on offer, the one that is liked best first.
 * @returns The coding, or null for none.
 */
export function negotiateCoding(fields: Fields, offered: readonly Coding[]): Coding | null {
  const accepted = fields.get("Accept-Encoding");
  if (accepted === null) return null;
  const weights = new Map<string, number>();
  for (const member of listMembers(accepted)) {
    const [coding, weight] = parseMember(member);
    if (weight !== null) weights.set(coding === "x-gzip" ? "gzip" : coding, weight);
  }
  const weigh = (coding: string): number => weights.get(coding) ?? weights.get("*") ?? 0;
  let best: Coding | null = null;
  let most = 0;
  for (const coding of offered) {
    if (weigh(coding) > most) [best, most] = [coding, weigh(coding)];
  }
  return most >= weigh("identity") ? best : null;
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
 * there was a choice. A response without content, or coded already, stays as it is. An entity tag
 * stays as well: a strong one belongs to one coding alone (RFC 9110 section 8.8.3.3).
 */
export function encodeContent(
  request: Pick<HttpRequest, "fields">,
  response: HttpResponse,
): HttpResponse | Promise<HttpResponse> {
  const { content, fields = {} } = response;
  if (content === undefined || nameIn(fields, "Content-Encoding") !== null) return response;
  const varied = withVary(fields, "Accept-Encoding");
  const coding = negotiateCoding(request.fields, DYNAMIC_CODINGS);
  if (coding === null || !canEncode(knownLength(content))) {
    return varied === fields ? response : { ...response, fields: varied };
  }
  const coded = { ...varied, "Content-Encoding": coding };
  return encode(content, coding).then((content) => ({ ...response, fields: coded, content }));
}

/** The fields of a response that depends on a field of the request. */
export function withVary(fields: ResponseFields, field: string): ResponseFields {
  const name = nameIn(fields, "Vary");
  if (name === null) return { ...fields, "Vary": field };
  if (fields[name] === field) return fields;
  const others = [fields[name]!].flat().flatMap(listMembers);
  if (others.some((each) => each === "*" || isSameName(each, field))) return fields;
  return { ...fields, [name]: [...others, field].join(", ") };
}

function knownLength(content: string | Uint8Array | Content): number | null {
  return typeof content === "string" ? 0 : content.length;
}

/**
 * Whether content can be coded now: what is long only while not too much is on its way already.
 *
 * @param length Octets of the content, or null where only their end will tell.
 */
export function canEncode(length: number | null): boolean {
  return isShort(length) || hasCapacity();
}

function isShort(length: number | null): boolean {
  return length !== null && length <= MAX_WHOLE_LENGTH;
}

/** Content in a coding: whole where it is short, else to be coded on its way. */
export async function encode(
  content: string | Uint8Array | Content,
  coding: Coding,
): Promise<Uint8Array | Content> {
  const format: Format = coding === "br" ? "brotli" : coding;
  if (typeof content === "string") return await compress(utf8.encode(content), format);
  if (content instanceof Uint8Array) return await compress(content, format);
  return isShort(content.length)
    ? await compress(await collect(content, MAX_WHOLE_LENGTH), format)
    : new CompressedContent(content, format);
}

const utf8 = new TextEncoder();

/** Written by hand: a pipe between two streams costs as much again as the coding, 40 us. */
async function compress(octets: Uint8Array, format: Format): Promise<Uint8Array> {
  const { readable, writable } = new CompressionStream(format);
  const writer = writable.getWriter();
  const written = Promise.all([writer.write(octets as Uint8Array<ArrayBuffer>), writer.close()]);
  const [coded] = await Promise.all([toBytes(readable), written]);
  return coded;
}
