// The servers: each is started on a port and a directory of its own. Wireserve is the program as
// your_program.sh runs it, without its log.

import { RawClient } from "../support/raw_client.ts";
import { nginxConfig } from "./servers/nginx.ts";
import { type Family, FAMILY_NAMES, SIZES, type Work } from "./works.ts";

/** A server in one idiom. */
export interface Recipe {
  readonly family: Family;
  /** Its name, with the idiom if there are several. */
  readonly name: string;
  /** How it reads files; the first idiom takes part in every row. */
  readonly reading: "readable" | "whole" | null;
  readonly program: string;
  /** Its arguments for a port, the directory of /files, and a directory for its own files. */
  readonly args: (port: number, directory: string, own: string) => Promise<string[]>;
}

export interface Programs {
  /** Node.js, or null if Deno runs its server. */
  readonly node: string | null;
  readonly nginx: string | null;
  readonly hasDav: boolean;
}

const ROOT = new URL("../../", import.meta.url).pathname;
const PEERS = new URL("./servers/", import.meta.url).pathname;

/** The arguments of Deno that run Wireserve: those of your_program.sh. */
export const WIRESERVE: readonly string[] = [
  "run",
  "--config",
  `${ROOT}deno.json`,
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-sys=statfs",
  `${ROOT}main.ts`,
];

const PEER = ["run", "--no-config", "--allow-net", "--allow-read", "--allow-write"];

export function recipes({ node, nginx, hasDav }: Programs): Recipe[] {
  const deno = Deno.execPath();
  const readings = ["readable", "whole"] as const;
  const served = readings.map((reading): Recipe => ({
    family: "deno",
    name: `Deno.serve (${reading === "whole" ? "readFile" : "file.readable"})`,
    reading,
    program: deno,
    args: (port, directory) =>
      Promise.resolve([...PEER, `${PEERS}deno_serve.ts`, `${port}`, directory, reading]),
  }));
  const noded = readings.map((reading): Recipe => ({
    family: "node",
    name: `node:http (${reading === "whole" ? "readFile" : "createReadStream"})`,
    reading,
    program: node ?? deno,
    args: (port, directory) => {
      const runner = node === null ? PEER : [];
      return Promise.resolve([...runner, `${PEERS}node_http.mjs`, `${port}`, directory, reading]);
    },
  }));
  return [
    wireserveRecipe("wireserve", []),
    wireserveRecipe("workers", ["--workers", "2"]),
    {
      family: "floor",
      name: FAMILY_NAMES.floor,
      reading: null,
      program: deno,
      args: (port) => Promise.resolve([...PEER, `${PEERS}floor.ts`, `${port}`]),
    },
    ...served,
    ...noded,
    ...(nginx === null ? [] : [nginxRecipe(nginx, hasDav)]),
  ];
}

function wireserveRecipe(family: Family, flags: readonly string[]): Recipe {
  return {
    family,
    name: FAMILY_NAMES[family],
    reading: null,
    program: Deno.execPath(),
    args: (port, directory) =>
      Promise.resolve([
        ...WIRESERVE,
        ...["--directory", directory, "--port", `${port}`, "--log", "off", ...flags],
      ]),
  };
}

function nginxRecipe(program: string, hasDav: boolean): Recipe {
  return {
    family: "nginx",
    name: FAMILY_NAMES.nginx,
    reading: null,
    program,
    async args(port, directory, own) {
      const path = `${own}/nginx.conf`;
      await Deno.writeTextFile(path, nginxConfig(port, directory, own, hasDav));
      return ["-p", own, "-c", path, "-e", `${own}/error.log`];
    },
  };
}

export function takesPart(recipe: Recipe, work: Work, { hasDav }: Programs): boolean {
  if (!work.families.includes(recipe.family)) return false;
  if (recipe.family === "nginx" && work.request.upload > 0 && !hasDav) return false;
  return work.isFile || recipe.reading !== "whole";
}

/** Milliseconds that a server may take to start: far more than it needs. */
const PATIENCE = 15_000;

export class RunningServer {
  readonly recipe: Recipe;
  readonly port: number;
  readonly #process: Deno.ChildProcess;
  #hasEnded = false;
  #startup = 0;

  private constructor(recipe: Recipe, port: number, process: Deno.ChildProcess) {
    this.recipe = recipe;
    this.port = port;
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
    const args = await recipe.args(port, directory, own);
    const before = performance.now();
    const process = new Deno.Command(recipe.program, {
      args,
      env: { NO_COLOR: "1" },
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
    while (!await hasAnswer(this.port)) {
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

async function hasAnswer(port: number): Promise<boolean> {
  try {
    using client = await RawClient.connect(port);
    await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const { status } = await client.readResponse();
    if (status !== 200) throw new Error(`/ is answered with ${status}`);
    return true;
  } catch (error) {
    // Wireserve first tries whether it can share a port: connections at that moment are reset.
    const isEarly = error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
    if (isEarly) return false;
    throw error;
  }
}

/**
 * Links the files into the directory of a server: they exist once on the disk.
 *
 * @param originals The directory of the files, which the first call writes.
 * @param works The rows that need them.
 */
export async function provideFiles(
  originals: string,
  directory: string,
  works: readonly Work[],
): Promise<void> {
  await Deno.mkdir(originals, { recursive: true });
  await Deno.mkdir(`${directory}/files`, { recursive: true });
  for (const name of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
    if (!works.some(({ request }) => request.path === `/files/${name}`)) continue;
    const original = `${originals}/${name}`;
    if (!await isThere(original)) await Deno.writeFile(original, contentOf(SIZES[name]));
    await Deno.link(original, `${directory}/files/${name}`);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The bytes of a file: a pattern in which no block equals another. */
export function contentOf(size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at + 1, 0x9e3779b1);
  return new Uint8Array(words.buffer, 0, size);
}
