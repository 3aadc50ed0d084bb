// The command line: flags into a frozen value, or one clear sentence about what is wrong.

import { LOG_FORMATS, type LogFormat } from "../access_log/format.ts";
import type { FileSettings } from "../files/settings.ts";
import type { Limits } from "../server/limits.ts";
import { ALL_FLAGS, DURABILITIES, type FlagName, type Shell, SHELLS } from "./flags.ts";
import { GivenFlags } from "./given_flags.ts";
import {
  type Address,
  parseAddress,
  parseChoice,
  parseLimit,
  parseMode,
  parsePort,
  parseProxies,
  parseSocketPath,
  parseText,
  parseWait,
  parseWorkers,
  type Unit,
  UsageError,
} from "./values.ts";

/** What the command line asks for. */
export interface Options {
  /** The directory behind /files, as given, or null for none. */
  readonly directory: string | null;
  /** How the files may be used. */
  readonly files: FileSettings;
  /** TCP port; 0 picks a free one. */
  readonly port: number;
  /** Host name or address to listen on. */
  readonly bind: string;
  /** The files of the certificate and its key, in PEM, or null for no TLS. */
  readonly tls: TlsFiles | null;
  /** The Unix socket to listen on instead of TCP, or null for TCP. */
  readonly unix: UnixSocket | null;
  /** The proxies that are believed, as given: addresses, prefixes, and `unix`. */
  readonly trustProxy: readonly string[];
  /** Threads that serve; `auto` for as many as there are cores. */
  readonly workers: number | "auto";
  /** Milliseconds that requests in flight may take at the end; 0 for none. */
  readonly grace: number;
  /** Milliseconds between the signal to end and the end of accepting. */
  readonly drainDelay: number;
  /** Format of the access log. */
  readonly log: LogFormat;
  /** The file that the log is appended to, or null for standard output. */
  readonly logFile: string | null;
  /** Whether connections are logged, too. */
  readonly verbose: boolean;
  /** Where health and metrics are told, or null for nowhere. */
  readonly admin: Address | null;
  /** The limits that differ from the defaults. */
  readonly limits: Partial<Limits>;
  /** The shell whose completions are wanted, and nothing else, or null. */
  readonly completions: Shell | null;
  /** Whether only the help text is wanted. */
  readonly help: boolean;
  /** Whether only the version is wanted. */
  readonly version: boolean;
}

/** Paths of what TLS needs. */
export interface TlsFiles {
  /** The chain of certificates. */
  readonly certificate: string;
  /** The private key. */
  readonly key: string;
}

/** A Unix socket to listen on. */
export interface UnixSocket {
  /** Its path, as given. */
  readonly path: string;
  /** Its permissions, such as 0o660. */
  readonly mode: number;
}

/**
 * Reads the command line.
 *
 * @param args The arguments, without the program's name.
 * @throws {UsageError} for an unknown flag, a bad value, or flags that do not go together.
 */
export function parseOptions(args: readonly string[]): Options {
  const flags = new GivenFlags(args);
  const options: Options = Object.freeze({
    directory: optional(flags, "directory", parseText),
    files: parseFileSettings(flags),
    port: parsePort("port", flags.text("port")),
    bind: parseText("bind", flags.text("bind")).replace(/^\[(.*)\]$/, "$1"),
    tls: parseTls(flags),
    unix: parseUnix(flags),
    trustProxy: Object.freeze(
      flags.list("trust-proxy").flatMap((value) => parseProxies("trust-proxy", value)),
    ),
    workers: parseWorkers("workers", flags.text("workers")),
    grace: parseWait("grace", flags.text("grace")),
    drainDelay: parseWait("drain-delay", flags.text("drain-delay")),
    log: parseChoice("log", flags.text("log"), LOG_FORMATS),
    logFile: optional(flags, "log-file", parseText),
    verbose: flags.has("verbose"),
    admin: optional(flags, "admin", parseAddress),
    limits: parseLimits(flags),
    completions: optional(flags, "completions", (flag, value) => parseChoice(flag, value, SHELLS)),
    help: flags.has("help"),
    version: flags.has("version"),
  });
  checkCompany(flags);
  checkSockets(options);
  return options;
}

function optional<T>(
  flags: GivenFlags,
  name: FlagName,
  parse: (flag: string, value: string) => T,
): T | null {
  return flags.has(name) ? parse(name, flags.text(name)) : null;
}

function parseTls(flags: GivenFlags): TlsFiles | null {
  const certificate = optional(flags, "tls-cert", parseText);
  const key = optional(flags, "tls-key", parseText);
  return certificate === null || key === null ? null : Object.freeze({ certificate, key });
}

function parseUnix(flags: GivenFlags): UnixSocket | null {
  const path = optional(flags, "unix", parseSocketPath);
  const mode = parseMode("unix-mode", flags.text("unix-mode"));
  return path === null ? null : Object.freeze({ path, mode });
}

function parseFileSettings(flags: GivenFlags): FileSettings {
  const durability = parseChoice(
    "durability",
    flags.text("durability"),
    DURABILITIES,
    " or ",
  );
  return Object.freeze({
    isReadOnly: flags.has("read-only"),
    allowsDelete: flags.has("allow-delete"),
    allowsReplace: !flags.has("no-replace"),
    showsHidden: flags.has("hidden"),
    guessesTypes: flags.has("mime-types"),
    isDurable: durability === "full",
  });
}

function parseLimits(flags: GivenFlags): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const [name, { limit, value }] of ALL_FLAGS) {
    if (limit === undefined || !flags.has(name)) continue;
    limits[limit] = parseLimit(name, flags.text(name), limit, value?.name as Unit);
  }
  return Object.freeze(limits);
}

/** Each flag with those that it needs, and without those that it excludes. */
function checkCompany(flags: GivenFlags): void {
  for (const [name, { needs = [], excludes = [] }] of ALL_FLAGS) {
    if (!flags.has(name)) continue;
    const missing = needs.find((each) => !flags.has(each));
    if (missing !== undefined) throw new UsageError(`--${name} needs --${missing}`);
    const excluded = excludes.find((each) => flags.has(each));
    if (excluded !== undefined) throw new UsageError(`--${name} cannot go with --${excluded}`);
  }
}

function checkSockets({ unix, admin }: Options): void {
  if (unix !== null && admin?.transport === "unix" && admin.path === unix.path) {
    throw new UsageError("--unix and --admin cannot be the same socket");
  }
}
