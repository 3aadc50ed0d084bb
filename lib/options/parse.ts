// The command line. @std/cli reads the flags; what it would misread is refused.

import { parseArgs } from "@std/cli/parse-args";
import { LOG_FORMATS, type LogFormat } from "../access_log/format.ts";
import type { FileSettings } from "../files/settings.ts";
import type { Limits } from "../server/limits.ts";
import {
  ALL_FLAGS,
  DURABILITIES,
  type Flag,
  type FlagName,
  FLAGS,
  type Shell,
  SHELLS,
} from "./flags.ts";
import {
  type Address,
  parseAddress,
  parseChoice,
  parseHost,
  parseLimit,
  parseMode,
  parseOrigins,
  parsePort,
  parseProxies,
  parseSocketPath,
  parseWait,
  parseWorkers,
  printable,
  type Unit,
  UsageError,
} from "./values.ts";

/** What the command line asks for. */
export interface Options {
  /** The directory behind /files, as given, or null for none. */
  readonly directory: string | null;
  readonly files: FileSettings;
  /** TCP port; 0 picks a free one. */
  readonly port: number;
  readonly bind: string;
  readonly tls: TlsFiles | null;
  readonly unix: UnixSocket | null;
  /** The trusted proxies, as given: addresses, prefixes, and `unix`. */
  readonly trustProxy: readonly string[];
  /** Hosts that requests for files may be for, beside this machine's own; `*` for any. */
  readonly allowHost: readonly string[];
  /** Origins whose pages may use the server, or `*`. */
  readonly cors: readonly string[] | "*";
  /** Threads that serve; `auto` for as many as there are cores. */
  readonly workers: number | "auto";
  /** Milliseconds that a graceful shutdown waits for requests in flight; 0 for none. */
  readonly grace: number;
  /** Milliseconds between the signal to stop and the graceful shutdown. */
  readonly drainDelay: number;
  readonly log: LogFormat;
  /** The file that the log is appended to, or null for standard output. */
  readonly logFile: string | null;
  readonly verbose: boolean;
  readonly admin: Address | null;
  /** The limits that differ from the defaults. */
  readonly limits: Partial<Limits>;
  /** The shell to print completions for, and nothing else, or null. */
  readonly completions: Shell | null;
  readonly help: boolean;
  readonly version: boolean;
}

/** Paths of PEM files for TLS: the chain of certificates, and the private key. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A Unix socket to listen on. */
export interface UnixSocket {
  readonly path: string;
  /** Its permissions, such as 0o660. */
  readonly mode: number;
}

/** @throws {UsageError} for unknown flags, bad values, and flags that exclude each other. */
export function parseOptions(args: readonly string[]): Options {
  const given = readFlags(args);
  const options: Options = Object.freeze({
    directory: valueOf(given, "directory"),
    files: parseFileSettings(given),
    port: parsePort("port", textOf(given, "port")),
    bind: textOf(given, "bind").replace(/^\[(.*)\]$/, "$1"),
    tls: parseTls(given),
    unix: parseUnix(given),
    trustProxy: Object.freeze(
      given["trust-proxy"].flatMap((value) => parseProxies("trust-proxy", value)),
    ),
    allowHost: Object.freeze(given["allow-host"].map((value) => parseHost("allow-host", value))),
    cors: parseOrigins("cors", given["cors"]),
    workers: parseWorkers("workers", textOf(given, "workers")),
    grace: parseWait("grace", textOf(given, "grace")),
    drainDelay: parseWait("drain-delay", textOf(given, "drain-delay")),
    log: parseChoice("log", textOf(given, "log"), LOG_FORMATS),
    logFile: valueOf(given, "log-file"),
    verbose: isGiven(given, "verbose"),
    admin: isGiven(given, "admin") ? parseAddress("admin", textOf(given, "admin")) : null,
    limits: parseLimits(given),
    completions: isGiven(given, "completions")
      ? parseChoice("completions", textOf(given, "completions"), SHELLS)
      : null,
    help: isGiven(given, "help"),
    version: isGiven(given, "version"),
  });
  checkCombinations(given);
  checkSockets(options);
  return options;
}

/** The values of each flag in their order; of one that takes no value, an empty text each time. */
type GivenFlags = Readonly<Record<FlagName, readonly string[]>>;

/**
 * What parseArgs misreads: `-da=b` as `-d b`, `--no-port=1` as `--port 1`, `--help=` as `--help`.
 * What is left: it takes `--d` for `-d`.
 */
const MISREAD = /^-([^=-][^=]+=|-no-[^=]*=|[^=]*=$)/s;

/** @throws {UsageError} for unknown flags, missing values, and values of flags that take none. */
function readFlags(args: readonly string[]): GivenFlags {
  const names = ALL_FLAGS.map(([name]) => name);
  const parsed: Readonly<Record<string, unknown>> = parseArgs([...args], {
    // All flags: a boolean would take `=no` for true, and only lists keep every value to check.
    string: names,
    collect: names,
    alias: Object.fromEntries(
      ALL_FLAGS.flatMap(([name, { short }]) => short === undefined ? [] : [[name, short]]),
    ),
    unknown(argument) {
      throw unknownArgument(argument);
    },
  });
  const [afterDashes] = parsed["_"] as readonly string[];
  if (afterDashes !== undefined) throw unknownArgument(afterDashes);
  const given = parsed as GivenFlags;
  for (const [name, { value }] of ALL_FLAGS) {
    const wrong = given[name].find((each) => (each === "") === (value !== undefined));
    if (wrong === "") throw new UsageError(`--${name} needs a value`);
    if (wrong !== undefined) throw new UsageError(`--${name} takes no value`);
  }
  const misread = args.find((argument) => MISREAD.test(argument));
  if (misread !== undefined) {
    throw new UsageError(`unclear argument ${printable(misread)}: put the value in one of its own`);
  }
  return given;
}

function unknownArgument(argument: string): UsageError {
  if (argument === "") return new UsageError("an argument is empty");
  const kind = argument.startsWith("-") ? "flag" : "argument";
  return new UsageError(`unknown ${kind} ${printable(argument)}`);
}

function isGiven(given: GivenFlags, name: FlagName): boolean {
  return given[name].length > 0;
}

/** The last value of a flag, or null. */
function valueOf(given: GivenFlags, name: FlagName): string | null {
  return given[name].at(-1) ?? null;
}

function textOf(given: GivenFlags, name: FlagName): string {
  const flag: Flag = FLAGS[name];
  return valueOf(given, name) ?? flag.value?.default ?? "";
}

function parseTls(given: GivenFlags): TlsFiles | null {
  const certificate = valueOf(given, "tls-cert");
  const key = valueOf(given, "tls-key");
  return certificate === null || key === null ? null : Object.freeze({ certificate, key });
}

function parseUnix(given: GivenFlags): UnixSocket | null {
  const mode = parseMode("unix-mode", textOf(given, "unix-mode"));
  const path = valueOf(given, "unix");
  return path === null ? null : Object.freeze({ path: parseSocketPath("unix", path), mode });
}

function parseFileSettings(given: GivenFlags): FileSettings {
  const durability = parseChoice("durability", textOf(given, "durability"), DURABILITIES);
  return Object.freeze({
    isReadOnly: isGiven(given, "read-only"),
    allowsDelete: isGiven(given, "allow-delete"),
    allowsReplace: !isGiven(given, "no-replace"),
    showsHidden: isGiven(given, "hidden"),
    guessesTypes: isGiven(given, "mime-types"),
    isDurable: durability === "full",
  });
}

function parseLimits(given: GivenFlags): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const [name, { limit, value }] of ALL_FLAGS) {
    if (limit === undefined || !isGiven(given, name)) continue;
    const unit = value?.name as Unit;
    limits[limit] = parseLimit(name, textOf(given, name), { limit, unit });
  }
  return Object.freeze(limits);
}

/** @throws {UsageError} for a flag without one that it needs, or with one that it excludes. */
function checkCombinations(given: GivenFlags): void {
  for (const [name, { needs = [], excludes = [] }] of ALL_FLAGS) {
    if (!isGiven(given, name)) continue;
    const missing = needs.find((each) => !isGiven(given, each as FlagName));
    if (missing !== undefined) throw new UsageError(`--${name} needs --${missing} as well`);
    const excluded = excludes.find((each) => isGiven(given, each as FlagName));
    if (excluded !== undefined) {
      throw new UsageError(`--${name} and --${excluded} cannot be used together`);
    }
  }
}

function checkSockets({ unix, admin }: Options): void {
  if (unix !== null && admin?.transport === "unix" && admin.path === unix.path) {
    throw new UsageError("--unix and --admin cannot be the same socket");
  }
}
