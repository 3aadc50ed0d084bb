// The request target and the Host field (RFC 9112 section 3.2, RFC 9110 section 7.2).

import type { Fields } from "./fields.ts";
import { StatusError } from "./status.ts";

/**
 * The parts of a request target.
 *
 * @example
 * ```ts
 * import { parseTarget, type Target } from "@wireserve/wireserve/http";
 *
 * const target: Target = parseTarget("GET", "http://example.com/a?b");
 * console.log(target.path, target.query, target.authority); // /a b example.com
 * ```
 */
export interface Target {
  /** The path as sent, with its escapes; `*` for the asterisk-form. */
  readonly path: string;
  /** The query without its `?`, or null without one. */
  readonly query: string | null;
  /** Host and port in the target, or null in origin-form and asterisk-form. */
  readonly authority: string | null;
}

const ABSOLUTE_FORM = /^(https?):\/\/([^/?]*)([^?]*)(?:\?(.*))?$/i;

/**
 * Parses a request target, which is visible ASCII without `#`.
 *
 * @param isSecure Whether the connection is secured by TLS.
 * @throws {StatusError} 400 for a form that the method does not have, a bad authority, or escapes
 * in the path that are malformed, not UTF-8, or NUL; 421 for a scheme other than the connection's;
 * 501 for CONNECT.
 *
 * @example
 * ```ts
 * import { parseTarget } from "@wireserve/wireserve/http";
 *
 * console.log(parseTarget("GET", "/a/b?c=d").query); // c=d
 * ```
 */
export function parseTarget(method: string, target: string, isSecure = false): Target {
  if (method === "CONNECT") throw refuseConnect(target);
  if (target.startsWith("/")) return parseOriginForm(target);
  if (target === "*" && method === "OPTIONS") {
    return { path: "*", query: null, authority: null };
  }
  return parseAbsoluteForm(method, target, isSecure);
}

/** The authority-form is for CONNECT alone. */
function refuseConnect(target: string): StatusError {
  const port = target.slice(target.lastIndexOf(":") + 1);
  if (!isAuthority(target) || !/^[0-9]+$/.test(port)) return badTarget();
  return new StatusError(501, "This server is not a proxy.");
}

function parseOriginForm(target: string): Target {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  checkEscapes(path);
  return { path, query: mark < 0 ? null : target.slice(mark + 1), authority: null };
}

function parseAbsoluteForm(method: string, target: string, isSecure: boolean): Target {
  const [, scheme, authority, path, query] = ABSOLUTE_FORM.exec(target) ?? [];
  if (authority === undefined || path === undefined || !isAuthority(authority)) throw badTarget();
  if ((scheme?.toLowerCase() === "https") !== isSecure) {
    // RFC 9110 section 7.4: a client may have been misdirected from TLS to plain text.
    throw new StatusError(421, "Resources of this scheme are not served on this connection.");
  }
  checkEscapes(path);
  // Section 3.2.4: OPTIONS with an empty path is about the server as a whole.
  const whole = method === "OPTIONS" && query === undefined ? "*" : "/";
  return { path: path === "" ? whole : path, query: query ?? null, authority };
}

function badTarget(): StatusError {
  return new StatusError(400, "The request target is not valid.");
}

function checkEscapes(path: string): void {
  if (path.includes("%") && decodePath(path).includes("\0")) throw badTarget();
}

/**
 * Decodes percent escapes (RFC 3986 section 2.1). Throws 400 if one is malformed or not UTF-8.
 *
 * @example
 * ```ts
 * import { decodePath } from "@wireserve/wireserve/http";
 *
 * console.log(decodePath("/a%20b")); // /a b
 * ```
 */
export function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    const isMalformed = /%(?![0-9A-Fa-f]{2})/.test(path);
    const problem = isMalformed ? "is no percent-encoding" : "is not UTF-8";
    throw new StatusError(400, `The request target has an escape that ${problem}.`);
  }
}

const UNRESERVED = /^[0-9A-Za-z\-._~]$/;

/**
 * A path with necessary escapes only, in upper case (RFC 3986 section 6.2.2): `/%61%2f` is `/a%2F`.
 *
 * @example
 * ```ts
 * import { normalizePath } from "@wireserve/wireserve/http";
 *
 * console.log(normalizePath("/%7ea")); // /~a
 * ```
 */
export function normalizePath(path: string): string {
  if (!path.includes("%")) return path;
  return path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
}

/** The value of the one Host field, which only HTTP/1.0 may leave out. Throws 400 for any other. */
export function requestHost(fields: Fields, minorVersion: number): string | null {
  // Two lines are joined by a comma, which no authority has here.
  const host = fields.get("Host");
  if (host === null && minorVersion === 0) return null;
  if (host !== null && isAuthority(host)) return host;
  if (fields.lines("Host").length !== 1) {
    throw new StatusError(400, "A request has exactly one Host field.");
  }
  throw new StatusError(400, "The Host field is not a host and an optional port.");
}

/** What nearly all clients send: matched in a third of the time. */
const PLAIN_AUTHORITY = /^[A-Za-z0-9\-.]+(?::[0-9]{1,4})?$/;

// Section 3.2.2 of RFC 3986: an IP literal or a registered name, and a port. A registered name
// may have a comma, but not here: two Host lines that a proxy has joined must not pass for one.
const AUTHORITY =
  /^(?:(\[[0-9A-Fa-f:.]+\])|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]*))?$/;

/** Whether a text is a host and an optional port. */
export function isAuthority(text: string): boolean {
  if (PLAIN_AUTHORITY.test(text)) return true;
  const match = AUTHORITY.exec(text);
  if (match === null || Number(match[2] ?? "") > 65535) return false;
  return match[1] === undefined || URL.canParse(`http://${match[1]}/`);
}
