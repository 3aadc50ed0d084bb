// The command: options -> routes -> server. The only file that knows everyone.

import config from "./deno.json" with { type: "json" };
import { AccessLog } from "./lib/access_log.ts";
import { Directory } from "./lib/files/directory.ts";
import { fileHandlers } from "./lib/files/handlers.ts";
import { sweep } from "./lib/files/sweep.ts";
import { completions } from "./lib/options/completions.ts";
import { helpText } from "./lib/options/help.ts";
import { type Options, parseOptions } from "./lib/options/parse.ts";
import { UsageError } from "./lib/options/values.ts";
import { router } from "./lib/router.ts";
import { routes } from "./lib/routes.ts";
import { serve, type Server } from "./lib/server/listener.ts";

/** Exit statuses: the command line was wrong; the server could not start. */
const USAGE = 2;
const FAILURE = 1;

async function main(): Promise<void> {
  const options = orExit(USAGE, () => parseOptions(Deno.args));
  if (options.help) return console.log(helpText().trimEnd());
  if (options.version) return console.log(`wireserve ${config.version}`);
  if (options.completions !== null) return console.log(completions(options.completions).trimEnd());
  const { directory: path } = options;
  const directory = path === null ? null : orExit(USAGE, () => openDirectory(path, options));

  // Before the first connection: Deno panics where no descriptor is left for a signal.
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stopped.resolve());
  }
  const log = new AccessLog(options.log, Deno.stdout);
  const server = orExit(FAILURE, () => start(options, directory, log));
  log.event("serving", `${directory?.path ?? "no directory"} at ${server.url}`);
  await log.flush();
  if (directory !== null && !options.files.isReadOnly) sweepStale(directory, log);
  await stopped.promise;
  await Promise.race([server.close().then(() => log.flush()), elapse(LONGEST_END)]);
  Deno.exit(0);
}

/** Beside the serving: a large directory takes its time. */
async function sweepStale(directory: Directory, log: AccessLog): Promise<void> {
  const removed = await sweep(directory.path, (error) => console.error(error));
  if (removed > 0) log.event("swept", `${removed} unfinished uploads away`);
}

/** Milliseconds for all that is under way to be given up, and for the log to be written. */
const LONGEST_END = 3000;

function elapse(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function openDirectory(path: string, { files }: Options): Directory {
  try {
    return new Directory(path, files.showsHidden);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    const problem = isMissing ? "is not a directory" : `cannot be served: ${messageOf(error)}`;
    throw new UsageError(`--directory ${JSON.stringify(path)} ${problem}`);
  }
}

function start(
  options: Options,
  directory: Directory | null,
  log: AccessLog,
): Server {
  const { bind: hostname, port, verbose, limits } = options;
  try {
    return serve(router(routes(fileHandlers(directory, options.files))), {
      hostname,
      port,
      limits,
      observer: {
        ...(options.log === "off" ? {} : { onExchange: (record) => log.request(record) }),
        onOpen: (client) => verbose && log.event("opened", client),
        onClose: (client) => verbose && log.event("closed", client),
      },
    });
  } catch (error) {
    const problem = error instanceof Deno.errors.AddrInUse
      ? "the port is in use"
      : messageOf(error);
    throw new Error(`cannot listen on ${hostname}, port ${port}: ${problem}`);
  }
}

/** What `action` gives; where it throws, its message on one line of stderr, and the end. */
function orExit<T>(status: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const hint = error instanceof UsageError ? " (--help shows the flags)" : "";
    console.error(`wireserve: ${messageOf(error)}${hint}`);
    Deno.exit(status);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll("\n", " ") : String(error);
}

if (import.meta.main) await main();
