// Which media type the client wants (RFC 9110 section 12.5.1).

import { type Fields, listMembers } from "./fields.ts";
import { trimBlanks } from "./syntax.ts";

/**
 * The media type, of those on offer, that the response to these fields is best sent in. Where
 * the client does not care, or wants none of them, it is the first.
 *
 * @param offered Media types in small letters, without parameters, the one liked best first.
 */
export function negotiateType<T extends string>(fields: Fields, offered: readonly [T, ...T[]]): T {
  const ranges = listMembers(fields.get("Accept") ?? "").map(parseRange);
  let best = offered[0];
  let most = 0;
  for (const type of offered) {
    const weight = weigh(type, ranges);
    if (weight > most) [best, most] = [type, weight];
  }
  return best;
}

type MediaRange = readonly [range: string, weight: number];

function parseRange(member: string): MediaRange {
  const [range = "", ...parameters] = member.split(";").map(trimBlanks);
  const weight = parameters.map((each) => /^q=([01](?:\.[0-9]{0,3})?)$/i.exec(each)?.[1])
    .find((each) => each !== undefined);
  return [range.toLowerCase(), weight === undefined ? 1 : Number(weight)];
}

/** The weight that the most precise of the ranges gives to a type. */
function weigh(type: string, ranges: readonly MediaRange[]): number {
  for (const range of [type, type.replace(/\/.*/, "/*"), "*/*"]) {
    const match = ranges.find(([each]) => each === range);
    if (match !== undefined) return match[1];
  }
  return 0;
}
