// The way that a request says it has come by: Forwarded (RFC 7239) and X-Forwarded-For, which is
// older and written down nowhere. This only reads them; whom to believe is not decided here.
// Strict: what is malformed tells of no address, since guessing is what forgers hope for.

import type { Fields } from "./fields.ts";
import { trimBlanks } from "./syntax.ts";

/**
 * The addresses of a request's hops, the client's first, each as the next hop has seen it. Null
 * stands for a hop whose address is not told: `unknown`, an obfuscated identifier, or malformed.
 * Addresses have no port and no brackets; that their numbers are in range is not checked.
 */
export type Hops = readonly (string | null)[];

/** The hops that Forwarded tells of. A line that is malformed is one hop without an address. */
export function forwardedHops(fields: Fields): Hops {
  return fields.lines("Forwarded").flatMap((line) => {
    const elements = parseElements(line);
    return elements === null ? [null] : elements.map((pairs) => {
      const node = pairs.get("for");
      return node === undefined ? null : addressOf(node);
    });
  });
}

/** The hops that X-Forwarded-For tells of. IPv6 addresses may stand there without brackets. */
export function xForwardedForHops(fields: Fields): Hops {
  return fields.lines("X-Forwarded-For").flatMap((line) =>
    line.split(",").map(trimBlanks).filter((node) => node !== "")
      .map((node) => IPV6.test(node) ? node : addressOf(node))
  );
}

/**
 * A forwarded-pair, or none, and what ends it: name, then a token or a quoted string, then the
 * separator. Blanks around separators are taken, as in the examples of RFC 7239.
 */
const PAIR =
  /[\t ]*(?:([!#-'*+\-.^_`|~\w]+)=(?:([!#-'*+\-.^_`|~\w]+)|"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)")[\t ]*)?([;,]|$)/y;

/**
 * The elements of one line of Forwarded (RFC 7239 section 4), each its pairs by name in small
 * letters; null where the line is malformed. Empty elements do not count.
 */
function parseElements(line: string): Map<string, string>[] | null {
  const elements = [new Map<string, string>()];
  PAIR.lastIndex = 0;
  for (let separator = ","; separator !== "";) {
    const match = PAIR.exec(line);
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

/** A node-name and its port, which may be obfuscated (RFC 7239 section 6). */
const NODE = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(?:[0-9]{1,5}|_[\w.-]+))?$/;

/** The address of a node, or null where it tells of none. */
function addressOf(node: string): string | null {
  const [, bracketed, plain] = NODE.exec(node) ?? [];
  if (bracketed !== undefined) return IPV6.test(bracketed) ? bracketed : null;
  return plain !== undefined && IPV4.test(plain) ? plain : null;
}
