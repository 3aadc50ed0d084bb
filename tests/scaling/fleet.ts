// Three instances of the real program on one directory, and in front of them a real HAProxy with
// the configuration of docs/scaling/haproxy.cfg, its addresses filled in by the environment.

import { assertEquals } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { type Ended, Output, Program } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const CONFIGURATION = new URL("../../docs/scaling/haproxy.cfg", import.meta.url).pathname;

/** What HAProxy calls the instances. */
const NAMES = ["a", "b", "c"] as const;

/** How often HAProxy asks for /readyz: often, so that tests are fast. */
const CHECK_EVERY = "50ms";

/** One of the instances, which can be ended and started again in its place. */
export class FleetInstance {
  readonly name: string;
  readonly #args: readonly string[];
  #program: Program | null = null;
  /** Where it is; the same after a restart. */
  readonly port = freePort();
  /** Where its admin listener is; the same after a restart. */
  readonly adminPort = freePort();

  constructor(name: string, directory: string, drainDelay: number) {
    this.name = name;
    this.#args = [
      ...["--directory", directory, "--allow-delete", "--log", "json"],
      ...["--bind", "127.0.0.1", "--trust-proxy", "127.0.0.1"],
      ...["--drain-delay", String(drainDelay)],
      // Uploads may wait for as long as a test takes.
      ...["--body-timeout", "0", "--min-rate", "0"],
    ];
  }

  /** The program that is in its place at present. */
  get program(): Program {
    return this.#program!;
  }

  /** Starts it, in its old place if it had one. */
  async start(): Promise<void> {
    const place = ["--port", String(this.port), "--admin", `127.0.0.1:${this.adminPort}`];
    this.#program = await Program.start([...this.#args, ...place]);
  }

  /** The URL of a path, past HAProxy. */
  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** What its admin listener answers. */
  async ask(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, {
      headers: { Accept: "application/json", Connection: "close" },
    });
    return { status: response.status, text: await response.text() };
  }

  /** Ends it with a signal, if it is there. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Ended | null> {
    const program = this.#program;
    this.#program = null;
    return await program?.stop(signal) ?? null;
  }
}

/** One request as HAProxy has logged it. */
export interface LoggedRequest {
  /** The server that it went to last; `<NOSRV>` for none. */
  readonly server: string;
  readonly status: number;
  /** Connections, or requests, that were tried again, with `+` where on another server. */
  readonly retries: string;
  readonly line: string;
}

/** HAProxy while it runs. */
export class Balancer {
  readonly #process: Deno.ChildProcess;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #socket: string;
  #isGone = false;
  /** The port of its front. */
  readonly port: number;

  private constructor(process: Deno.ChildProcess, port: number, socket: string) {
    this.#process = process;
    process.status.then(() => this.#isGone = true);
    this.#stdout = new Output(process.stdout);
    this.#stderr = new Output(process.stderr);
    this.#socket = socket;
    this.port = port;
  }

  static async start(
    instances: readonly FleetInstance[],
    folder: string,
    changes: Readonly<Record<string, string>> = {},
  ): Promise<Balancer> {
    const port = freePort();
    const socket = `${folder}/stats.sock`;
    const places = instances.flatMap(({ name, port, adminPort }) => [
      [`INSTANCE_${name.toUpperCase()}`, `127.0.0.1:${port}`],
      [`ADMIN_${name.toUpperCase()}`, String(adminPort)],
    ]);
    const process = new Deno.Command("haproxy", {
      args: ["-db", "-f", CONFIGURATION],
      env: {
        ...Object.fromEntries(places),
        LISTEN: `127.0.0.1:${port}`,
        STATS_SOCKET: socket,
        CHECK_EVERY,
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

  /** The URL of a path. */
  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** What it answers to a command on its stats socket. */
  async command(text: string): Promise<string> {
    using conn = await Deno.connect({ transport: "unix", path: this.#socket });
    await conn.write(new TextEncoder().encode(`${text}\n`));
    return await new Response(conn.readable).text();
  }

  /** What `show stat` has in a column, by server. */
  async column(name: string): Promise<Map<string, string>> {
    const [head = "", ...rows] = (await this.command("show stat")).trim().split("\n");
    const names = head.replace(/^# /, "").split(",");
    const at = names.indexOf(name);
    return new Map(
      rows.map((row) => row.split(",")).filter(([proxy]) => proxy === "instances")
        .map((cells) => [cells[1]!, cells[at]!]),
    );
  }

  /** Waits until it has seen that servers are up, or down. */
  async untilStates(state: "UP" | "DOWN", names: readonly string[]): Promise<void> {
    await until(async () => {
      if (this.#isGone) throw new Error(`HAProxy is gone: ${this.#stderr.text}`);
      try {
        const states = await this.column("status");
        const checks = await this.column("check_status");
        // Before its first check, a server is taken for sound.
        return names.every((name) => states.get(name) === state && checks.get(name) !== "INI");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false; // It is still starting.
        if (error instanceof Deno.errors.ConnectionRefused) return false;
        throw error;
      }
    });
  }

  /** What it has logged of requests so far. */
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
    if (!this.#isGone) this.#process.kill("SIGTERM");
    await this.#process.status;
    await Promise.all([this.#stdout.done, this.#stderr.done]);
  }
}

/** All of it. */
export interface Fleet {
  readonly directory: string;
  readonly instances: readonly FleetInstance[];
  readonly balancer: Balancer;
}

/**
 * Runs with a fleet; in the end every instance must leave with status 0 and without a word.
 *
 * @param drainDelay Seconds in which HAProxy has to notice that an instance leaves.
 */
export async function withFleet(
  run: (fleet: Fleet) => Promise<void>,
  drainDelay = 0,
): Promise<void> {
  await withDirectory((directory) =>
    withDirectory(async (folder) => {
      const instances = NAMES.map((name) => new FleetInstance(name, directory, drainDelay));
      let balancer: Balancer | null = null;
      try {
        await Promise.all(instances.map((instance) => instance.start()));
        balancer = await Balancer.start(instances, folder);
        await run({ directory, instances, balancer });
      } finally {
        await balancer?.stop();
        const ended = await Promise.all(instances.map((instance) => instance.stop()));
        for (const end of ended) {
          if (end !== null) assertEquals([end.code, end.stderr], [0, ""]);
        }
      }
    })
  );
}
