// Three instances of the real program on one directory, behind a real HAProxy with the
// configuration of docs/scaling/haproxy.cfg, which takes its addresses from the environment.

import { assertEquals } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { Output, Program, type Stopped } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const CONFIGURATION = new URL("../../docs/scaling/haproxy.cfg", import.meta.url).pathname;

const NAMES = ["a", "b", "c"] as const;

/** The interval of health checks of /readyz: short, so that tests are fast. */
const CHECK_INTERVAL = "50ms";

/** An instance, which can be stopped and started again on the same ports. */
export class FleetInstance {
  readonly name: string;
  readonly #args: readonly string[];
  #program: Program | null = null;
  /** The same after a restart. */
  readonly port = freePort();
  /** The port of its admin listener; the same after a restart. */
  readonly adminPort = freePort();

  constructor(
    name: string,
    directory: string,
    drainDelay: number,
    more: readonly string[] = [],
  ) {
    this.name = name;
    this.#args = [
      ...["--directory", directory, "--allow-delete", "--log", "json"],
      ...["--bind", "127.0.0.1", "--trust-proxy", "127.0.0.1"],
      ...["--drain-delay", String(drainDelay)],
      // Uploads may take as long as a test.
      ...["--body-timeout", "0", "--min-rate", "0"],
      ...more,
    ];
  }

  get program(): Program {
    return this.#program!;
  }

  async start(): Promise<void> {
    const ports = ["--port", String(this.port), "--admin", `127.0.0.1:${this.adminPort}`];
    this.#program = await Program.start([...this.#args, ...ports]);
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async fetchAdmin(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, {
      headers: { Accept: "application/json", Connection: "close" },
    });
    return { status: response.status, text: await response.text() };
  }

  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Stopped | null> {
    const program = this.#program;
    this.#program = null;
    return await program?.stop(signal) ?? null;
  }
}

export interface LoggedRequest {
  /** The last server that it was sent to; `<NOSRV>` for none. */
  readonly server: string;
  readonly status: number;
  /** The number of retries, with `+` if one was on another server. */
  readonly retries: string;
  readonly line: string;
}

export class Balancer {
  readonly #process: Deno.ChildProcess;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #socket: string;
  #hasEnded = false;
  readonly port: number;

  private constructor(process: Deno.ChildProcess, port: number, socket: string) {
    this.#process = process;
    process.status.then(() => this.#hasEnded = true);
    this.#stdout = new Output(process.stdout);
    this.#stderr = new Output(process.stderr);
    this.#socket = socket;
    this.port = port;
  }

  /**
   * Starts HAProxy, and waits until all instances are up.
   *
   * @param directory For its stats socket.
   * @param changes Environment variables that differ.
   */
  static async start(
    instances: readonly FleetInstance[],
    directory: string,
    changes: Readonly<Record<string, string>> = {},
  ): Promise<Balancer> {
    const port = freePort();
    const socket = `${directory}/stats.sock`;
    const addresses = instances.flatMap(({ name, port, adminPort }) => [
      [`INSTANCE_${name.toUpperCase()}`, `127.0.0.1:${port}`],
      [`ADMIN_${name.toUpperCase()}`, String(adminPort)],
    ]);
    const process = new Deno.Command("haproxy", {
      args: ["-db", "-f", CONFIGURATION],
      env: {
        ...Object.fromEntries(addresses),
        LISTEN: `127.0.0.1:${port}`,
        STATS_SOCKET: socket,
        CHECK_EVERY: CHECK_INTERVAL,
        ...changes,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const balancer = new Balancer(process, port, socket);
    await balancer.untilStates("UP", NAMES);
    return balancer;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async command(text: string): Promise<string> {
    using conn = await Deno.connect({ transport: "unix", path: this.#socket });
    await conn.write(new TextEncoder().encode(`${text}\n`));
    return await new Response(conn.readable).text();
  }

  /** A column of `show stat`, by server. */
  async column(name: string): Promise<Map<string, string>> {
    const [head = "", ...rows] = (await this.command("show stat")).trim().split("\n");
    const names = head.replace(/^# /, "").split(",");
    const at = names.indexOf(name);
    return new Map(
      rows.map((row) => row.split(",")).filter(([proxy]) => proxy === "instances")
        .map((cells) => [cells[1]!, cells[at]!]),
    );
  }

  /** Waits until its health checks report servers as up, or as down. */
  async untilStates(state: "UP" | "DOWN", names: readonly string[]): Promise<void> {
    await until(async () => {
      if (this.#hasEnded) throw new Error(`HAProxy has ended: ${this.#stderr.text}`);
      try {
        const states = await this.column("status");
        const checks = await this.column("check_status");
        // Before its first check, a server counts as up.
        return names.every((name) => states.get(name) === state && checks.get(name) !== "INI");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false; // It is still starting.
        if (error instanceof Deno.errors.ConnectionRefused) return false;
        throw error;
      }
    });
  }

  get log(): LoggedRequest[] {
    const lines = this.#stdout.text.matchAll(
      /^\S+ (\S+) (-?[0-9]+) \S\S (\S+) [0-9+-]+ "([^"]*)"$/gm,
    );
    return [...lines].map(([, server, status, retries, line]) => ({
      server: server!,
      status: Number(status),
      retries: retries!,
      line: line!,
    }));
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) this.#process.kill("SIGTERM");
    await this.#process.status;
    await Promise.all([this.#stdout.done, this.#stderr.done]);
  }
}

export interface Fleet {
  readonly directory: string;
  readonly instances: readonly FleetInstance[];
  readonly balancer: Balancer;
}

/** How the instances of a fleet are started. */
export interface FleetOptions {
  /** Seconds in which HAProxy has to notice that an instance is not ready. */
  readonly drainDelay?: number;
  /** Further arguments of the instances, in their order. */
  readonly args?: readonly (readonly string[])[];
}

/** Runs with a fleet. At the end, every instance must end with status 0 and an empty stderr. */
export async function withFleet(
  run: (fleet: Fleet) => Promise<void>,
  drainDelay = 0,
): Promise<void> {
  await withDirectory((directory) =>
    withFleetOn([directory, directory, directory], run, { drainDelay })
  );
}

/**
 * Runs with a fleet as {@linkcode withFleet} does.
 *
 * @param directories The path of the same directory, as each instance sees it.
 */
export async function withFleetOn(
  directories: readonly [string, string, string],
  run: (fleet: Fleet) => Promise<void>,
  { drainDelay = 0, args = [] }: FleetOptions = {},
): Promise<void> {
  await withDirectory(async (temporary) => {
    const instances = NAMES.map((name, index) =>
      new FleetInstance(name, directories[index]!, drainDelay, args[index])
    );
    let balancer: Balancer | null = null;
    try {
      await Promise.all(instances.map((instance) => instance.start()));
      balancer = await Balancer.start(instances, temporary);
      await run({ directory: directories[0], instances, balancer });
    } finally {
      await balancer?.stop();
      const ended = await Promise.all(instances.map((instance) => instance.stop()));
      for (const end of ended) {
        if (end !== null) assertEquals([end.code, end.stderr], [0, ""]);
      }
    }
  });
}
