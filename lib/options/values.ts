// The values of flags: each a word from the command line into what the program counts with, or
// one sentence about what is wrong with it.

// Well kept, typed, and without dependencies: addresses and prefixes are not ours to parse.
import ipaddr from "ipaddr.js";
import { isLimit, type Limits } from "../server/limits.ts";
import { isProxy } from "../trusted_proxies.ts";

/** A command line that cannot be followed. Its message is one line for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Where something listens, in the words of `Deno.listen`. */
export type Address =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

/** What the values of a flag are counted in. */
export type Unit = "SIZE" | "N" | "SECONDS";

/** A value as it can stand in a message: quoted, in one line, and without a hold on a terminal. */
export function printable(value: string): string {
  return JSON.stringify(value).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** The error of a flag that takes something else. */
export function refusal(flag: string, expected: string, value: string): UsageError {
  return new UsageError(`--${flag} takes ${expected}, not ${printable(value)}`);
}

/** A value that may be anything but nothing. */
export function parseText(flag: string, value: string): string {
  if (value === "") throw new UsageError(`--${flag} needs a value`);
  return value;
}

/** One of several words. */
export function parseChoice<T extends string>(
  flag: string,
  value: string,
  choices: readonly T[],
  conjunction = ", ",
): T {
  const choice = choices.find((each) => each === value);
  if (choice === undefined) throw refusal(flag, choices.join(conjunction), value);
  return choice;
}

/** A TCP port; 0 is one. */
export function parsePort(flag: string, value: string): number {
  const port = portOf(value);
  if (port === null) throw refusal(flag, "a number from 0 to 65535", value);
  return port;
}

function portOf(value: string): number | null {
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : NaN;
  return port <= 65535 ? port : null;
}

/** Threads at most: beyond, they would only wait for each other. */
const MAX_WORKERS = 256;

/** A number of workers, or `auto`. */
export function parseWorkers(flag: string, value: string): number | "auto" {
  if (value === "auto") return value;
  const workers = /^[0-9]{1,3}$/.test(value) ? Number(value) : 0;
  if (workers < 1 || workers > MAX_WORKERS) {
    throw refusal(flag, `a number from 1 to ${MAX_WORKERS}, or auto`, value);
  }
  return workers;
}

/** Permissions of a file: three octal digits, with or without a zero in front. */
export function parseMode(flag: string, value: string): number {
  if (!/^0?[0-7]{3}$/.test(value)) throw refusal(flag, "an octal mode such as 660", value);
  return parseInt(value, 8);
}

/** Bytes of a Unix socket's path, without the NUL behind it: what Linux has room for. */
const MAX_SOCKET_PATH = 107;

/** The path of a Unix socket. */
export function parseSocketPath(flag: string, value: string): string {
  parseText(flag, value);
  if (new TextEncoder().encode(value).length > MAX_SOCKET_PATH) {
    throw refusal(flag, `a path of at most ${MAX_SOCKET_PATH} bytes`, value);
  }
  return value;
}

const ADDRESS_FORMS = "HOST:PORT, [IPv6]:PORT, an absolute path or unix:PATH";

/** Host names, and what else a resolver may be asked for; no IPv6 addresses. */
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
  const isHost = inBrackets === undefined ? isHostName(name) : ipaddr.IPv6.isValid(inBrackets);
  if (!isHost || port === null) throw refusal(flag, ADDRESS_FORMS, value);
  return Object.freeze({ transport: "tcp", hostname: inBrackets ?? name, port });
}

/** What looks like an IPv4 address has to be one: resolvers take `1.2` for 1.0.0.2. */
function isHostName(name: string): boolean {
  return /^[0-9.]+$/.test(name) ? ipaddr.IPv4.isValidFourPartDecimal(name) : HOST.test(name);
}

/** Proxies: addresses, prefixes or `unix`, separated by commas. */
export function parseProxies(flag: string, value: string): string[] {
  const proxies = value.split(",");
  const wrong = proxies.find((proxy) => !isProxy(ipaddr, proxy));
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
export function parseLimit(flag: string, value: string, limit: keyof Limits, unit: Unit): number {
  const number = parseNumber(value, unit);
  if (!isLimit(limit, number)) throw refusal(flag, UNIT_NAMES[unit], value);
  return number;
}

/** Seconds at most that the end may take: a day. Timers of the system end at 24 of them. */
const MAX_WAIT = 86_400;

/** Seconds that the end may take, in milliseconds. */
export function parseWait(flag: string, value: string): number {
  const milliseconds = parseNumber(value, "SECONDS");
  if (!(milliseconds <= MAX_WAIT * 1000)) {
    throw refusal(flag, `${UNIT_NAMES.SECONDS}, up to ${MAX_WAIT}`, value);
  }
  return milliseconds;
}

/** Bytes, a number or milliseconds; NaN where it is none. */
function parseNumber(value: string, unit: Unit): number {
  const [, digits = "", letter = ""] = UNIT_PATTERNS[unit].exec(value) ?? [];
  const factor = unit === "SECONDS" ? 1000 : MULTIPLES[letter.toUpperCase()] ?? 1;
  return digits === "" ? NaN : Math.round(Number(digits) * factor);
}

/** A limit as the command line takes it: the reverse of {@linkcode parseLimit}. */
export function show(number: number, unit: Unit): string {
  if (unit === "SECONDS") return String(number / 1000);
  if (unit === "N") return String(number);
  const letter = ["G", "M", "K"].find((each) => number > 0 && number % MULTIPLES[each]! === 0);
  return letter === undefined ? String(number) : `${number / MULTIPLES[letter]!}${letter}`;
}
