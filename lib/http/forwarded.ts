// The proxies that a request has passed: Forwarded (RFC 7239) and X-Forwarded-For, which has no
// specification. Malformed parts have no address: a guess could be forged.

import type { Fields } from "./fields.ts";
import { trimBlanks } from "./syntax.ts";

/**
 * The addresses of a request's hops, the client's first, without port and brackets. Null is a hop
 * whose address is unknown, obfuscated or malformed. The range of numbers is not checked.
 */
export type Hops = readonly (string | null)[];

/** The hops in Forwarded. A malformed line is one hop without an address. */
export function forwardedHops(fields: Fields): Hops {
  return fields.lines("Forwarded").flatMap((line) => {
    const elements = parseElements(line);
    return elements === null ? [null] : elements.map((pairs) => {
      const node = pairs.get("for");
      return node === undefined ? null : addressOf(node);
    });
  });
}

/** The hops in X-Forwarded-For, where IPv6 addresses may lack brackets. */
export function xForwardedForHops(fields: Fields): Hops {
  return fields.lines("X-Forwarded-For").flatMap((line) =>
    line.split(",").map(trimBlanks).filter((node) => node !== "")
      .map((node) => IPV6.test(node) ? node : addressOf(node))
  );
}

/**
 * An optional forwarded-pair and the separator after it: name, token or quoted string, separator.
 * Blanks around separators are accepted, as in the examples of RFC 7239.
 */
const PAIR =
  /[\t ]*(?:([!#-'*+\-.^_`|~\w]+)=(?:([!#-'*+\-.^_`|~\w]+)|"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)")[\t ]*)?([;,]|$)/y;

/**
 * The elements of one line of Forwarded (RFC 7239 section 4) as pairs by lower-case name, without
 * empty elements; null if the line is malformed.
 */
function parseElements(line: string): Map<string, string>[] | null {
  const elements = [new Map<string, string>()];
  const pair = new RegExp(PAIR); // A copy, since a sticky pattern has a position.
  for (let separator = ","; separator !== "";) {
    const match = pair.exec(line);
    if (match === null) return null;
    const [, name, token, quoted, end] = match;
    if (name !== undefined) {
      const element = elements.at(-1)!;
      if (element.has(name.toLowerCase())) return null;
      element.set(name.toLowerCase(), token ?? quoted!.replaceAll(/\\(.)/gs, "$1"));
    }
    separator = end!;
    if (separator === ",") elements.push(new Map());
  }
  return elements.filter((element) => element.size > 0);
}

const IPV4 = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/;
const IPV6 = /^(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]{2,45}$/;

/** A node: name and optional port, which may be obfuscated (RFC 7239 section 6). */
const NODE = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(?:[0-9]{1,5}|_[\w.-]+))?$/;

/** The address of a node, or null without one. */
function addressOf(node: string): string | null {
  const [, bracketed, plain] = NODE.exec(node) ?? [];
  if (bracketed !== undefined) return IPV6.test(bracketed) ? bracketed : null;
  return plain !== undefined && IPV4.test(plain) ? plain : null;
}
