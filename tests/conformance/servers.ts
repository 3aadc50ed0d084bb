// The servers that the task starts: each on a port and a directory of its own, on 127.0.0.1.

import { ORIGIN, peers } from "./peers/peers.ts";
import type { Target } from "./run.ts";

/** A program that serves: how it is found, started and reached. */
export interface Recipe {
  readonly name: string;
  /** The Debian package, or null where nothing needs to be installed. */
  readonly package: string | null;
  readonly program: string;
  /** Prints the version. */
  readonly versionArgs: readonly string[];
  /** Its arguments, once its files are in the directory. */
  readonly args: (place: Place) => readonly string[] | Promise<readonly string[]>;
  readonly env?: Readonly<Record<string, string>>;
  readonly get: string;
  readonly post: string;
}

/** Where a server runs. */
export interface Place {
  readonly port: number;
  /** The port of the origin for servers that cannot read a POST themselves. */
  readonly originPort: number;
  /** An existing directory for its files. */
  readonly directory: string;
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** Wireserve, as your_program.sh runs it. */
export const WIRESERVE: Recipe = {
  name: "Wireserve",
  package: null,
  program: Deno.execPath(),
  versionArgs: ["run", "--config", `${ROOT}deno.json`, `${ROOT}main.ts`, "--version"],
  args: ({ port, directory }) => [
    ...["run", "--config", `${ROOT}deno.json`],
    ...["--allow-net", "--allow-read", "--allow-write"],
    "--allow-sys=statfs,networkInterfaces,hostname",
    ...[`${ROOT}main.ts`, "--directory", directory, "--port", `${port}`, "--log", "off"],
  ],
  get: "/",
  post: "/files/p",
};

/** All servers of `--peers`, Wireserve first. */
export const ALL: readonly Recipe[] = [WIRESERVE, ...peers];

/** The version of a server as it says it, or null if it is not installed. */
export async function versionOf({ program, versionArgs }: Recipe): Promise<string | null> {
  try {
    const { stdout, stderr } = await new Deno.Command(program, { args: [...versionArgs] })
      .output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return /[0-9]+(?:\.[0-9]+)+/.exec(text)?.[0] ?? "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Milliseconds that a server may take to start: far more than it needs. */
const PATIENCE = 15_000;

/**
 * Runs something while a server serves, and ends the server.
 *
 * @throws {Error} if the server ends at its start, or does not answer in time.
 */
export async function withServer<T>(
  recipe: Recipe,
  run: (target: Target) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "wireserve-conformance-" });
  const processes: Deno.ChildProcess[] = [];
  const start = (program: string, args: readonly string[], env = {}) => {
    const process = new Deno.Command(program, {
      args: [...args],
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    processes.push(process);
    return process;
  };
  try {
    await Deno.chmod(directory, 0o755); // Some servers give up root.
    const [port, originPort] = [freePort(), freePort()];
    start(Deno.execPath(), ["run", "--no-config", "--allow-net", ORIGIN, `${originPort}`]);
    const args = await recipe.args({ port, originPort, directory });
    const server = start(recipe.program, args, recipe.env);
    await untilAccepting(originPort, processes[0]!, "the origin");
    await untilAccepting(port, server, recipe.name);
    const profile = { get: recipe.get, post: recipe.post, host: "h" };
    return await run({ hostname: "127.0.0.1", port, isSecure: false, profile });
  } finally {
    for (const process of processes) await stop(process);
    await Deno.remove(directory, { recursive: true });
  }
}

async function stop(process: Deno.ChildProcess): Promise<void> {
  try {
    process.kill("SIGTERM");
  } catch {
    // It has ended already.
  }
  const timer = setTimeout(() => process.kill("SIGKILL"), 5000);
  await process.status;
  clearTimeout(timer);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function untilAccepting(
  port: number,
  process: Deno.ChildProcess,
  name: string,
): Promise<void> {
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  for (const end = performance.now() + PATIENCE;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    if (hasEnded) throw new Error(`${name} has ended at its start`);
    if (performance.now() > end) throw new Error(`${name} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
