// The request target (RFC 9112 section 3.2) and the Host field (section 3.2, RFC 9110
// section 7.2). Paths stay as sent: whoever needs a part decodes that part, once.

import type { Fields } from "./fields.ts";
import { StatusError } from "./status.ts";

/** A request target, taken apart. */
export interface Target {
  /** The path as sent, escapes included; `*` for the asterisk-form. */
  readonly path: string;
  /** What follows the first `?`, as sent, or null without one. */
  readonly query: string | null;
  /** Host and port that the target itself names, or null in origin-form and asterisk-form. */
  readonly authority: string | null;
}

const ABSOLUTE_FORM = /^(https?):\/\/([^/?]*)([^?]*)(?:\?(.*))?$/i;

/**
 * Takes a request target apart.
 *
 * @param method The method, which decides between the forms (RFC 9112 section 3.2).
 * @param target The target as sent: visible ASCII without `#`.
 * @param isSecure Whether the connection is secured by TLS.
 * @throws {StatusError} 400 for a form that the method does not take, a bad authority, or a
 * path whose escapes are malformed, not UTF-8, or name NUL; 421 for the other scheme; 501 for
 * CONNECT, which is for proxies.
 */
export function parseTarget(method: string, target: string, isSecure = false): Target {
  if (method === "CONNECT") throw refuseConnect(target);
  if (target.startsWith("/")) return parseOriginForm(target);
  if (target === "*" && method === "OPTIONS") {
    return { path: "*", query: null, authority: null };
  }
  return parseAbsoluteForm(method, target, isSecure);
}

/** The authority-form is for CONNECT alone. What follows is meant for another server. */
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
    // RFC 9110 section 7.4: what is to be asked for in secret is not answered in the open.
    throw new StatusError(421, "Resources of this scheme are not served on this connection.");
  }
  checkEscapes(path);
  // Section 3.2.4: OPTIONS of a bare authority asks about the server as a whole.
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
 * Decodes the percent escapes of a path or a part of one, once (RFC 3986 section 2.1).
 *
 * @throws {StatusError} 400 where an escape is malformed or the octets are not UTF-8.
 */
export function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    throw new StatusError(
      400,
      "The request target has an escape that is not UTF-8.",
    );
  }
}

// Unreserved characters (RFC 3986 section 2.3), escaped.
const UNRESERVED = /^[0-9A-Za-z\-._~]$/;

/**
 * A path without the escapes that it does not need, and those that it does need in capitals
 * (RFC 3986 section 6.2.2): `/%61` is `/a`, while `/%2f` becomes `/%2F`.
 */
export function normalizePath(path: string): string {
  if (!path.includes("%")) return path;
  return path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
}

/**
 * Checks the Host lines of a request.
 *
 * @param minorVersion The minor version of HTTP/1: 0 may leave Host out, later ones may not.
 * @throws {StatusError} 400 without the field where it must be, with two, or with one that
 * is not a host and an optional port.
 */
export function checkHost(fields: Fields, minorVersion: number): void {
  const hosts = fields.lines("Host");
  if (hosts.length === 0 && minorVersion === 0) return;
  if (hosts.length !== 1) {
    throw new StatusError(400, "A request has exactly one Host field.");
  }
  if (!isAuthority(hosts[0]!)) {
    throw new StatusError(
      400,
      "The Host field is not a host and an optional port.",
    );
  }
}

// Section 3.2.2 of RFC 3986: an IP literal or a registered name, and a port. A registered name
// may have a comma, but not here: two Host lines that a proxy has joined must not pass for one.
const AUTHORITY =
  /^(?:(\[[0-9A-Fa-f:.]+\])|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]*))?$/;

function isAuthority(text: string): boolean {
  const match = AUTHORITY.exec(text);
  if (match === null || Number(match[2] ?? "") > 65535) return false;
  return match[1] === undefined || URL.canParse(`http://${match[1]}/`);
}
