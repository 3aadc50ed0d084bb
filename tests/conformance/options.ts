// The command line of `deno task conformance`.

import { parseArgs } from "@std/cli/parse-args";
import { DEFAULT_TIMEOUT, type Target } from "./run.ts";

/** What is to be done. */
export interface ConformanceOptions {
  /** The server under test, or null: Wireserve, or the peers. */
  readonly target: Target | null;
  readonly peers: boolean;
  /** Whether docs/conformance-peers.md is brought up to date. */
  readonly updatesDocs: boolean;
  /** A path to write the report to, or null. */
  readonly json: string | null;
  /** Milliseconds that a response may take. */
  readonly timeout: number;
  readonly help: boolean;
}

/** A command line that cannot be meant. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The text of `--help`. */
export const HELP = `Usage: deno task conformance [OPTION]... [URL]

Runs all wire cases against an HTTP/1.1 server, and judges its answers by RFC 9112 and RFC 9110.
Without URL: against Wireserve, which it starts. The exit status is 1 if a MUST is broken.

  --get PATH       a path of the server that answers GET (/)
  --post PATH      a path that reads what is POSTed to it; without it, these cases are skipped
  --host HOST      the value of Host (the host and port of URL)
  --timeout MS     how long a response may take (${DEFAULT_TIMEOUT})
  --json FILE      write all outcomes
  --peers          against Wireserve and the servers that are installed, side by side
  --docs           with --peers: bring docs/conformance-peers.md up to date
  --help           show this text
`;

/**
 * Parses the command line.
 *
 * @throws {UsageError} for an unknown flag or a bad value.
 */
export function parseOptions(args: readonly string[]): ConformanceOptions {
  const flags = parseArgs([...args], {
    string: ["get", "post", "host", "timeout", "json"],
    boolean: ["peers", "docs", "help"],
    unknown(argument) {
      if (!argument.startsWith("-")) return true;
      throw new UsageError(`unknown flag ${JSON.stringify(argument)}`);
    },
  });
  const text = (name: string): string | null => {
    const value: unknown = flags[name];
    if (value === undefined) return null;
    if (typeof value === "string" && value !== "") return value;
    throw new UsageError(`--${name} needs one value`);
  };
  const path = (name: string): string | null => {
    const value = text(name);
    if (value === null || /^\/[!-~]*$/.test(value)) return value;
    throw new UsageError(`--${name} takes a path that begins with a slash`);
  };
  const [url, more] = flags._.map(String);
  if (more !== undefined) throw new UsageError("there is more than one URL");
  const profile = { get: path("get") ?? "/", post: path("post"), host: text("host") };
  if (url === undefined && (text("get") ?? profile.post ?? profile.host) !== null) {
    throw new UsageError("--get, --post and --host need the URL of a server");
  }
  if (url !== undefined && flags.peers) throw new UsageError("--peers takes no URL");
  if (flags.docs && !flags.peers) throw new UsageError("--docs needs --peers");
  return {
    target: url === undefined ? null : parseTarget(url, profile),
    peers: flags.peers,
    updatesDocs: flags.docs,
    json: text("json"),
    timeout: parseTimeout(text("timeout")),
    help: flags.help,
  };
}

function parseTarget(
  text: string,
  profile: { get: string; post: string | null; host: string | null },
): Target {
  const url = URL.parse(text);
  const isSecure = url?.protocol === "https:";
  if (url === null || !isSecure && url.protocol !== "http:") {
    throw new UsageError(`${JSON.stringify(text)} is no http or https URL`);
  }
  return {
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (isSecure ? 443 : 80)),
    isSecure,
    profile: { ...profile, host: profile.host ?? url.host },
  };
}

function parseTimeout(text: string | null): number {
  if (text === null) return DEFAULT_TIMEOUT;
  const value = /^[0-9]{2,6}$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new UsageError("--timeout takes a number of milliseconds, 10 at least");
}
