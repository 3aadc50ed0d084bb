// The descriptor test: the program has few file descriptors, and meets far more connections than
// that, again and again. It must live, serve the connections that it has accepted to their end, and
// accept others as these leave.

import { assert, assertEquals } from "@std/assert";
import { sleep } from "../../lib/server/deadlines.ts";
import { makeCertificates } from "../support/certificates.ts";
import { limitedScript } from "../support/limited.ts";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { until } from "../support/wait.ts";
import { Random } from "../soak/random.ts";

export interface ExhaustOptions {
  /** The limit of the program, as `ulimit -n` sets it. */
  readonly descriptors: number;
  readonly rounds: number;
  /** Connections in each round. Those that the backlog does not take are given up. */
  readonly connections: number;
  readonly workers?: number;
  readonly isSecure?: boolean;
  readonly hasAdmin?: boolean;
  /** Decides what each connection does. */
  readonly seed: number;
}

export interface ExhaustReport {
  /** Connections that the system has established, in all rounds. */
  readonly connected: number;
  /** Responses of the connections that were there before each flood. */
  readonly finished: number;
}

const MEBIBYTE = 1024 * 1024;

/** More than the system buffers for a client that does not read. */
const LARGE = 16 * MEBIBYTE;
const UPLOAD = 2 * MEBIBYTE;

/** Milliseconds for which connections are tried, and for which all stay open. */
const CONNECT_TIME = 1500;
const FLOOD_TIME = 500;

/** Floods a program with connections, round after round, and stops it in the middle of the last. */
export async function exhaust(path: string, options: ExhaustOptions): Promise<ExhaustReport> {
  const { descriptors, rounds, connections, workers = 1, seed } = options;
  const { isSecure = false, hasAdmin = true } = options;
  await Deno.mkdir(`${path}/served`);
  await Deno.writeFile(`${path}/served/large`, new Uint8Array(LARGE));
  await Deno.writeTextFile(`${path}/served/small`, "small");
  const flags = ["--directory", `${path}/served`, "--workers", String(workers), "--grace", "1"];
  flags.push("--log-file", `${path}/log`);
  if (hasAdmin) flags.push("--admin", `${path}/admin`);
  let authority: string | null = null;
  if (isSecure) {
    const certificates = await makeCertificates(path);
    authority = certificates.authority;
    flags.push("--tls-cert", `${path}/one.pem`, "--tls-key", `${path}/one.key`);
  }
  const script = await limitedScript(path, descriptors);
  const program = await Program.start(flags, { script });
  const random = new Random(seed);
  const attack: Attack = { port: program.port, authority, random, connections };
  let connected = 0;
  let finished = 0;
  for (let round = 0; round < rounds; round++) {
    const insiders = await Insiders.begin(attack, round);
    const flood = new Flood(attack);
    await flood.connect();
    program.signal("SIGHUP");
    if (hasAdmin) await askAdmin(`${path}/admin`, descriptors);
    await sleep(FLOOD_TIME);
    finished += await insiders.finish();
    connected += flood.close();
    await serves(attack);
    assertEquals(panics(program.stderr), [], program.stderr);
  }
  const flood = new Flood(attack);
  await flood.connect();
  const ended = await program.stop();
  flood.close();
  assertEquals(panics(ended.stderr), [], ended.stderr);
  assertEquals([ended.code, ended.signal], [0, null], ended.stderr);
  await until(async () => /draining/.test(await Deno.readTextFile(`${path}/log`)));
  return { connected, finished };
}

/** What the program must never write: a panic, or a stack where descriptors were short. */
function panics(stderr: string): string[] {
  return stderr.split("\n").filter((line) => /panicked|^ {4}at /.test(line));
}

interface Attack {
  readonly port: number;
  /** The certificate of the authority for TLS, or null for plain connections. */
  readonly authority: string | null;
  readonly random: Random;
  readonly connections: number;
}

async function connect({ port, authority }: Attack): Promise<Deno.Conn> {
  if (authority === null) return await Deno.connect({ port });
  const conn = await Deno.connectTls({ port, hostname: "localhost", caCerts: [authority] });
  await conn.handshake();
  return conn;
}

/**
 * A connection that has been served. This process is as busy as the server after a flood: where it
 * sends nothing for a second, the server closes an idle connection, and it tries again.
 */
async function enter(attack: Attack): Promise<RawClient> {
  for (let tries = 1;; tries++) {
    const client = new RawClient(await connect(attack));
    try {
      await client.send(request("GET /echo/in"));
      assertEquals((await client.readResponse()).text, "in");
      return client;
    } catch (error) {
      client.close();
      if (tries === 5) throw error;
    }
  }
}

/** A download and an upload that are under way when a flood begins, and end after it. */
class Insiders {
  readonly #download: RawClient;
  readonly #upload: RawClient;

  private constructor(download: RawClient, upload: RawClient) {
    this.#download = download;
    this.#upload = upload;
  }

  static async begin(attack: Attack, round: number): Promise<Insiders> {
    const download = await enter(attack);
    await download.send(request("GET /files/large"));
    const upload = await enter(attack);
    await upload.send(request(`PUT /files/upload-${round % 8}`, `Content-Length: ${UPLOAD}`));
    await upload.send(new Uint8Array(UPLOAD / 2));
    await sleep(50);
    return new Insiders(download, upload);
  }

  /** Returns how many responses are as they must be. */
  async finish(): Promise<number> {
    using download = this.#download;
    using upload = this.#upload;
    await upload.send(new Uint8Array(UPLOAD / 2));
    const [stored, large] = await Promise.all([upload.readResponse(), download.readResponse()]);
    assert([200, 201, 204, 503].includes(stored.status), String(stored.status));
    assert([200, 503].includes(large.status), String(large.status));
    if (large.status === 200) assertEquals(large.content.length, LARGE);
    return Number(stored.status !== 503) + Number(large.status !== 503);
  }
}

/** Many connections that do what connections do, and do not leave by themselves. */
class Flood {
  readonly #attack: Attack;
  readonly #conns: Deno.Conn[] = [];
  #isClosed = false;

  constructor(attack: Attack) {
    this.#attack = attack;
  }

  async connect(): Promise<void> {
    const { port, connections } = this.#attack;
    const controller = new AbortController();
    const { signal } = controller;
    const end = performance.now() + CONNECT_TIME;
    const each = async () => {
      const conn = await Deno.connect({ port, signal });
      if (this.#isClosed) return conn.close();
      this.#conns.push(conn);
      await this.#send(conn);
    };
    const tasks: Promise<void>[] = [];
    for (let count = 0; count < connections && performance.now() < end; count++) {
      tasks.push(each().catch(() => {})); // The backlog is full, or the server has closed it.
      if (count % 64 === 63) await sleep(0);
    }
    await sleep(Math.max(0, end - performance.now()), Promise.all(tasks).then(() => {}));
    controller.abort();
  }

  async #send(conn: Deno.Conn): Promise<void> {
    const { random } = this.#attack;
    const bytes = new TextEncoder().encode(random.pick(REQUESTS)());
    await conn.write(bytes);
  }

  /** Closes all, and returns how many there were. */
  close(): number {
    this.#isClosed = true;
    for (const conn of this.#conns) {
      try {
        conn.close();
      } catch {
        // Closed already.
      }
    }
    return this.#conns.length;
  }
}

/** On a port for TLS these are handshakes that fail or never end. */
const REQUESTS: readonly (() => string)[] = [
  () => "",
  () => "GET /echo/half HTTP/1.1\r\nHost:",
  () => request("GET /files/large"),
  () => request("GET /files/small", "Accept-Encoding: gzip"),
  () => request("GET /files/"),
  () => request("GET /echo/abc", "Accept-Encoding: br"),
  () => `${request("PUT /files/flood", "Content-Length: 1000000")}${"x".repeat(1000)}`,
  () => `${request("POST /files/chunked", "Transfer-Encoding: chunked")}5\r\nabcde\r\n`,
  () => "\x16\x03\x01\x02\x00\x01",
];

/** The admin listener answers during the flood, if a little late. */
async function askAdmin(path: string, descriptors: number): Promise<void> {
  for (const target of ["/metrics", "/connections", "/healthz"]) {
    const conn = await Deno.connect({ transport: "unix", path });
    using client = new RawClient(conn);
    await client.send(request(`GET ${target}`, "Connection: close"));
    const { status, text } = await client.readResponse();
    assertEquals(status, 200);
    if (target !== "/metrics") continue;
    const [, limit] = /^wireserve_connections_limit ([0-9]+)$/m.exec(text)!;
    assert(Number(limit) < descriptors, limit);
  }
}

/** The clients of the flood have left: others are served. */
async function serves(attack: Attack): Promise<void> {
  (await enter(attack)).close();
}
