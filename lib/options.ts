// The command line: flags into a frozen value, or one clear sentence about what is wrong.

import { parseArgs } from "@std/cli/parse-args";
import { LOG_FORMATS, type LogFormat } from "./access_log.ts";
import type { FileSettings } from "./files/settings.ts";
import { DEFAULT_LIMITS, isLimit, type Limits } from "./server/limits.ts";
import { DEFAULT_PORT } from "./server/listener.ts";

/** What the command line asks for. */
export interface Options {
  /** The directory behind /files, as given, or null for none. */
  readonly directory: string | null;
  /** TCP port; 0 picks a free one. */
  readonly port: number;
  /** Host name or address to listen on. */
  readonly bind: string;
  /** Format of the access log. */
  readonly log: LogFormat;
  /** Whether connections are logged, too. */
  readonly verbose: boolean;
  /** How the files may be used. */
  readonly files: FileSettings;
  /** The limits that differ from the defaults. */
  readonly limits: Partial<Limits>;
  /** Whether only the help text is wanted. */
  readonly help: boolean;
  /** Whether only the version is wanted. */
  readonly version: boolean;
}

/** A command line that cannot be followed. Its message is one line for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The flags that have no value. */
const BOOLEAN_FLAGS = [
  "read-only",
  "allow-delete",
  "no-replace",
  "hidden",
  "mime-types",
  "verbose",
  "help",
  "version",
];

/** A flag that sets a limit. */
interface LimitFlag {
  readonly limit: keyof Limits;
  readonly unit: Unit;
  readonly help: string;
}

/** What the values of a limit are counted in. */
type Unit = "SIZE" | "N" | "SECONDS";

const LIMIT_FLAGS: Readonly<Record<string, LimitFlag>> = {
  "max-body-size": { limit: "content", unit: "SIZE", help: "larger content is 413; 0: any" },
  "max-request-line": { limit: "requestLine", unit: "SIZE", help: "longer ones are 414" },
  "max-fields-size": { limit: "fieldSection", unit: "SIZE", help: "more field octets are 431" },
  "max-fields": { limit: "fieldCount", unit: "N", help: "more field lines are 431" },
  "max-connections": { limit: "connections", unit: "N", help: "further ones wait; 0: any" },
  "max-requests": { limit: "requests", unit: "N", help: "on one connection; 0: any" },
  "head-timeout": { limit: "headTimeout", unit: "SECONDS", help: "for a whole head; 0: any" },
  "idle-timeout": { limit: "idleTimeout", unit: "SECONDS", help: "between requests; 0: any" },
  "stall-timeout": { limit: "stallTimeout", unit: "SECONDS", help: "without content; 0: any" },
  "min-rate": { limit: "minRate", unit: "SIZE", help: "a second, both ways; 0: any" },
};

/** The text of `--help`. */
export function helpText(): string {
  return `Usage: wireserve [OPTION]...

Serves HTTP/1.1: / answers, /echo/TEXT and /user-agent say what they were told,
/files/NAME reads and writes the files of a directory.

  -d, --directory DIR          serve and store the files of DIR (default none)
      --read-only              refuse every write to the files
      --allow-delete           allow DELETE
      --no-replace             refuse to write over a file that is there
      --hidden                 serve and write names that begin with a dot, too
      --mime-types             guess media types by name (default no)
      --durability LEVEL       full: on the disk before the response;
                               fast: it is left to the system (default full)
  -p, --port N                 TCP port; 0 picks a free one (default ${DEFAULT_PORT})
  -b, --bind HOST              listen on HOST; 0.0.0.0 or :: for every interface
                               (default localhost, 127.0.0.1 as well as ::1)
      --log FORMAT             access log: ${LOG_FORMATS.join(", ")} (default common)
      --verbose                log connections as well
  -h, --help                   show this text
      --version                show the version

Limits (a SIZE is a number of octets, or one with K, M or G):

${Object.entries(LIMIT_FLAGS).map(helpOf).join("\n")}
`;
}

function helpOf([name, { limit, unit, help }]: [string, LimitFlag]): string {
  const flag = `      --${name} ${unit}`.padEnd(31);
  return `${flag}${help} (default ${show(DEFAULT_LIMITS[limit], unit)})`;
}

/**
 * Reads the command line.
 *
 * @param args The arguments, without the program's name.
 * @throws {UsageError} for an unknown flag or a bad value.
 */
export function parseOptions(args: readonly string[]): Options {
  const flags: Flags = parseArgs(args.flatMap(normalize), {
    string: ["directory", "port", "bind", "log", "durability", ...Object.keys(LIMIT_FLAGS)],
    boolean: BOOLEAN_FLAGS,
    alias: { directory: "d", port: "p", bind: "b", help: "h" },
    unknown(argument) {
      if (argument === "") throw new UsageError("an argument is empty");
      const kind = argument.startsWith("-") ? "flag" : "argument";
      throw new UsageError(`unknown ${kind} ${printable(argument)}`);
    },
  });
  const [stray] = flags["_"] as (string | number)[];
  if (stray !== undefined) throw new UsageError(`unknown argument ${printable(String(stray))}`);
  const directory = textOf(flags, "directory");
  return Object.freeze({
    directory: directory === undefined ? null : nonEmpty("directory", directory),
    port: parsePort(textOf(flags, "port") ?? String(DEFAULT_PORT)),
    bind: nonEmpty("bind", textOf(flags, "bind") ?? "localhost").replace(/^\[(.*)\]$/, "$1"),
    log: parseLogFormat(textOf(flags, "log") ?? "common"),
    verbose: flags["verbose"] === true,
    files: parseFileSettings(flags),
    limits: parseLimits(flags),
    help: flags["help"] === true,
    version: flags["version"] === true,
  });
}

/** The flags by name, of which only those that have been given are there. */
type Flags = Readonly<Record<string, unknown>>;

function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/**
 * What parseArgs takes amiss: a value that stands right behind its short flag, as in `-d/srv`, and
 * one given to a flag that has none, of which any but `false` would count as true.
 */
function normalize(argument: string, index: number, all: readonly string[]): string[] {
  const [, flag, value] = /^-([dpb])=?(.+)$/s.exec(argument) ?? [];
  if (flag !== undefined && value !== undefined) return [`-${flag}`, value];
  const [, name] = /^--?([^=]*)=/.exec(argument) ?? [];
  if (isBoolean(name)) throw new UsageError(`${argument.split("=")[0]} takes no value`);
  const [, before] = /^--?(.*)$/.exec(all[index - 1] ?? "") ?? [];
  if (isBoolean(before) && (argument === "true" || argument === "false")) {
    throw new UsageError(`${all[index - 1]} takes no value`);
  }
  return [argument];
}

function isBoolean(name: string | undefined): boolean {
  return name === "h" || BOOLEAN_FLAGS.includes(name ?? "");
}

function nonEmpty(flag: string, value: string): string {
  if (value === "") throw new UsageError(`--${flag} needs a value`);
  return value;
}

function parsePort(value: string): number {
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : NaN;
  if (!(port <= 65535)) {
    throw new UsageError(`--port takes a number from 0 to 65535, not ${printable(value)}`);
  }
  return port;
}

function parseLogFormat(value: string): LogFormat {
  const format = LOG_FORMATS.find((each) => each === value);
  if (format === undefined) {
    throw new UsageError(`--log takes ${LOG_FORMATS.join(", ")}, not ${printable(value)}`);
  }
  return format;
}

function parseFileSettings(flags: Flags): FileSettings {
  const durability = textOf(flags, "durability") ?? "full";
  if (durability !== "full" && durability !== "fast") {
    throw new UsageError(`--durability takes full or fast, not ${printable(durability)}`);
  }
  return Object.freeze({
    isReadOnly: flags["read-only"] === true,
    allowsDelete: flags["allow-delete"] === true,
    allowsReplace: flags["no-replace"] !== true,
    showsHidden: flags["hidden"] === true,
    guessesTypes: flags["mime-types"] === true,
    isDurable: durability === "full",
  });
}

function parseLimits(flags: Flags): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const [name, { limit }] of Object.entries(LIMIT_FLAGS)) {
    const value = textOf(flags, name);
    if (value !== undefined) limits[limit] = parseLimit(name, value);
  }
  return Object.freeze(limits);
}

const UNIT_PATTERNS: Readonly<Record<Unit, RegExp>> = {
  SIZE: /^([0-9]+)([KMG]?)$/i,
  N: /^([0-9]+)$/,
  SECONDS: /^([0-9]+(?:\.[0-9]{1,3})?)$/,
};

const UNIT_NAMES: Readonly<Record<Unit, string>> = {
  SIZE: "a number of octets, such as 8192 or 500M",
  N: "a number",
  SECONDS: "a number of seconds",
};

const MULTIPLES: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** A limit in the unit that {@linkcode Limits} counts in. */
function parseLimit(name: string, value: string): number {
  const { limit, unit } = LIMIT_FLAGS[name]!;
  const [, digits = "", letter = ""] = UNIT_PATTERNS[unit].exec(value) ?? [];
  const factor = unit === "SECONDS" ? 1000 : MULTIPLES[letter.toUpperCase()] ?? 1;
  const number = digits === "" ? NaN : Math.round(Number(digits) * factor);
  if (!isLimit(limit, number)) {
    throw new UsageError(`--${name} takes ${UNIT_NAMES[unit]}, not ${printable(value)}`);
  }
  return number;
}

/** A limit as the command line takes it: the reverse of {@linkcode parseLimit}. */
function show(number: number, unit: Unit): string {
  if (unit === "SECONDS") return String(number / 1000);
  if (unit === "N") return String(number);
  const letter = ["G", "M", "K"].find((each) => number > 0 && number % MULTIPLES[each]! === 0);
  return letter === undefined ? String(number) : `${number / MULTIPLES[letter]!}${letter}`;
}

/** A value as it can stand in a message: quoted, and in one line. */
function printable(value: string): string {
  return JSON.stringify(value);
}
