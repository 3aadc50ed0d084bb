// Floods against the real program, each beside a healthy client with another address: what the
// client notices, and what the server spends.

import { makeCertificates } from "../support/certificates.ts";
import { Output, Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";

/** One flood. */
export interface Flood {
  readonly name: string;
  /** Connections of the attacker. */
  readonly connections: number;
  /** Source addresses among which they are divided. */
  readonly addresses: number;
  /** MiB of resident memory that the server may have in it. */
  readonly maxMemory: number;
  /** Whether the server speaks TLS. */
  readonly isSecure?: boolean;
  /** A file whose response to the healthy client must be compressed in the flood, too. */
  readonly compressed?: string;
}

/** All floods. */
export const FLOODS: readonly Flood[] = [
  { name: "slow-readers", connections: 5000, addresses: 1, maxMemory: 700 },
  { name: "slow-heads", connections: 1000, addresses: 1, maxMemory: 300 },
  { name: "many-ranges", connections: 64, addresses: 1, maxMemory: 300 },
  { name: "too-many-ranges", connections: 64, addresses: 1, maxMemory: 300 },
  { name: "brotli", connections: 64, addresses: 32, maxMemory: 400 },
  {
    name: "compressors",
    connections: 200,
    addresses: 1,
    maxMemory: 500,
    compressed: "/files/text.txt",
  },
  { name: "listing", connections: 20, addresses: 20, maxMemory: 500 },
  { name: "slow-listing", connections: 200, addresses: 20, maxMemory: 500 },
  { name: "one-byte-chunks", connections: 20, addresses: 1, maxMemory: 300 },
  { name: "unread-pipelines", connections: 20, addresses: 1, maxMemory: 300 },
  { name: "handshakes", connections: 2000, addresses: 1, maxMemory: 400, isSecure: true },
];

/** Milliseconds that the 99th percentile may always reach, and by how much it may grow. */
const MAX_P99 = 50;
const MAX_GROWTH = 10;

/** Latencies of the healthy client in milliseconds. */
export interface Latencies {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What one flood did. */
export interface FloodReport {
  readonly flood: string;
  readonly before: Latencies;
  readonly during: Latencies;
  /** MiB of resident memory: before, and the most during the flood. */
  readonly memory: readonly [number, number];
  /** The server's part of one core during the flood, in percent. */
  readonly cpu: number;
  /** The part of the time in which its main thread waited for a processor, in percent: noise. */
  readonly delay: number;
  /** What the attacker says that it has done. */
  readonly attack: string;
  /** What is too much; empty if the server passes. */
  readonly problems: readonly string[];
}

/** How floods are run. */
export interface FloodOptions {
  /** Seconds of each flood. */
  readonly seconds: number;
  /** Connections of the attacker are multiplied by it, and the entries of the directory. */
  readonly scale?: number;
}

const ATTACKER = new URL("attacker.py", import.meta.url).pathname;

/** Entries of the large directory. */
const ENTRIES = 100_000;

const LARGE = 64 << 20;

/** Makes the files that the floods ask for. */
export async function prepare(path: string, entries = ENTRIES): Promise<void> {
  await Deno.writeTextFile(`${path}/healthy`, "healthy\n");
  const lines = Array.from({ length: 200_000 }, (_, at) => `${at * 7919 % 65_537} of ${at}\n`);
  const text = lines.join("");
  await Deno.writeTextFile(`${path}/text.txt`, text);
  await Deno.writeTextFile(`${path}/text-64k.txt`, text.slice(0, 65_536));
  await Deno.writeFile(`${path}/medium`, new Uint8Array(1 << 20));
  await Deno.writeFile(`${path}/large`, new Uint8Array(LARGE));
  await Deno.mkdir(`${path}/many`);
  for (let at = 0; at < entries; at++) {
    Deno.openSync(`${path}/many/entry-${at}.txt`, { write: true, create: true }).close();
  }
}

/** Runs one flood against a program of its own, which serves a prepared directory. */
export async function runFlood(
  flood: Flood,
  path: string,
  options: FloodOptions,
): Promise<FloodReport> {
  let report: FloodReport | null = null;
  await withDirectory(async (certificates) => {
    const secure = flood.isSecure ? await secureFlags(certificates) : null;
    const flags = ["--directory", path, "--log", "off", ...secure?.flags ?? []];
    const program = await Program.start(flags);
    try {
      report = await observe(flood, program, { ...options, authority: secure?.authority ?? null });
    } finally {
      await program.stop("SIGKILL");
    }
  });
  return report!;
}

async function secureFlags(path: string): Promise<{ flags: string[]; authority: string }> {
  const { authority, one } = await makeCertificates(path);
  await Deno.writeTextFile(`${path}/cert`, one.cert);
  await Deno.writeTextFile(`${path}/key`, one.key);
  return { flags: ["--tls-cert", `${path}/cert`, "--tls-key", `${path}/key`], authority };
}

interface ObserveOptions extends FloodOptions {
  readonly authority: string | null;
}

async function observe(
  flood: Flood,
  program: Program,
  { seconds, scale = 1, authority }: ObserveOptions,
): Promise<FloodReport> {
  const connect = () => connectHealthy(program.port, authority);
  await measure(connect, 0.5); // The first requests are slow: code is compiled.
  const before = await measure(connect, Math.min(seconds, 3));
  const memoryBefore = await memoryOf(program.pid);
  const process = new Deno.Command("python3", {
    args: [
      ATTACKER,
      flood.name,
      ...[program.port, seconds + 60, Math.ceil(flood.connections * scale), flood.addresses]
        .map(String),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = new Output(process.stdout);
  try {
    await output.until(/attacking/);
    const begin = performance.now();
    const [cpuBefore, delayBefore] = [await cpuOf(program.pid), await delayOf(program.pid)];
    const peak = watchMemory(program.pid);
    const during = await measure(connect, seconds);
    const elapsed = performance.now() - begin;
    const cpu = Math.round(100_000 * (await cpuOf(program.pid) - cpuBefore) / elapsed);
    const delay = Math.round(100_000 * (await delayOf(program.pid) - delayBefore) / elapsed);
    const problems = [];
    if (flood.compressed !== undefined && !await isCompressed(connect, flood.compressed)) {
      problems.push("the healthy client gets nothing compressed");
    }
    const memory = await peak.stop();
    await process.stdin.close();
    await process.status;
    await output.done;
    const attack = output.text.split("\n").at(-2) ?? "";
    const limit = Math.max(MAX_P99, MAX_GROWTH * before.p99);
    if (during.p99 > limit) problems.push(`p99 over ${Math.round(limit)} ms`);
    if (memory > flood.maxMemory) problems.push(`memory over ${flood.maxMemory} MiB`);
    const results = { before, during, memory: [memoryBefore, memory] as const, cpu, delay, attack };
    return { flood: flood.name, ...results, problems };
  } finally {
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }
}

type Connect = () => Promise<RawClient>;

async function connectHealthy(port: number, authority: string | null): Promise<RawClient> {
  if (authority === null) return await RawClient.connect(port);
  return new RawClient(
    await Deno.connectTls({ hostname: "localhost", port, caCerts: [authority] }),
  );
}

/** Milliseconds between two requests of the healthy client: it does not wait for responses. */
const INTERVAL = 10;

/** Requests of the healthy client at the same time. */
const MAX_PENDING = 500;

/** Milliseconds after which a response counts as this late. */
const GIVE_UP = 10_000;

/** Sends requests for some seconds, in turn on a kept connection and on a new one. */
async function measure(connect: Connect, seconds: number): Promise<Latencies> {
  const latencies: number[] = [];
  const kept: RawClient[] = [];
  const pending = new Set<Promise<void>>();
  const end = performance.now() + 1000 * seconds;
  for (let turn = 0; performance.now() < end; turn++) {
    const sample = turn % 2 === 0 ? onKept : onNew;
    if (pending.size < MAX_PENDING) {
      const done: Promise<void> = sample().finally(() => pending.delete(done));
      pending.add(done);
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
  await Promise.all(pending);
  for (const client of kept) client.close();
  return summarize(latencies);

  async function onKept(): Promise<void> {
    const client = kept.pop() ?? await connect();
    await time(async () => {
      await client.send(request("GET /echo/healthy"));
      await client.readResponse();
    });
    kept.push(client);
  }

  async function onNew(): Promise<void> {
    await time(async () => {
      using client = await connect();
      await client.send(request("GET /files/healthy", "Connection: close"));
      await client.readResponse();
    });
  }

  async function time(run: () => Promise<void>): Promise<void> {
    const begin = performance.now();
    await within(GIVE_UP, run());
    latencies.push(performance.now() - begin);
  }
}

/** Waits for a promise so many milliseconds at most. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, milliseconds);
  await Promise.race([promise.catch(() => late.promise), late.promise]);
  clearTimeout(timer);
}

function summarize(latencies: number[]): Latencies {
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function isCompressed(connect: Connect, path: string): Promise<boolean> {
  using client = await connect();
  await client.send(request(`GET ${path}`, "Accept-Encoding: gzip"));
  return (await client.readResponse()).fields.has("content-encoding");
}

function watchMemory(pid: number): { stop: () => Promise<number> } {
  let peak = 0;
  let isStopped = false;
  const watching = (async () => {
    while (!isStopped) {
      peak = Math.max(peak, await memoryOf(pid));
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  })();
  return {
    stop: async () => {
      isStopped = true;
      await watching;
      return peak;
    },
  };
}

async function memoryOf(pid: number): Promise<number> {
  return Math.round(Number(/VmRSS:\s+([0-9]+)/.exec(await readProc(pid, "status"))![1]) / 1024);
}

/** Seconds of processor time, of which the kernel counts hundredths. */
async function cpuOf(pid: number): Promise<number> {
  const fields = (await readProc(pid, "stat")).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Seconds that the main thread has waited for a processor. */
async function delayOf(pid: number): Promise<number> {
  return Number((await readProc(pid, "schedstat")).split(" ")[1]) / 1e9;
}

/** Deno itself reads below /proc only with all permissions. */
async function readProc(pid: number, name: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/${name}`] }).output();
  return new TextDecoder().decode(stdout);
}
