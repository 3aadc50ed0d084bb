// The values of flags: from text to what the program works with, or a usage error.

import { MODES, type Rule, segmentsOf } from "../auth/access.ts";
import { isUserName, type User } from "../auth/users.ts";
import { isName } from "../files/root.ts";
import { isToken } from "../http/syntax.ts";
import { normalizePath } from "../http/target.ts";
import { isLimit, type Limits } from "../server/limits.ts";
import { isIPv4, isIPv6, isProxy } from "../trusted_proxies.ts";

/** The command line is wrong. The message is one line for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** An address to listen on, with the names that `Deno.listen` has. */
export type Address =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** The unit of a flag, as the help text names it. */
export type Unit = "SIZE" | "N" | "SECONDS";

/** A value for a message: quoted, on one line, and without control characters for terminals. */
export function printable(value: string): string {
  return JSON.stringify(value).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

function refusal(flag: string, expected: string, value: string): UsageError {
  return new UsageError(`--${flag} takes ${expected}, not ${printable(value)}`);
}

/** One of several words. */
export function parseChoice<T extends string>(
  flag: string,
  value: string,
  choices: readonly T[],
): T {
  const choice = choices.find((each) => each === value);
  if (choice !== undefined) return choice;
  // Made here, since the first one of a process takes 10 ms.
  const alternatives = new Intl.ListFormat("en-GB", { type: "disjunction" });
  throw refusal(flag, alternatives.format(choices), value);
}

/** A TCP port, or 0. */
export function parsePort(flag: string, value: string): number {
  const port = portOf(value);
  if (port === null) throw refusal(flag, "a number from 0 to 65535", value);
  return port;
}

function portOf(value: string): number | null {
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : NaN;
  return port <= 65535 ? port : null;
}

/** Workers at most: more than there are cores only wait for each other. */
const MAX_WORKERS = 256;

/** An address to listen on, without brackets. */
export function parseBind(flag: string, value: string): string {
  const host = value.replace(/^\[(.*)\]$/, "$1");
  const [, name, inBrackets, port] = /^(?:([^:]+)|\[(.+)\]):([0-9]+)$/.exec(value) ?? [];
  if (port !== undefined) {
    const alone = `--${flag} ${inBrackets ?? name} --port ${port}`;
    throw new UsageError(
      `--${flag} takes a host without a port: write ${printable(alone).slice(1, -1)}`,
    );
  }
  if (!isIPv6(host.replace(/%.*/s, "")) && !isHostName(host)) {
    throw refusal(flag, "a host name or an address", value);
  }
  return host;
}

/** The path of a folder in URLs, as it is in requests, without the slash at its end. */
export function parseBasePath(flag: string, value: string): string {
  if (value === "/") return "";
  const path = value.replace(/\/$/, "");
  if (!/^(?:\/[^/]+)+$/.test(path) || URL.parse(`http://h${path}`)?.pathname !== path) {
    throw refusal(flag, "a path such as /files, escaped as in a URL", value);
  }
  return normalizePath(path);
}

/** Fields that depend on the response, or on the connection. */
const OWN_FIELDS = new RegExp(
  "^(?:accept-ranges|allow|connection|content-(?:digest|encoding|length|location|range|type)|date|" +
    "etag|keep-alive|last-modified|location|repr-digest|te|trailer|transfer-encoding|upgrade|vary|" +
    "www-authenticate)$",
  "i",
);

/** `NAME: VALUE`. */
export function parseHeader(flag: string, value: string): readonly [string, string] {
  const [, name = "", content = ""] = /^([^:]*):(.*)$/s.exec(value) ?? [];
  if (!isToken(name)) throw refusal(flag, "a header such as X-Frame-Options: DENY", value);
  if (OWN_FIELDS.test(name)) {
    throw new UsageError(`--${flag} cannot set ${name}: the server sets it as the response needs`);
  }
  return Object.freeze([name, parseFieldValue(flag, content)] as const);
}

/** The value of a header: visible ASCII, with spaces between. */
export function parseFieldValue(flag: string, value: string): string {
  const text = value.trim();
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text)) {
    throw refusal(flag, "a value of visible ASCII", value);
  }
  return text;
}

/** `NAME:PASSWORD`. The message of an error does not show it. */
export function parseUser(flag: string, value: string): User {
  const [, name = "", secret = ""] = /^([^:]*):(.*)$/s.exec(value) ?? [];
  if (isUserName(name) && secret !== "") return Object.freeze({ name, secret });
  throw new UsageError(`--${flag} takes a name, a colon and a password`);
}

/** `USER:MODE:/PATH` */
export function parseRule(flag: string, value: string): Rule {
  const [, user = "", word, path = ""] = /^([^:]+):([a-z]+):(\/.*)$/s.exec(value) ?? [];
  const mode = MODES.find((each) => each === word);
  const segments = segmentsOf(path);
  const isSound = segments.every((each) => isName(each, true));
  if (mode === undefined || !isUserName(user) || !isSound) {
    throw refusal(flag, "USER:rw:/PATH, or ro or none in place of rw", value);
  }
  return Object.freeze({ user, mode, path: Object.freeze(segments) });
}

/** A number of workers, or `auto`. */
export function parseWorkers(flag: string, value: string): number | "auto" {
  if (value === "auto") return value;
  const workers = /^[0-9]{1,3}$/.test(value) ? Number(value) : 0;
  if (workers < 1 || workers > MAX_WORKERS) {
    throw refusal(flag, `a number from 1 to ${MAX_WORKERS}, or auto`, value);
  }
  return workers;
}

/** Permissions of a file: three octal digits, with or without a leading zero. */
export function parseMode(flag: string, value: string): number {
  if (!/^0?[0-7]{3}$/.test(value)) throw refusal(flag, "an octal mode such as 660", value);
  return parseInt(value, 8);
}

/** Bytes of a Unix socket's path on Linux, without the NUL at its end. */
const MAX_SOCKET_PATH = 107;

/** The path of a Unix socket. */
export function parseSocketPath(flag: string, value: string): string {
  if (new TextEncoder().encode(value).length > MAX_SOCKET_PATH) {
    throw refusal(flag, `a path of at most ${MAX_SOCKET_PATH} bytes`, value);
  }
  return value;
}

const ADDRESS_FORMS = "HOST:PORT, [IPv6]:PORT, an absolute path or unix:PATH";

/** Host names and IPv4 addresses. */
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$/;

/** `HOST:PORT`, `[IPv6]:PORT`, or a Unix socket's absolute path or `unix:PATH`. */
export function parseAddress(flag: string, value: string): Address {
  const [, path] = /^(?:unix:(?=.)|(?=\/))(.+)$/s.exec(value) ?? [];
  if (path !== undefined) {
    return Object.freeze({ transport: "unix", path: parseSocketPath(flag, path) });
  }
  const [, inBrackets, name = "", digits = ""] = /^(?:\[(.+)\]|([^:]+)):([0-9]+)$/.exec(value) ??
    [];
  const port = portOf(digits);
  const isHost = inBrackets === undefined ? isHostName(name) : isIPv6(inBrackets);
  if (!isHost || port === null) throw refusal(flag, ADDRESS_FORMS, value);
  return Object.freeze({ transport: "tcp", hostname: inBrackets ?? name, port });
}

/** Digits and dots must be a full IPv4 address: resolvers take `1.2` for 1.0.0.2. */
function isHostName(name: string): boolean {
  return /^[0-9.]+$/.test(name) ? isIPv4(name) : HOST.test(name);
}

/** A host name or an address, with or without brackets; `*.NAME`, or `*`. */
export function parseHost(flag: string, value: string): string {
  const name = value.replace(/^\*\./, "").replace(/^\[(.*)\]$/, "$1");
  if (value !== "*" && !isIPv6(name) && !isHostName(name)) {
    throw refusal(flag, "a host name without a port, or *", value);
  }
  return value;
}

/** Origins; `*` alone stands for all. */
export function parseOrigins(flag: string, values: readonly string[]): readonly string[] | "*" {
  if (values.includes("*") && values.length === 1) return "*";
  const wrong = values.find((value) =>
    !/^https?:/.test(value) || URL.parse(value)?.origin !== value
  );
  if (wrong !== undefined) {
    throw refusal(flag, "an origin such as https://example.com, or *", wrong);
  }
  return Object.freeze([...values]);
}

/** Proxies: addresses, prefixes or `unix`, with commas between them. */
export function parseProxies(flag: string, value: string): string[] {
  const proxies = value.split(",");
  const wrong = proxies.find((proxy) => !isProxy(proxy));
  if (wrong !== undefined) {
    throw refusal(flag, "IP addresses, prefixes such as 10.0.0.0/8, or unix", wrong);
  }
  return proxies;
}

const UNIT_PATTERNS: Readonly<Record<Unit, RegExp>> = {
  SIZE: /^([0-9]+)([KMG]?)$/i,
  N: /^([0-9]+)$/,
  SECONDS: /^([0-9]+(?:\.[0-9]{1,3})?)$/,
};

const UNIT_NAMES: Readonly<Record<Unit, string>> = {
  SIZE: "a number of bytes, such as 8192 or 500M",
  N: "a number",
  SECONDS: "a number of seconds",
};

const MULTIPLES: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** A limit in the unit that {@linkcode Limits} counts in. */
export function parseLimit(
  flag: string,
  value: string,
  { limit, unit }: { readonly limit: keyof Limits; readonly unit: Unit },
): number {
  const number = parseNumber(value, unit);
  if (!isLimit(limit, number)) throw refusal(flag, UNIT_NAMES[unit], value);
  return number;
}

/** The longest wait in seconds: a day. The timers of Deno end at 24 days. */
const MAX_WAIT = 86_400;

/** A wait in seconds; returns milliseconds. */
export function parseWait(flag: string, value: string): number {
  const milliseconds = parseNumber(value, "SECONDS");
  if (!(milliseconds <= MAX_WAIT * 1000)) {
    throw refusal(flag, `${UNIT_NAMES.SECONDS}, up to ${MAX_WAIT}`, value);
  }
  return milliseconds;
}

/** A number of bytes, of milliseconds, or of things; NaN if it is none. */
function parseNumber(value: string, unit: Unit): number {
  const [, digits = "", letter = ""] = UNIT_PATTERNS[unit].exec(value) ?? [];
  const factor = unit === "SECONDS" ? 1000 : MULTIPLES[letter.toUpperCase()] ?? 1;
  return digits === "" ? NaN : Math.round(Number(digits) * factor);
}

/** A limit as the command line takes it, the reverse of {@linkcode parseLimit}. */
export function show(number: number, unit: Unit): string {
  if (unit === "SECONDS") return String(number / 1000);
  if (unit === "N") return String(number);
  const letter = ["G", "M", "K"].find((each) => number > 0 && number % MULTIPLES[each]! === 0);
  return letter === undefined ? String(number) : `${number / MULTIPLES[letter]!}${letter}`;
}
