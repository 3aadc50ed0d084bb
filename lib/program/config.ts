// The options, from the command line, the environment and a file. Both are only read where Deno
// permits it: there is no prompt.

import { configFileOf, type Options, parseOptions } from "../options/parse.ts";
import { type Layer, readConfig, readEnvironment } from "../options/layers.ts";
import { printable, UsageError } from "../options/values.ts";
import { quoteForShell } from "./permissions.ts";
import { messageOf, StartupError } from "./startup_error.ts";

/**
 * The options of the program.
 *
 * @throws {UsageError} for what is wrong in one of the three.
 * @throws {StartupError} for a file that cannot be read.
 */
export function readOptions(args: readonly string[]): Options {
  const environment = readEnvironment(readVariable);
  const path = configFileOf(args, environment);
  const file: Layer[] = path === null ? [] : [readConfig(readText(path), path)];
  return parseOptions(args, [environment, ...file]);
}

function readVariable(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

function readText(path: string): string {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
    const flag = quoteForShell(`--allow-read=${path}`);
    throw new StartupError(`not permitted: run deno with ${flag}`);
  }
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new UsageError(`--config ${printable(path)}: there is no such file`);
    }
    throw new StartupError(`cannot read ${printable(path)}: ${messageOf(error)}`);
  }
}
