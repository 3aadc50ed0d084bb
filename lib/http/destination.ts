// The header fields of RFC 4918 that go with MOVE and DELETE: Destination, Overwrite and Depth
// (sections 10.2, 10.3 and 10.6).

import type { Fields } from "./fields.ts";
import { StatusError } from "./status.ts";
import { isAuthority } from "./target.ts";

const ABSOLUTE_URI = /^(https?):\/\/([^/?#]*)(\/[^?#]*)?$/i;
const ABSOLUTE_PATH = /^\/[^?#]*$/;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/**
 * The path in the field Destination, as sent: an absolute path, or that of an absolute URI with the
 * authority of the request. Behind a proxy the scheme of the URI may be another than that of the
 * connection, so it is not compared.
 *
 * @param authority The authority of the request, or null.
 * @throws {StatusError} 400 for a missing or malformed field, 502 for another server (RFC 4918
 * section 9.9.4).
 */
export function destinationOf(fields: Fields, authority: string | null): string {
  const value = fields.get("Destination");
  if (value === null) throw new StatusError(400, "The request needs the header Destination.");
  if (ABSOLUTE_PATH.test(value) && VISIBLE_ASCII.test(value) && !value.startsWith("//")) {
    return value;
  }
  const [, scheme, host, path = "/"] = ABSOLUTE_URI.exec(value) ?? [];
  if (scheme === undefined || !isAuthority(host!) || !VISIBLE_ASCII.test(value)) {
    throw new StatusError(
      400,
      "The header Destination is not a URL, or an absolute path, without a query.",
    );
  }
  const port = DEFAULT_PORTS[scheme.toLowerCase()]!;
  if (authority === null || !isSameAuthority(host!, authority, port)) {
    throw new StatusError(502, "The destination is on another server: only its path may differ.");
  }
  return path;
}

function isSameAuthority(one: string, other: string, defaultPort: string): boolean {
  const canonical = (authority: string) => {
    const [, host, port] = /^(.*?)(?::([0-9]*))?$/.exec(authority)!;
    return `${host!.toLowerCase()}:${Number(port || defaultPort)}`;
  };
  return canonical(one) === canonical(other);
}

/** Whether an existing destination may be replaced: by default it may. @throws {StatusError} 400 */
export function allowsOverwrite(fields: Fields): boolean {
  const value = fields.get("Overwrite") ?? "T";
  if (/^[TF]$/i.test(value)) return value.toUpperCase() === "T";
  throw new StatusError(400, "The header Overwrite is neither T nor F.");
}

/**
 * Whether the field Depth says that everything below the folder is meant; null without the field.
 *
 * @throws {StatusError} 400 for another depth, which no method here has.
 */
export function isDeep(fields: Fields): true | null {
  const value = fields.get("Depth");
  if (value === null) return null;
  if (value.toLowerCase() === "infinity") return true;
  throw new StatusError(400, "A folder is used with everything in it: Depth must be infinity.");
}
