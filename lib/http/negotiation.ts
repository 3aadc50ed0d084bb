// Content negotiation (RFC 9110 section 12.5): which media type and which content coding the client
// prefers, of those on offer.

import { type Fields, listMembers, nameIn, type ResponseFields } from "./fields.ts";
import { isSameName, trimBlanks } from "./syntax.ts";

/**
 * The media type, of those on offer, that the response to these fields is best sent in. Where
 * the client does not care, or wants none of them, it is the first.
 *
 * @param offered Media types in small letters, without parameters, the one liked best first.
 */
export function negotiateType<T extends string>(fields: Fields, offered: readonly [T, ...T[]]): T {
  const ranges = membersOf(fields.get("Accept") ?? "", ",").map(parseRange);
  let best = offered[0];
  let most = 0;
  for (const type of offered) {
    const weight = weigh(type, ranges);
    if (weight > most) [best, most] = [type, weight];
  }
  return best;
}

interface MediaRange {
  readonly range: string;
  readonly weight: number;
  /** Whether it has parameters of its own, which make it one for something special. */
  readonly isSpecial: boolean;
}

/**
 * The members of a list whose members may have quoted strings in them. A quoted string without an
 * end is taken to that of the list: to look behind its quote once more for each would be quadratic.
 */
function membersOf(list: string, separator: "," | ";"): string[] {
  const member = separator === ","
    ? /(?:[^,"]|"(?:\\.?|[^"\\])*(?:"|$))+/g
    : /(?:[^;"]|"(?:\\.?|[^"\\])*(?:"|$))+/g;
  return (list.match(member) ?? []).map(trimBlanks);
}

/** A range whose weight is malformed does not count. */
function parseRange(member: string): MediaRange {
  const [range = "", ...parameters] = membersOf(member, ";");
  const weight = parameters.find((each) => /^q=/i.test(each)) ?? "q=1";
  const [, value] = /^q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/i.exec(weight) ?? [];
  const isSpecial = parameters.some((each) => each !== weight);
  return {
    range: value === undefined ? "" : range.toLowerCase(),
    weight: Number(value),
    isSpecial,
  };
}

/** The weight that the most fitting of the ranges gives to a type. */
function weigh(type: string, ranges: readonly MediaRange[]): number {
  const plain = ranges.filter(({ isSpecial }) => !isSpecial);
  const family = type.replace(/\/.*/, "/*");
  const candidates = [
    plain.find(({ range }) => range === type),
    ranges.find(({ range }) => range === type),
    plain.find(({ range }) => range === family),
    plain.find(({ range }) => range === "*/*"),
  ];
  return candidates.find((each) => each !== undefined)?.weight ?? 0;
}

/** A content coding, as Content-Encoding names it. */
export type Coding = "gzip" | "br";

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

/** The fields of a response that depends on a field of the request. */
export function withVary(fields: ResponseFields, field: string): ResponseFields {
  const name = nameIn(fields, "Vary");
  if (name === null) return { ...fields, "Vary": field };
  if (fields[name] === field) return fields;
  const others = [fields[name]!].flat().flatMap(listMembers);
  if (others.some((each) => each === "*" || isSameName(each, field))) return fields;
  return { ...fields, [name]: [...others, field].join(", ") };
}
