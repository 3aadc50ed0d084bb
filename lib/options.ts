// The command line: flags into a frozen value, or one clear sentence about what is wrong.

import { parseArgs } from "@std/cli/parse-args";
import { LOG_FORMATS, type LogFormat } from "./access_log.ts";
import { DEFAULT_PORT } from "./server/listener.ts";
import { DEFAULT_LIMITS } from "./server/limits.ts";

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
  /** Octets of content that a request may have; 0 for any number. */
  readonly maxBodySize: number;
  /** Whether only the help text is wanted. */
  readonly help: boolean;
  /** Whether only the version is wanted. */
  readonly version: boolean;
}

/** A command line that cannot be followed. Its message is one line for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The text of `--help`. */
export const HELP = `Usage: wireserve [OPTION]...

Serves HTTP/1.1: / answers, /echo/TEXT and /user-agent say what they were told,
/files/NAME reads and writes the files of a directory.

  -d, --directory DIR       serve and store the files of DIR (default: no files)
  -p, --port N              listen on TCP port N; 0 picks a free one (default: ${DEFAULT_PORT})
  -b, --bind HOST           listen on HOST (default: localhost, which is 127.0.0.1
                            and ::1); 0.0.0.0 or :: for every interface
      --max-body-size SIZE  refuse larger content with 413: octets, or a number
                            with K, M or G; 0 for no limit (default: 1G)
      --log FORMAT          write an access log: ${LOG_FORMATS.join(", ")} (default: common)
      --verbose             log connections as well
  -h, --help                show this text
      --version             show the version
`;

/**
 * Reads the command line.
 *
 * @param args The arguments, without the program's name.
 * @throws {UsageError} for an unknown flag or a bad value.
 */
export function parseOptions(args: readonly string[]): Options {
  const flags = parseArgs([...args], {
    string: ["directory", "port", "bind", "log", "max-body-size"],
    boolean: ["verbose", "help", "version"],
    alias: { directory: "d", port: "p", bind: "b", help: "h" },
    unknown(argument) {
      const kind = argument.startsWith("-") ? "flag" : "argument";
      throw new UsageError(`unknown ${kind} ${printable(argument)}`);
    },
  });
  const [stray] = flags._;
  if (stray !== undefined) {
    throw new UsageError(`unknown argument ${printable(String(stray))}`);
  }
  return Object.freeze({
    directory: flags.directory === undefined ? null : nonEmpty("directory", flags.directory),
    port: parsePort(flags.port ?? String(DEFAULT_PORT)),
    bind: nonEmpty("bind", flags.bind ?? "localhost"),
    log: parseLogFormat(flags.log ?? "common"),
    verbose: flags.verbose,
    maxBodySize: parseSize(
      flags["max-body-size"] ?? String(DEFAULT_LIMITS.content),
    ),
    help: flags.help,
    version: flags.version,
  });
}

function nonEmpty(flag: string, value: string): string {
  if (value === "") throw new UsageError(`--${flag} needs a value`);
  return value;
}

function parsePort(value: string): number {
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : NaN;
  if (!(port <= 65535)) {
    throw new UsageError(
      `--port takes a number from 0 to 65535, not ${printable(value)}`,
    );
  }
  return port;
}

function parseLogFormat(value: string): LogFormat {
  const format = LOG_FORMATS.find((each) => each === value);
  if (format === undefined) {
    throw new UsageError(
      `--log takes ${LOG_FORMATS.join(", ")}, not ${printable(value)}`,
    );
  }
  return format;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
};

function parseSize(value: string): number {
  const [, digits, unit = ""] = /^([0-9]+)([KMG]?)$/i.exec(value) ?? [];
  const size = digits === undefined ? NaN : Number(digits) * UNITS[unit.toUpperCase()]!;
  if (!Number.isSafeInteger(size)) {
    throw new UsageError(
      `--max-body-size takes a number of octets such as 500M, not ${printable(value)}`,
    );
  }
  return size;
}

/** A value as it can stand in a message: quoted, and in one line. */
function printable(value: string): string {
  return JSON.stringify(value);
}
