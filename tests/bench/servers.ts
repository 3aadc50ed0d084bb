// The servers while they run: each on a port and a directory of its own.

import { RawClient } from "../support/raw_client.ts";
import type { Recipe } from "./recipes.ts";

/** Where a server listens on this machine, and the authority of its certificate, if it has one. */
export interface Address {
  readonly port: number;
  readonly authority: string | null;
}

/** Opens a connection, over TLS if the server wants it. */
export async function connect({ port, authority }: Address): Promise<RawClient> {
  if (authority === null) return await RawClient.connect(port);
  const caCerts = [authority];
  return new RawClient(await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts }));
}

/** Milliseconds that a server may take to start: far more than it needs. */
const PATIENCE = 15_000;

export class RunningServer {
  readonly recipe: Recipe;
  readonly address: Address;
  readonly #process: Deno.ChildProcess;
  #hasEnded = false;
  #startup = 0;

  private constructor(recipe: Recipe, port: number, process: Deno.ChildProcess) {
    this.recipe = recipe;
    this.address = { port, authority: recipe.authority };
    this.#process = process;
    process.status.then(() => this.#hasEnded = true);
  }

  /**
   * Starts a server on a free port, and waits for its first response.
   *
   * @param root An existing directory for this server alone.
   * @throws {Error} if it ends, or does not answer in time.
   */
  static async start(recipe: Recipe, root: string): Promise<RunningServer> {
    const port = freePort();
    const [directory, own] = [`${root}/files`, `${root}/own`];
    await Deno.mkdir(directory, { recursive: true });
    await Deno.mkdir(own, { recursive: true });
    const args = await recipe.args({ port, directory, own });
    const before = performance.now();
    const process = new Deno.Command(recipe.program, {
      args,
      // Caddy keeps its configuration in the directories of the user, unless these say otherwise.
      env: { NO_COLOR: "1", XDG_CONFIG_HOME: own, XDG_DATA_HOME: own },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const server = new RunningServer(recipe, port, process);
    try {
      await server.#untilItAnswers();
      server.#startup = performance.now() - before;
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Milliseconds from its start to the end of its first response. */
  get startup(): number {
    return this.#startup;
  }

  async #untilItAnswers(): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (!await hasAnswer(this.address)) {
      if (this.#hasEnded) throw new Error(`${this.recipe.name} has ended at its start`);
      if (performance.now() > end) throw new Error(`${this.recipe.name} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) this.#process.kill("SIGTERM");
    await this.#process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function hasAnswer(address: Address): Promise<boolean> {
  try {
    using client = await connect(address);
    await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const { status } = await client.readResponse();
    // Below a path of its own, a server has nothing at "/".
    if (status !== 200 && status !== 404) throw new Error(`/ is answered with ${status}`);
    return true;
  } catch (error) {
    // Wireserve first tries whether it can share a port: connections at that moment are reset.
    const isEarly = error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
    if (isEarly) return false;
    throw error;
  }
}
