// The soak test: hundreds of clients at the same time with random behaviours. At the end the server
// must have no more memory, descriptors or files than before.

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { listTree } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { behaviours, type Session } from "./behaviours.ts";
import { Random } from "./random.ts";

export interface SoakOptions {
  readonly seed: number;
  /** Clients at the same time. */
  readonly clients: number;
  /** Milliseconds of the main phase; the first phase takes a third of it. */
  readonly duration: number;
}

export interface SoakReport {
  readonly sessions: Readonly<Record<string, number>>;
  /** Open descriptors of the server: before, and after. */
  readonly descriptors: readonly [number, number];
  /** Resident memory of the server in MiB: before, after the first phase, and after all. */
  readonly memory: readonly [number, number, number];
}

/** Milliseconds after which a session counts as hanging: far more than any takes. */
const TIMEOUT = 60_000;

/** Compressed downloads at once, more than the server compresses at the same time. */
const DOWNLOADS = 40;

/** MiB that the server may grow by after the first phase: the garbage collector may be late. */
const MEMORY_LEEWAY = 64;

/**
 * Runs clients against the real program, and checks it at the end.
 *
 * @param path An empty directory to serve.
 */
export async function soak(path: string, options: SoakOptions): Promise<SoakReport> {
  await Deno.writeTextFile(`${path}/large`, new Random(options.seed).text(1 << 20));
  // The deadlines are long: on a busy machine every client is slow.
  const deadlines = ["--header-timeout", "60", "--body-timeout", "60", "--min-rate", "0"];
  const program = await Program.start(["--directory", path, "--log", "off", ...deadlines]);
  await (await fetch(program.url("/"))).text(); // Opens what is opened on demand.
  const before = [await countDescriptors(program.pid), await memory(program.pid)] as const;
  const sessions = Object.fromEntries(Object.keys(behaviours).map((name) => [name, 0]));

  await startDownloads(program.port);
  await runClients(program.port, sessions, { ...options, duration: options.duration / 3 }, "first");
  const warm = await memory(program.pid);
  await runClients(program.port, sessions, { ...options, seed: options.seed + 100_000 }, "main");

  const descriptors = await untilReleased(program.pid, before[0]);
  const after = await memory(program.pid);
  const { code, stderr } = await program.stop();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const unexpected = (await listTree(path)).filter((name) =>
    !/^(large|(first|main)-[0-9]+)$/.test(name)
  );
  assertEquals(unexpected, []);
  assertLessOrEqual(after, warm + MEMORY_LEEWAY);
  return { sessions, descriptors: [before[0], descriptors], memory: [before[1], warm, after] };
}

/**
 * Begins the maximum of compressed downloads. Their memory would otherwise be part of the growth in
 * the main phase, if the first phase had fewer at the same time by chance.
 */
async function startDownloads(port: number): Promise<void> {
  const download = request("GET /files/large", "Accept-Encoding: gzip");
  const clients = await Promise.all(
    Array.from({ length: DOWNLOADS }, () => RawClient.connect(port)),
  );
  await Promise.all(clients.map((client) => client.send(download)));
  await Promise.all(clients.map((client) => client.read(1)));
  for (const client of clients) client.close();
}

async function runClients(
  port: number,
  sessions: Record<string, number>,
  { seed, clients, duration }: SoakOptions,
  phase: string,
): Promise<void> {
  const end = performance.now() + duration;
  await Promise.all(Array.from({ length: clients }, async (_, index) => {
    const session = { port, random: new Random(seed + index), name: `${phase}-${index}` };
    while (performance.now() < end) {
      const name = session.random.pick(Object.keys(behaviours));
      await runInTime(session, name);
      sessions[name]!++;
    }
  }));
}

async function runInTime(session: Session, name: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("It takes too long")), TIMEOUT);
  });
  try {
    await Promise.race([behaviours[name]!(session), late]);
  } catch (error) {
    throw new Error(`${name} of ${session.name} failed`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until the server has closed the descriptors of all sessions, and counts the rest. */
async function untilReleased(pid: number, before: number): Promise<number> {
  await until(async () => await countDescriptors(pid) <= before);
  return await countDescriptors(pid);
}

async function countDescriptors(pid: number): Promise<number> {
  return (await run("ls", `/proc/${pid}/fd`)).trim().split("\n").length;
}

async function memory(pid: number): Promise<number> {
  const status = await run("cat", `/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+([0-9]+)/.exec(status)![1]) / 1024);
}

/** Runs a program. Deno itself reads below /proc only with all permissions. */
async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout);
}
