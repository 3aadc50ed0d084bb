// Which media type the client wants (RFC 9110 section 12.5.1).

import type { Fields } from "./fields.ts";
import { trimBlanks } from "./syntax.ts";

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
