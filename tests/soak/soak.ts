// The soak: hundreds of clients at a time, each behaving as chance has it, for a while; and then
// the server is looked over. Nothing may be left behind: no byte, no file, no connection.

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { listTree } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { behaviours, type Visitor } from "./behaviours.ts";
import { Random } from "./random.ts";

/** What a soak is asked to do. */
export interface SoakOptions {
  /** Decides every choice. */
  readonly seed: number;
  /** Clients at a time. */
  readonly clients: number;
  /** Milliseconds to go on for. */
  readonly duration: number;
}

/** What a soak has seen. */
export interface SoakReport {
  /** Visits by behaviour. */
  readonly visits: Readonly<Record<string, number>>;
  /** Open descriptors of the server: before, and after. */
  readonly descriptors: readonly [number, number];
  /** Resident memory of the server in MiB: before, after the first visits, and after all. */
  readonly memory: readonly [number, number, number];
}

/** How long a visit may take at the most before it counts as hanging: never reached in earnest. */
const PATIENCE = 60_000;

/** Downloads at once, more than the server codes on their way at a time. */
const CROWD = 40;

/** MiB that the server may have grown by since the first visits: the collector's leeway. */
const MEMORY_LEEWAY = 64;

/**
 * Lets clients loose on the real program, and checks that it has come to no harm.
 *
 * @param path An empty directory to serve.
 */
export async function soak(path: string, options: SoakOptions): Promise<SoakReport> {
  await Deno.writeTextFile(`${path}/large`, new Random(options.seed).text(1 << 20));
  // Deadlines are for the tests of deadlines: here a busy machine makes every client a slow one.
  const patient = ["--header-timeout", "60", "--body-timeout", "60", "--min-rate", "0"];
  const program = await Program.start(["--directory", path, "--log", "off", ...patient]);
  await (await fetch(program.url("/"))).text(); // What is opened at the first need is open now.
  const before = [await countDescriptors(program.pid), await memory(program.pid)] as const;
  const visits = Object.fromEntries(Object.keys(behaviours).map((name) => [name, 0]));

  await crowd(program.port);
  await visitAll(program.port, visits, { ...options, duration: options.duration / 3 }, "early");
  const warm = await memory(program.pid);
  await visitAll(program.port, visits, { ...options, seed: options.seed + 100_000 }, "late");

  const descriptors = await settle(program.pid, before[0]);
  const after = await memory(program.pid);
  const { code, stderr } = await program.stop();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const strays = (await listTree(path)).filter((name) =>
    !/^(large|(early|late)-[0-9]+)$/.test(name)
  );
  assertEquals(strays, []);
  assertLessOrEqual(after, warm + MEMORY_LEEWAY);
  return { visits, descriptors: [before[0], descriptors], memory: [before[1], warm, after] };
}

/**
 * Begins coded downloads, as many as the server has memory for: whether the first visits have
 * brought so many together is chance, and the later ones may.
 */
async function crowd(port: number): Promise<void> {
  const request = "GET /files/large HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n";
  const clients = await Promise.all(Array.from({ length: CROWD }, () => RawClient.connect(port)));
  await Promise.all(clients.map((client) => client.send(request)));
  await Promise.all(clients.map((client) => client.read(1)));
  for (const client of clients) client.close();
}

async function visitAll(
  port: number,
  visits: Record<string, number>,
  { seed, clients, duration }: SoakOptions,
  phase: string,
): Promise<void> {
  const end = performance.now() + duration;
  await Promise.all(Array.from({ length: clients }, async (_, index) => {
    const visitor = { port, random: new Random(seed + index), name: `${phase}-${index}` };
    while (performance.now() < end) {
      const name = visitor.random.pick(Object.keys(behaviours));
      await inTime(visitor, name);
      visits[name]!++;
    }
  }));
}

async function inTime(visitor: Visitor, name: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("It hangs")), PATIENCE);
  });
  try {
    await Promise.race([behaviours[name]!(visitor), late]);
  } catch (error) {
    throw new Error(`${name} of ${visitor.name} went wrong`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until the server has closed what visitors have left behind; gives what stays open. */
async function settle(pid: number, before: number): Promise<number> {
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

/** By a program, since Deno itself wants every permission there is before it reads below /proc. */
async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout);
}
