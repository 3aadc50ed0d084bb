// Content negotiation (RFC 9110 section 12.5) of media types and content codings.

import { type Fields, listMembers, nameIn, type ResponseFields } from "./fields.ts";
import { isSameName, trimBlanks } from "./syntax.ts";

/**
 * The media type that the client prefers; the first one if it has no preference or accepts none.
 * Media types are in lower case, without parameters.
 *
 * @example
 * ```ts
 * import { Fields, negotiateType } from "@wireserve/wireserve/http";
 *
 * const fields = new Fields([["Accept", "application/json, text/html;q=0.5"]]);
 * console.log(negotiateType(fields, ["text/html", "application/json"])); // application/json
 * ```
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
  readonly hasParameters: boolean;
}

/**
 * The members of a list with quoted strings. An unterminated one extends to the end of the list:
 * backtracking to its quote would take quadratic time.
 */
function membersOf(list: string, separator: "," | ";"): string[] {
  const member = separator === ","
    ? /(?:[^,"]|"(?:\\.?|[^"\\])*(?:"|$))+/g
    : /(?:[^;"]|"(?:\\.?|[^"\\])*(?:"|$))+/g;
  return (list.match(member) ?? []).map(trimBlanks);
}

/** A range with a malformed weight matches nothing. */
function parseRange(member: string): MediaRange {
  const [range = "", ...parameters] = membersOf(member, ";");
  const weight = parameters.find((each) => /^q=/i.test(each)) ?? "q=1";
  const [, value] = /^q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/i.exec(weight) ?? [];
  const hasParameters = parameters.some((each) => each !== weight);
  return {
    range: value === undefined ? "" : range.toLowerCase(),
    weight: Number(value),
    hasParameters,
  };
}

/** The weight of a type by the most specific range that matches it. */
function weigh(type: string, ranges: readonly MediaRange[]): number {
  const plain = ranges.filter(({ hasParameters }) => !hasParameters);
  const family = type.replace(/\/.*/, "/*");
  const candidates = [
    plain.find(({ range }) => range === type),
    ranges.find(({ range }) => range === type),
    plain.find(({ range }) => range === family),
    plain.find(({ range }) => range === "*/*"),
  ];
  return candidates.find((each) => each !== undefined)?.weight ?? 0;
}

/**
 * A content coding, as Content-Encoding names it.
 *
 * @example
 * ```ts
 * import { type Coding, Fields, negotiateCoding } from "@wireserve/wireserve/http";
 *
 * const offered: Coding[] = ["gzip", "br"];
 * console.log(negotiateCoding(new Fields([["Accept-Encoding", "br"]]), offered)); // br
 * ```
 */
export type Coding = "gzip" | "br";

/**
 * The coding with the highest weight, or null if identity weighs more. Malformed ones are ignored.
 *
 * @example
 * ```ts
 * import { Fields, negotiateCoding } from "@wireserve/wireserve/http";
 *
 * const fields = new Fields([["Accept-Encoding", "gzip;q=0.5, br"]]);
 * console.log(negotiateCoding(fields, ["gzip", "br"])); // br
 * ```
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

/** The fields of a response, with a request field that it depends on added to Vary. */
export function withVary(fields: ResponseFields, field: string): ResponseFields {
  const name = nameIn(fields, "Vary");
  if (name === null) return { ...fields, "Vary": field };
  if (fields[name] === field) return fields;
  const others = [fields[name]!].flat().flatMap(listMembers);
  if (others.some((each) => each === "*" || isSameName(each, field))) return fields;
  return { ...fields, [name]: [...others, field].join(", ") };
}
