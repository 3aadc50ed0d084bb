// The command line of the benchmark.

import { parseArgs } from "@std/cli/parse-args";
import type { Row } from "./row.ts";
import { ROWS } from "./rows.ts";

export interface BenchOptions {
  readonly rows: readonly Row[];
  readonly isQuick: boolean;
  /** Rounds, or null for the default of the kind of run. */
  readonly rounds: number | null;
  /** Paths to write to, or null. */
  readonly json: string | null;
  readonly svg: string | null;
  /** Whether docs/benchmark.md and its chart are brought up to date. */
  readonly updatesDocs: boolean;
  /** The parent of the temporary directory, or null for the default of the system. */
  readonly dir: string | null;
  /** Whether a missed target is a failure. */
  readonly isCheck: boolean;
  readonly help: boolean;
}

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Columns of the list of rows in the help. */
const WIDTH = 60;

export const HELP = `Usage: deno task bench [OPTION]...

Measures Wireserve, Deno.serve, node:http, nginx, Caddy and a bare loop of reads and writes.

  --quick          two minutes, one round; else twelve, five rounds
  --rounds N       another number of rounds, in the same time
  --only ROW,ROW   these rows only:
                   ${wrap(ROWS.map(({ id }) => id)).join("\n                   ")}
  --check          exit with 1 if a target of these rows is missed
  --json FILE      write all figures
  --svg FILE       write the chart
  --docs           bring docs/benchmark.md and docs/bench.svg up to date
  --dir DIR        read and write files on the disk of DIR
  --help           show this text
`;

function wrap(words: readonly string[]): string[] {
  const lines = [""];
  for (const word of words) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + word.length < WIDTH) lines[lines.length - 1] = `${line}, ${word}`;
    else lines.push(word);
  }
  return lines;
}

/**
 * Parses the command line.
 *
 * @throws {UsageError} for an unknown flag or a bad value.
 */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const flags = parseArgs([...args], {
    string: ["rounds", "only", "json", "svg", "dir"],
    boolean: ["quick", "check", "docs", "help"],
    unknown(argument) {
      throw new UsageError(`unknown argument ${JSON.stringify(argument)}`);
    },
  });
  const text = (name: string): string | null => {
    const value: unknown = flags[name];
    if (value === undefined) return null;
    if (typeof value === "string" && value !== "") return value;
    throw new UsageError(`--${name} needs one value`);
  };
  return {
    rows: parseOnly(text("only")),
    isQuick: flags["quick"] === true,
    rounds: parseRounds(text("rounds")),
    json: text("json"),
    svg: text("svg"),
    updatesDocs: flags["docs"] === true,
    dir: text("dir"),
    isCheck: flags["check"] === true,
    help: flags["help"] === true,
  };
}

function parseOnly(value: string | null): readonly Row[] {
  if (value === null) return ROWS;
  const ids = value.split(",");
  const unknown = ids.find((id) => !ROWS.some((row) => row.id === id));
  if (unknown !== undefined) throw new UsageError(`unknown row ${JSON.stringify(unknown)}`);
  return ROWS.filter(({ id }) => ids.includes(id));
}

/** With more rounds, slices would be too short. */
const MOST_ROUNDS = 9;

function parseRounds(value: string | null): number | null {
  if (value === null) return null;
  const rounds = /^[0-9]$/.test(value) ? Number(value) : 0;
  if (rounds >= 1) return rounds;
  throw new UsageError(`--rounds takes a number from 1 to ${MOST_ROUNDS}`);
}
