// The options of the program, from what the command line, the environment and a file say.

import { LOG_FORMATS, type LogFormat } from "../access_log/format.ts";
import type { AuthOptions } from "../auth/guard.ts";
import type { FileSettings } from "../files/settings.ts";
import type { Limits } from "../server/limits.ts";
import {
  ALL_FLAGS,
  DURABILITIES,
  type Flag,
  type FlagName,
  FLAGS,
  SCOPES,
  type Shell,
  SHELLS,
} from "./flags.ts";
import { readArguments } from "./arguments.ts";
import { combine, type Layer } from "./layers.ts";
import {
  type Address,
  parseAddress,
  parseBasePath,
  parseBind,
  parseChoice,
  parseFieldValue,
  parseHeader,
  parseHost,
  parseLimit,
  parseMode,
  parseOrigins,
  parsePort,
  parseProxies,
  parseRule,
  parseSocketPath,
  parseUser,
  parseWait,
  parseWorkers,
  type Unit,
  UsageError,
} from "./values.ts";

/** What the command line asks for. */
export interface Options {
  /** The directory that is served, as given, or null for none. */
  readonly directory: string | null;
  /** How it is served at `/`; null where it is behind /files. */
  readonly site: SiteOptions | null;
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
  /** Who may sign in, and what for; null where no password is asked for. */
  readonly auth: SignInOptions | null;
  /** Fields of every response: name and value. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The Cache-Control of files, or null. */
  readonly cacheControl: string | null;
  /** The port that redirects to https, or null. */
  readonly redirectHttps: number | null;
  /** Whether the address for other devices is printed as a QR code. */
  readonly qr: boolean;
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

/** Who may sign in, and what for. */
export interface SignInOptions extends AuthOptions {
  /** The file with further users, or null. */
  readonly file: string | null;
  /** Whether passwords may be sent over plain HTTP by other machines. */
  readonly isInsecure: boolean;
}

/** How a directory is served at `/`. */
export interface SiteOptions {
  /** The path before that of the files: empty, or `/x`. */
  readonly base: string;
  /** The name of the only file that is served, or null for all. */
  readonly file: string | null;
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

/**
 * The options of a command line, and of what it completes: the environment, and a file.
 *
 * @throws {UsageError} for unknown flags, bad values, and flags that exclude each other.
 */
export function parseOptions(args: readonly string[], others: readonly Layer[] = []): Options {
  const { given, path } = combine([readArguments(args), ...others]);
  const isSite = path !== null;
  const options: Options = Object.freeze({
    directory: path ?? valueOf(given, "directory"),
    site: isSite
      ? Object.freeze({ base: parseBasePath("base-path", textOf(given, "base-path")), file: null })
      : null,
    files: parseFileSettings(given, isSite),
    port: parsePort("port", textOf(given, "port")),
    bind: parseBind("bind", textOf(given, "bind")),
    tls: parseTls(given),
    unix: parseUnix(given),
    trustProxy: Object.freeze(
      given["trust-proxy"].flatMap((value) => parseProxies("trust-proxy", value)),
    ),
    allowHost: Object.freeze(given["allow-host"].map((value) => parseHost("allow-host", value))),
    cors: parseOrigins("cors", given["cors"]),
    auth: parseAuth(given),
    headers: Object.freeze(given["header"].map((value) => parseHeader("header", value))),
    cacheControl: isGiven(given, "cache-control")
      ? parseFieldValue("cache-control", textOf(given, "cache-control"))
      : null,
    redirectHttps: isGiven(given, "redirect-https")
      ? parsePort("redirect-https", textOf(given, "redirect-https"))
      : null,
    qr: isGiven(given, "qr"),
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
  checkSite(given, path);
  checkSockets(options);
  return options;
}

/** The values of each flag in their order; of one that takes no value, an empty text each time. */
type GivenFlags = Readonly<Record<FlagName, readonly string[]>>;

/** The file that `--config` names, or null. @throws {UsageError} as {@linkcode parseOptions}. */
export function configFileOf(args: readonly string[], environment: Layer): string | null {
  const { given } = combine([readArguments(args), environment]);
  return valueOf(given, "config");
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

function parseAuth(given: GivenFlags): SignInOptions | null {
  const scope = parseChoice("auth-scope", textOf(given, "auth-scope"), SCOPES);
  const rules = given["auth-rule"].map((value) => parseRule("auth-rule", value));
  const users = given["auth"].map((value) => parseUser("auth", value));
  const file = valueOf(given, "auth-file");
  const isInsecure = isGiven(given, "auth-insecure");
  if (users.length > 0 || file !== null) {
    return Object.freeze({ users, file, scope, rules, isInsecure });
  }
  const alone = (["auth-scope", "auth-rule", "auth-insecure"] as const)
    .find((name) => isGiven(given, name));
  if (alone === undefined) return null;
  throw new UsageError(`--${alone} needs --auth or --auth-file as well`);
}

function parseUnix(given: GivenFlags): UnixSocket | null {
  const mode = parseMode("unix-mode", textOf(given, "unix-mode"));
  const path = valueOf(given, "unix");
  return path === null ? null : Object.freeze({ path: parseSocketPath("unix", path), mode });
}

/** A directory at `/` is read-only by default, and its media types follow from the names. */
function parseFileSettings(given: GivenFlags, isSite: boolean): FileSettings {
  const durability = parseChoice("durability", textOf(given, "durability"), DURABILITIES);
  const isReadOnly = isSite ? !isGiven(given, "writable") : isGiven(given, "read-only");
  return Object.freeze({
    isReadOnly,
    allowsDelete: isGiven(given, "allow-delete"),
    allowsReplace: !isGiven(given, "no-replace"),
    showsHidden: isGiven(given, "hidden"),
    guessesTypes: isSite || isGiven(given, "mime-types"),
    isDurable: durability === "full",
    ...(isSite && {
      listsAsText: true,
      hasIndex: !isGiven(given, "no-index"),
      hasFallback: isGiven(given, "spa"),
      // Nobody but the owner has put anything there.
      isTrusted: isReadOnly,
    }),
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

/** @throws {UsageError} for what does not go with a PATH, or only with one. */
function checkSite(given: GivenFlags, path: string | null): void {
  if (path !== null) {
    if (isGiven(given, "directory")) {
      throw new UsageError(
        "--directory DIR serves DIR at /files, and DIR alone at /: they cannot be used together",
      );
    }
    if (isGiven(given, "allow-delete") && !isGiven(given, "writable")) {
      throw new UsageError("--allow-delete needs --writable as well");
    }
    return;
  }
  const [alone] = ALL_FLAGS.find(([name, flag]) => flag.isForSite && isGiven(given, name)) ?? [];
  if (alone === "writable" && isGiven(given, "directory")) {
    throw new UsageError("--writable goes with DIR alone: with --directory DIR, writing is on");
  }
  if (alone !== undefined) {
    throw new UsageError(`--${alone} needs the path of a folder: wireserve DIR --${alone}`);
  }
}

function checkSockets({ unix, admin }: Options): void {
  if (unix !== null && admin?.transport === "unix" && admin.path === unix.path) {
    throw new UsageError("--unix and --admin cannot be the same socket");
  }
}
