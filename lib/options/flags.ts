// THE TABLE of flags. The parser, `--help`, the completions and the manual page are made from it. A
// new flag is a row here, a field of Options, and a line in parse.ts that fills it.

import { LOG_FORMATS } from "../access_log/format.ts";
import { DEFAULT_LIMITS, type Limits } from "../server/limits.ts";
import { DEFAULT_PORT } from "../server/options.ts";
import { show, type Unit } from "./values.ts";

/** One flag. Its name is its key in {@linkcode FLAGS}. */
export interface Flag {
  readonly group: Group;
  /** What it does, in a line. */
  readonly help: string;
  /** Whole sentences for the manual, where a line is too short. */
  readonly more?: string;
  readonly short?: string;
  /** Its value; without one, the flag turns something on. */
  readonly value?: Value;
  readonly limit?: keyof Limits;
  readonly needs?: readonly string[];
  readonly excludes?: readonly string[];
  /** Whether it goes only with `wireserve PATH`. */
  readonly isForSite?: true;
}

/** The value of a flag. */
export interface Value {
  /** Its name in the help text: a {@linkcode Unit}, or another word. */
  readonly name: string;
  /** The value without the flag, as one would type it. */
  readonly default?: string;
  /** What applies without the flag, if that is no value. */
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
  "Passwords",
  "Responses",
  "Running",
  "Log and metrics",
  "Limits",
  "Help",
] as const;

/** A heading. */
export type Group = typeof GROUPS[number];

/** The levels of durability. */
export const DURABILITIES = ["full", "fast"] as const;

/** What passwords are needed for. */
export const SCOPES = ["all", "write"] as const;

/** The shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell. */
export type Shell = typeof SHELLS[number];

/** What does not apply to a Unix socket. Workers share a port, and cannot share a Unix socket. */
const TCP_FLAGS = ["port", "bind", "tls-cert", "tls-key", "workers"];

/** The flags by name. */
export const FLAGS = {
  "directory": {
    group: "Files",
    short: "d",
    value: { name: "DIR", absent: "none", completes: "directory" },
    help: "serve the files of DIR at /files, and store uploads there",
    more: "This is the program of the challenge: writing is on. Without DIR and without a PATH, " +
      "every request for /files is answered with 404.",
  },
  "writable": {
    group: "Files",
    short: "w",
    help: "allow uploads and new folders in PATH",
    excludes: ["read-only"],
    isForSite: true,
  },
  "read-only": { group: "Files", help: "refuse uploads and deletions" },
  "allow-delete": {
    group: "Files",
    help: "allow deleting; in a PATH that is writable, renaming and moving as well",
  },
  "no-replace": { group: "Files", help: "refuse uploads over existing files" },
  "hidden": { group: "Files", help: "include files whose names begin with a dot" },
  "mime-types": {
    group: "Files",
    help: "set the content type by the file's name",
    more: "Text is served as UTF-8, and what can run scripts in a sandbox. " +
      "Without the flag, the type of every file is application/octet-stream.",
  },
  "no-index": {
    group: "Files",
    help: "list a folder even if it has an index.html",
    isForSite: true,
  },
  "spa": {
    group: "Files",
    help: "answer with /index.html where there is no file",
    more: "For applications that show a page by the path. Names with a dot stay missing.",
    isForSite: true,
  },
  "durability": {
    group: "Files",
    value: { name: "LEVEL", default: "full", completes: DURABILITIES },
    help: "full: confirm an upload once it is on the disk; fast: do not wait for the disk",
  },
  "port": {
    group: "Listening",
    short: "p",
    value: { name: "N", default: String(DEFAULT_PORT) },
    help: "TCP port; 0 for any free one",
  },
  "bind": {
    group: "Listening",
    short: "b",
    value: { name: "HOST", default: "localhost" },
    help: "address to listen on; 0.0.0.0 or :: for all; localhost is 127.0.0.1 and ::1",
  },
  "tls-cert": {
    group: "Listening",
    value: { name: "FILE", absent: "no TLS", completes: "file" },
    help: "serve over TLS, with the certificate chain in FILE",
    more: "PEM, the server's own certificate first. SIGHUP reads it again.",
    needs: ["tls-key"],
  },
  "tls-key": {
    group: "Listening",
    value: { name: "FILE", completes: "file" },
    help: "private key of the certificate",
    more: "PEM, without a passphrase.",
    needs: ["tls-cert"],
  },
  "redirect-https": {
    group: "Listening",
    value: { name: "PORT", absent: "off" },
    help: "listen on PORT as well, and redirect from there to https",
    needs: ["tls-cert"],
  },
  "qr": {
    group: "Listening",
    help: "print the address for other devices as a QR code",
    excludes: ["unix"],
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
    help: "permissions of the Unix socket",
    more: "Three octal digits, as for chmod(1).",
    needs: ["unix"],
  },
  "trust-proxy": {
    group: "Listening",
    value: { name: "CIDR,...", absent: "none", isList: true },
    help: "proxies whose Forwarded and X-Forwarded-For headers name the client",
    more: "IPv4 or IPv6 addresses, prefixes such as 10.0.0.0/8, and unix for all clients of a " +
      "Unix socket. May be given several times.",
  },
  "allow-host": {
    group: "Listening",
    value: { name: "NAME", absent: "those of this machine", isList: true },
    help: "host name by which clients may ask for files; '*' for any",
    more: "Names lead where their owner wants: without this check, a page of another site could " +
      "read files by DNS rebinding. On the loopback, localhost is allowed; elsewhere, the " +
      "addresses and the name of this machine; and any name from a trusted proxy, as long as the " +
      "flag is not given. Other requests are answered with 421. *.NAME allows the names below " +
      "NAME. May be given several times.",
  },
  "auth": {
    group: "Passwords",
    value: { name: "USER:PASSWORD", absent: "none", isList: true },
    help: "a user who may sign in; other users of this machine can see it in ps(1)",
    more: "The password may be given as its hash by bcrypt or Argon2. May be given several times.",
  },
  "auth-file": {
    group: "Passwords",
    value: { name: "FILE", absent: "none", completes: "file" },
    help: "file with users, as htpasswd -B writes it",
    more: "NAME:HASH a line, with hashes by bcrypt or Argon2. SIGHUP reads it again.",
  },
  "auth-scope": {
    group: "Passwords",
    value: { name: "SCOPE", default: "all", completes: SCOPES },
    help: "all: a password is needed to read and to write; write: only to write",
  },
  "auth-rule": {
    group: "Passwords",
    value: { name: "RULE", absent: "none", isList: true },
    help: "USER:rw:/PATH, or ro or none: what a user may do in a path",
    more: "The longest path counts, and where a user has rules, but none for a path, nothing is " +
      "allowed there. The user * stands for all who have no rules, signed in or not. What concerns a " +
      "whole folder, such as a search, an archive, a form with files or a deletion, needs the right for all of it. May " +
      "be given several times.",
  },
  "auth-insecure": {
    group: "Passwords",
    help: "take passwords without TLS from other machines, readable on the way",
  },
  "base-path": {
    group: "Responses",
    value: { name: "PATH", default: "/" },
    help: "serve the files below this path instead of /",
    isForSite: true,
  },
  "header": {
    group: "Responses",
    value: { name: "NAME: VALUE", absent: "none", isList: true },
    help: "header of every response",
    more: "It replaces one of the same name. May be given several times.",
  },
  "cache-control": {
    group: "Responses",
    value: { name: "VALUE", absent: "none" },
    help: "Cache-Control of every file, such as max-age=60",
  },
  "cors": {
    group: "Responses",
    value: { name: "ORIGIN", absent: "none", isList: true },
    help: "origin whose pages may use this server, or '*' to let all read",
    more: "An origin is written as https://example.com. Pages of one that is named may write as " +
      "well, where writing is allowed. May be given several times.",
  },
  "workers": {
    group: "Running",
    value: { name: "N", default: "1", completes: ["auto"] },
    help: "threads that serve, up to 256; auto for one per core",
    more: "They share the port, the log and --max-connections; there are no more of them than " +
      "connections are allowed. A worker that fails loses its connections and is replaced.",
  },
  "grace": {
    group: "Running",
    value: { name: "SECONDS", default: "10" },
    help: "longest wait for open requests at shutdown; 0 for none",
    more:
      "The wait begins with SIGTERM or SIGINT, after --drain-delay. Requests that take longer " +
      "are aborted.",
  },
  "drain-delay": {
    group: "Running",
    value: { name: "SECONDS", default: "0" },
    help: "time to go on serving before shutdown, with /readyz failing",
    more: "SIGTERM or SIGINT makes /readyz fail at once. A load balancer has this long to notice " +
      "before connections are refused and --grace begins.",
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
    more: "SIGHUP reopens it, for programs that rotate logs.",
  },
  "verbose": { group: "Log and metrics", help: "log connections as well" },
  "admin": {
    group: "Log and metrics",
    value: { name: "ADDRESS", absent: "off", completes: "file" },
    help: "serve health and metrics at HOST:PORT or on the Unix socket /PATH",
    more: "An IPv6 address is written in brackets; unix:PATH is a Unix socket, too. " +
      "There is no authentication: all who can reach the address can read them.",
  },
  "max-body-size": limit({
    limit: "content",
    unit: "SIZE",
    help: "largest request body; 0 for no limit",
    more: "A larger one is answered with 413, before it is read if its length is announced.",
  }),
  "max-request-line": limit({
    limit: "requestLine",
    unit: "SIZE",
    help: "longest request line",
    more: "A longer one is answered with 414.",
  }),
  "max-header-size": limit({
    limit: "fieldSection",
    unit: "SIZE",
    help: "largest total size of the request headers",
    more: "More is answered with 431.",
  }),
  "max-headers": limit({
    limit: "fieldCount",
    unit: "N",
    help: "request headers at most",
    more: "More are answered with 431.",
  }),
  "max-connections": limit({
    limit: "connections",
    unit: "N",
    help: "open connections at most; further ones wait; 0 for no limit",
    more: "They wait in the backlog of the system. An idle connection is closed after a second " +
      "to make room for them.",
  }),
  "max-requests": limit({
    limit: "requests",
    unit: "N",
    help: "requests per connection at most; 0 for no limit",
    more: "The connection is closed after the last one.",
  }),
  "header-timeout": limit({
    limit: "headerTimeout",
    unit: "SECONDS",
    help: "time limit for receiving the request headers; 0 for none",
    more: "It begins with the first byte. A request that is late is answered with 408, or the " +
      "connection is closed if the request line is not complete.",
  }),
  "idle-timeout": limit({
    limit: "idleTimeout",
    unit: "SECONDS",
    help: "time limit between two requests; 0 for none",
    more: "The connection is closed then.",
  }),
  "body-timeout": limit({
    limit: "bodyTimeout",
    unit: "SECONDS",
    help: "time limit between two parts of a request body; 0 for none",
    more: "A request whose body is late is answered with 408.",
  }),
  "min-rate": limit({
    limit: "minRate",
    unit: "SIZE",
    help: "bytes per second that a client must send or read; 0 for no limit",
    more: "A client that is 20 seconds behind is disconnected. Up to 4 MiB of a response wait in " +
      "buffers of the system, and count as not yet read.",
  }),
  "config": {
    group: "Running",
    value: { name: "FILE", absent: "none", completes: "file" },
    help: "read flags from FILE, as JSON",
    more:
      'An object with the names of the flags: { "path": "/srv/site", "port": 80, "qr": true }. ' +
      "A flag of the command line counts more, and so does a variable such as WIRESERVE_PORT, " +
      "where deno runs with --allow-env.",
  },
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

/** The default of a flag's value, such as `full` or `no TLS`; null without one. */
export function defaultOf({ value }: Flag): string | null {
  return value?.default ?? value?.absent ?? null;
}

interface LimitFlag {
  readonly limit: keyof Limits;
  readonly unit: Unit;
  readonly help: string;
  readonly more: string;
}

function limit({ limit, unit, help, more }: LimitFlag): Flag {
  const value = { name: unit, default: show(DEFAULT_LIMITS[limit], unit) };
  return { group: "Limits", limit, value, help, more };
}
