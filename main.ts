// The command: reads the options, runs the program, sets the exit status.

import config from "./deno.json" with { type: "json" };
import { completions } from "./lib/options/completions.ts";
import { helpText } from "./lib/options/help.ts";
import { UsageError } from "./lib/options/values.ts";
import { readOptions } from "./lib/program/config.ts";
import { messageOf, StartupError } from "./lib/program/startup_error.ts";
import { run } from "./lib/program/program.ts";

/** Exit statuses: for a wrong command line, and for a program that could not start. */
const USAGE = 2;
const FAILURE = 1;

async function main(): Promise<void> {
  const options = readOptions(Deno.args);
  if (options.help) return console.log(helpText().trimEnd());
  if (options.version) return console.log(`wireserve ${config.version}`);
  if (options.completions !== null) return console.log(completions(options.completions).trimEnd());
  await run(options, config.version);
  Deno.exit(0);
}

/** Prints the message on one line of stderr, and exits. */
function fail(error: unknown): never {
  if (!(error instanceof UsageError || error instanceof StartupError)) throw error;
  const isUsage = error instanceof UsageError;
  console.error(`wireserve: ${messageOf(error)}${isUsage ? " (--help shows the flags)" : ""}`);
  Deno.exit(isUsage ? USAGE : FAILURE);
}

if (import.meta.main) await main().catch(fail);
