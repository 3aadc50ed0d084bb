// The flags that a command line gives, before anybody has looked at their values: parseArgs, and
// what it takes amiss.

import { parseArgs } from "@std/cli/parse-args";
import { ALL_FLAGS, type FlagName, type Value } from "./flags.ts";
import { printable, UsageError } from "./values.ts";

/** The flags that have been given. */
export class GivenFlags {
  readonly #values: Readonly<Record<string, unknown>>;

  /**
   * @param args The arguments, without the program's name.
   * @throws {UsageError} for what is no flag, and for a value where none belongs.
   */
  constructor(args: readonly string[]) {
    this.#values = parseArgs(args.flatMap(normalize), {
      string: namesOf((value) => value !== undefined),
      boolean: namesOf((value) => value === undefined),
      collect: namesOf((value) => value?.isList === true),
      alias: Object.fromEntries(
        ALL_FLAGS.flatMap(([name, { short }]) => short === undefined ? [] : [[name, short]]),
      ),
      unknown(argument) {
        if (argument === "") throw new UsageError("an argument is empty");
        const kind = argument.startsWith("-") ? "flag" : "argument";
        throw new UsageError(`unknown ${kind} ${printable(argument)}`);
      },
    });
    const [stray] = this.#values["_"] as (string | number)[];
    if (stray !== undefined) throw new UsageError(`unknown argument ${printable(String(stray))}`);
  }

  /** Whether a flag has been given, be its value what it may. */
  has(name: string): boolean {
    const value = this.#values[name];
    return Array.isArray(value) ? value.length > 0 : typeof value === "string" || value === true;
  }

  /** The value of a flag: the last one, or the default, or nothing. */
  text(name: FlagName): string {
    const value = this.#values[name];
    if (typeof value === "string") return value;
    return FLAGS_BY_NAME.get(name)?.value?.default ?? "";
  }

  /** All values of a flag that may be given several times. */
  list(name: FlagName): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value : [];
  }
}

const FLAGS_BY_NAME = new Map(ALL_FLAGS);

function namesOf(matches: (value: Value | undefined) => boolean): FlagName[] {
  return ALL_FLAGS.filter(([, { value }]) => matches(value)).map(([name]) => name);
}

/** The short flags that take a value, and the flags, by both of their names, that take none. */
const SHORT_WITH_VALUE = ALL_FLAGS.flatMap(([, { short, value }]) => value && short ? [short] : []);
const WITHOUT_VALUE = new Set<string>(
  ALL_FLAGS.flatMap(([name, { short, value }]) => value ? [] : [name, short ?? name]),
);

/** A value that stands right behind its short flag, as in `-d/srv` and `-p=80`. */
const ATTACHED = new RegExp(`^-([${SHORT_WITH_VALUE.join("")}])=?(.+)$`, "s");

/**
 * What parseArgs takes amiss: a value that stands right behind its short flag, as in `-d/srv`, and
 * one given to a flag that has none, of which any but `false` would count as true.
 */
function normalize(argument: string, index: number, all: readonly string[]): string[] {
  const [, flag, value] = ATTACHED.exec(argument) ?? [];
  if (flag !== undefined && value !== undefined) return [`-${flag}`, value];
  const [, name = ""] = /^--?([^=]*)=/.exec(argument) ?? [];
  if (WITHOUT_VALUE.has(name)) throw new UsageError(`${argument.split("=")[0]} takes no value`);
  const [, before = ""] = /^--?(.*)$/.exec(all[index - 1] ?? "") ?? [];
  if (WITHOUT_VALUE.has(before) && (argument === "true" || argument === "false")) {
    throw new UsageError(`${all[index - 1]} takes no value`);
  }
  return [argument];
}
