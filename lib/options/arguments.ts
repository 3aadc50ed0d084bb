// The command line. @std/cli reads the flags; what it would misread is refused.

import { parseArgs } from "@std/cli/parse-args";
import { ALL_FLAGS, type FlagName, FLAGS } from "./flags.ts";
import { type Layer, suggestion } from "./layers.ts";
import { printable, UsageError } from "./values.ts";

type Values = Readonly<Record<string, readonly string[]>>;

/**
 * What parseArgs misreads: `-da=b` as `-d b`, `--no-port=1` as `--port 1`, `--help=` as `--help`.
 * What is left: it takes `--d` for `-d`.
 */
const MISREAD = /^-([^=-][^=]+=|-no-[^=]*=|[^=]*=$)/s;

/**
 * What a command line says.
 *
 * @throws {UsageError} for unknown flags, missing values, and values of flags that take none.
 */
export function readArguments(args: readonly string[]): Layer {
  const names = ALL_FLAGS.map(([name]) => name);
  const { paths, rest } = separate(args);
  const parsed: Readonly<Record<string, unknown>> = parseArgs(rest, {
    // All flags: a boolean would take `=no` for true, and only lists keep every value to check.
    string: [...names, "_"],
    collect: names,
    alias: Object.fromEntries(
      ALL_FLAGS.flatMap(([name, { short }]) => short === undefined ? [] : [[name, short]]),
    ),
    unknown(argument) {
      if (!isPath(argument)) throw unknownArgument(argument);
    },
  });
  for (const [name, { value }] of ALL_FLAGS) {
    const wrong = (parsed as Values)[name]!
      .find((each) => (each === "") === (value !== undefined));
    if (wrong === "") throw new UsageError(`--${name} needs a value: --${name} ${value!.name}`);
    if (wrong !== undefined) throw new UsageError(`--${name} takes no value`);
  }
  const misread = args.find((argument) => MISREAD.test(argument));
  if (misread !== undefined) {
    throw new UsageError(`unclear argument ${printable(misread)}: put the value in one of its own`);
  }
  const [path, another] = [...paths, ...parsed["_"] as readonly string[]];
  if (path === "") throw unknownArgument(path);
  if (another !== undefined) {
    throw new UsageError(`${printable(another)} is one path too many: only one can be served`);
  }
  const given = Object.entries(parsed as Values)
    .filter(([name, values]) => Object.hasOwn(FLAGS, name) && values.length > 0);
  return new Map([...given, ...(path === undefined ? [] : [["path", [path]] as const])]);
}

/** The letters of flags that take no value. */
const SWITCHES: ReadonlySet<string | undefined> = new Set(
  ALL_FLAGS.filter(([, { value }]) => value === undefined).map(([, { short }]) => short),
);

/**
 * The paths behind flags that take no value, and the other arguments: parseArgs would take such a path
 * for the value.
 */
function separate(args: readonly string[]): { readonly paths: string[]; readonly rest: string[] } {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const isOfSwitch = (argument: string, at: number): boolean =>
    at > 0 && at < end && isPath(argument) && isSwitch(args[at - 1]!);
  return {
    paths: args.filter(isOfSwitch),
    rest: args.filter((argument, at) => !isOfSwitch(argument, at)),
  };
}

/** Whether an argument consists of flags that take no value. */
function isSwitch(argument: string): boolean {
  const [, name, letters] = /^--([a-z-]+)$|^-([a-z]+)$/.exec(argument) ?? [];
  if (letters !== undefined) return [...letters].every((letter) => SWITCHES.has(letter));
  return name !== undefined && Object.hasOwn(FLAGS, name) && !("value" in FLAGS[name as FlagName]);
}

/** Whether an argument is a path: Deno drops the first `--` itself, so `-` is for ./-. */
function isPath(argument: string): boolean {
  return argument !== "" && !argument.startsWith("-");
}

function unknownArgument(argument: string): UsageError {
  if (argument === "") return new UsageError("an argument is empty");
  return new UsageError(`unknown flag ${printable(argument)}${suggestion(argument)}`);
}
