// THE TABLE of flags. The parser, `--help`, the completions and the manual page all come from it:
// a new flag is a row here, a field of Options, and a line that fills it.

import { LOG_FORMATS } from "../access_log/format.ts";
import { DEFAULT_LIMITS, type Limits } from "../server/limits.ts";
import { DEFAULT_PORT } from "../server/options.ts";
import { show, type Unit } from "./values.ts";

/** One flag. What it is called stands before it in {@linkcode FLAGS}. */
export interface Flag {
  /** Its group in the help text and in the manual. */
  readonly group: Group;
  /** What it does, in a line. */
  readonly help: string;
  /** Whole sentences for the manual, where a line is too short. */
  readonly more?: string;
  /** The letter of its short form. */
  readonly short?: string;
  /** Its value; without one, the flag is on where it is given. */
  readonly value?: Value;
  /** The limit that it sets. */
  readonly limit?: keyof Limits;
  /** Names of flags that have to be given as well. */
  readonly needs?: readonly string[];
  /** Names of flags that must not be given as well. */
  readonly excludes?: readonly string[];
}

/** The value of a flag. */
export interface Value {
  /** What it is called in the help text: a {@linkcode Unit}, or a word of its own. */
  readonly name: string;
  /** What holds where the flag is not given, as one would type it. */
  readonly default?: string;
  /** What the absence of the flag means, where that is no value. */
  readonly absent?: string;
  /** What shells offer: paths, or these words. */
  readonly completes?: "file" | "directory" | readonly string[];
  /** Whether the flag may be given several times, each time adding to it. */
  readonly isList?: true;
}

/** The headings of the flags, in the order of the help text. */
export const GROUPS = [
  "Files",
  "Listening",
  "Running",
  "Log and metrics",
  "Limits",
  "Help",
] as const;

/** A heading. */
export type Group = typeof GROUPS[number];

/** How sure an upload is before its response. */
export const DURABILITIES = ["full", "fast"] as const;

/** The shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell. */
export type Shell = typeof SHELLS[number];

/** What a Unix socket has not; workers share a port, which a Unix socket cannot be. */
const TCP_FLAGS = ["port", "bind", "tls-cert", "tls-key", "workers"];

/** The flags by name. */
export const FLAGS = {
  "directory": {
    group: "Files",
    short: "d",
    value: { name: "DIR", absent: "none", completes: "directory" },
    help: "serve and store the files of DIR",
    more: "Without it, /files is 404 to reading and writing alike.",
  },
  "read-only": { group: "Files", help: "refuse every write to the files" },
  "allow-delete": { group: "Files", help: "allow DELETE" },
  "no-replace": { group: "Files", help: "refuse to write over a file that is there" },
  "hidden": { group: "Files", help: "serve and write names that begin with a dot, too" },
  "mime-types": {
    group: "Files",
    help: "guess media types by name",
    more: "Text is said to be UTF-8, and what can run script is sandboxed. " +
      "Otherwise every file is application/octet-stream.",
  },
  "durability": {
    group: "Files",
    value: { name: "LEVEL", default: "full", completes: DURABILITIES },
    help: "full: on the disk before the response; fast: that is left to the system",
  },
  "port": {
    group: "Listening",
    short: "p",
    value: { name: "N", default: String(DEFAULT_PORT) },
    help: "TCP port; 0 picks a free one",
  },
  "bind": {
    group: "Listening",
    short: "b",
    value: { name: "HOST", default: "localhost" },
    help: "listen on HOST; 0.0.0.0 or :: for every interface; localhost is 127.0.0.1 and ::1",
  },
  "tls-cert": {
    group: "Listening",
    value: { name: "FILE", absent: "no TLS", completes: "file" },
    help: "speak TLS, with the chain of certificates in FILE",
    more: "PEM, the server's own certificate first. SIGHUP reads it again.",
    needs: ["tls-key"],
  },
  "tls-key": {
    group: "Listening",
    value: { name: "FILE", completes: "file" },
    help: "the certificate's private key",
    more: "PEM, without a pass phrase.",
    needs: ["tls-cert"],
  },
  "unix": {
    group: "Listening",
    value: { name: "PATH", absent: "TCP", completes: "file" },
    help: "listen on the Unix socket PATH instead of TCP",
    excludes: TCP_FLAGS,
  },
  "unix-mode": {
    group: "Listening",
    value: { name: "MODE", default: "660" },
    help: "permissions of that socket",
    more: "Three octal digits, as for chmod(1).",
    needs: ["unix"],
  },
  "trust-proxy": {
    group: "Listening",
    value: { name: "CIDR,...", absent: "nobody", isList: true },
    help: "believe what these peers say of the client",
    more: "IPv4 or IPv6 addresses or prefixes such as 10.0.0.0/8, and unix for whoever comes " +
      "through a Unix socket. May be given several times.",
  },
  "workers": {
    group: "Running",
    value: { name: "N", default: "1", completes: ["auto"] },
    help: "threads that serve, up to 256; auto: one for each core",
    more: "They share the port, the log and --max-connections, of which each needs one. " +
      "One that fails is replaced, and its connections are lost.",
  },
  "grace": {
    group: "Running",
    value: { name: "SECONDS", default: "10" },
    help: "for requests in flight at the end; 0: none",
    more: "That long they may take after SIGTERM or SIGINT before they are cut off.",
  },
  "drain-delay": {
    group: "Running",
    value: { name: "SECONDS", default: "0" },
    help: "not ready, but still serving, before the end begins",
    more: "After SIGTERM or SIGINT /readyz fails at once. For that long, before the grace, " +
      "a balancer has time to notice, and nobody is turned away.",
  },
  "log": {
    group: "Log and metrics",
    value: { name: "FORMAT", default: "common", completes: LOG_FORMATS },
    help: `access log: ${LOG_FORMATS.join(", ")}`,
  },
  "log-file": {
    group: "Log and metrics",
    value: { name: "PATH", absent: "standard output", completes: "file" },
    help: "append the log to PATH",
    more: "SIGHUP opens it anew, for programs that rotate logs.",
  },
  "verbose": { group: "Log and metrics", help: "log connections as well" },
  "admin": {
    group: "Log and metrics",
    value: { name: "ADDRESS", absent: "off", completes: "file" },
    help: "health and metrics at HOST:PORT, or at a socket's absolute path",
    more: "An IPv6 address stands in brackets; unix:PATH is a Unix socket, too. " +
      "Whoever reaches the address may read them.",
  },
  "max-body-size": limit(
    "content",
    "SIZE",
    "larger content is 413; 0: any",
    "Where its length is told, before it is read.",
  ),
  "max-request-line": limit("requestLine", "SIZE", "longer ones are 414"),
  "max-header-size": limit("fieldSection", "SIZE", "more field bytes are 431"),
  "max-headers": limit("fieldCount", "N", "more field lines are 431"),
  "max-connections": limit(
    "connections",
    "N",
    "further ones wait; 0: any",
    "They wait in the backlog of the system, and idle connections make room for them after a second.",
  ),
  "max-requests": limit("requests", "N", "on one connection; 0: any", "The last one closes it."),
  "header-timeout": limit(
    "headerTimeout",
    "SECONDS",
    "for a whole head; 0: any",
    "From its first byte on; beyond, 408, or a close where there is no request line.",
  ),
  "idle-timeout": limit(
    "idleTimeout",
    "SECONDS",
    "between requests; 0: any",
    "Beyond, the connection is closed.",
  ),
  "body-timeout": limit(
    "bodyTimeout",
    "SECONDS",
    "without content; 0: any",
    "Without an byte of the content that is waited for; beyond, 408.",
  ),
  "min-rate": limit(
    "minRate",
    "SIZE",
    "a second, both ways; 0: any",
    "A peer that is 20 seconds behind it is cut off. The system holds up to 4 MiB of a response, which are counted as unread.",
  ),
  "completions": {
    group: "Help",
    value: { name: "SHELL", completes: SHELLS },
    help: `print the completions for ${SHELLS.join(", ")}`,
  },
  "help": { group: "Help", short: "h", help: "show this text" },
  "version": { group: "Help", help: "show the version" },
} as const satisfies Readonly<Record<string, Flag>>;

/** The name of a flag, without its dashes. */
export type FlagName = keyof typeof FLAGS;

/** All flags, in the order of the table. */
export const ALL_FLAGS = Object.entries(FLAGS) as readonly [FlagName, Flag][];

/** What is said of a value's default: `full`, or `no TLS`; null where nothing is. */
export function defaultOf({ value }: Flag): string | null {
  return value?.default ?? value?.absent ?? null;
}

function limit(limit: keyof Limits, unit: Unit, help: string, more = ""): Flag {
  const value = { name: unit, default: show(DEFAULT_LIMITS[limit], unit) };
  return { group: "Limits", limit, value, help, more };
}
