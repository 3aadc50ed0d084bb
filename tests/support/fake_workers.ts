// A pool of workers that begin and fail when the test commands it.

import { AccessLog } from "../../lib/access_log/access_log.ts";
import { parseOptions } from "../../lib/options/parse.ts";
import { WorkerPool } from "../../lib/program/worker_pool.ts";
import type { Certificate } from "../../lib/server/listener.ts";

/** A command to a worker. */
export type Command = "begin" | "fail to start" | "throw" | "reject" | "close";

/** A worker that has been started. */
export class FakeWorker {
  readonly #conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Sends it a command. */
  async command(command: Command): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(command));
  }

  /** Closes the connection to it. */
  close(): void {
    this.#conn.close();
  }
}

/** A pool of workers, and its log. */
export class FakeWorkerPool {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #workers: FakeWorker[] = [];
  #pool: WorkerPool | null = null;
  /** The lines of the log. */
  readonly lines: string[] = [];
  /** The pauses before workers were replaced, in milliseconds. */
  readonly pauses: number[] = [];
  readonly log = new AccessLog("json", {
    write: (text) => {
      this.lines.push(...text.trimEnd().split("\n"));
      return Promise.resolve(0);
    },
  });

  /** Starts a pool with further arguments of the command line, and for TLS with a certificate. */
  async start(
    count: number,
    args: readonly string[] = [],
    certificate?: Certificate,
  ): Promise<WorkerPool> {
    const starting = this.startPaused(count, args, certificate);
    for (let index = 0; index < count; index++) await (await this.next()).command("begin");
    return await starting;
  }

  /** Starts a pool whose workers wait for the command to begin. */
  async startPaused(
    count: number,
    args: readonly string[] = [],
    certificate?: Certificate,
  ): Promise<WorkerPool> {
    // With an address for --admin the workers count metrics; this one has them connect to the test.
    const admin = `127.0.0.1:${this.#listener.addr.port}`;
    const options = parseOptions(["--port", "0", "--admin", admin, "--log", "json", ...args]);
    const entry = new URL("../program/fake_worker.ts", import.meta.url);
    this.#pool = await WorkerPool.start({
      config: { options, port: options.port, count, certificate },
      log: this.log,
      entry,
      pause: (milliseconds) => {
        this.pauses.push(milliseconds);
        return Promise.resolve();
      },
    });
    return this.#pool;
  }

  /** The worker that is started next. */
  async next(): Promise<FakeWorker> {
    const worker = new FakeWorker(await this.#listener.accept());
    this.#workers.push(worker);
    return worker;
  }

  /** The worker of the number, counted from 1, that was started in the beginning. */
  worker(number: number): FakeWorker {
    return this.#workers[number - 1]!;
  }

  /** The details of the events `worker` so far. */
  async workerEvents(): Promise<string[]> {
    await this.log.flush();
    return this.lines.map((line) => JSON.parse(line))
      .filter(({ event }) => event === "worker").map(({ detail }) => detail);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.drain(0);
    for (const worker of this.#workers) worker.close();
    this.#listener.close();
    await this.log.flush();
  }
}
