// Several workers on one port: each is an isolate with an server of its own, and the system
// shares the connections out among them. One that fails takes its own connections with it and
// nothing else; another one takes its place, after a while that grows as long as it does not last.

import type { AccessLog } from "../access_log/access_log.ts";
import { single, type Snapshot, sumSnapshots } from "../admin/metrics.ts";
import { sleep } from "../server/deadlines.ts";
import type { ConnectionView } from "../server/exchange.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf } from "./startup_error.ts";
import type { WorkerConfig } from "./local_server.ts";
import { WorkerHandle } from "./worker_handle.ts";
import type { ServerHandle } from "./server_handle.ts";

/** Milliseconds before a worker that has failed is replaced: at first, and at the most. */
const MIN_BACKOFF = 100;
const MAX_BACKOFF = 30_000;

/** Milliseconds after which a worker that has lasted so long counts as sound. */
const STABLE_AFTER = 60_000;

/** Milliseconds between two calls to all workers: one of them may be gone without a word. */
const PING_INTERVAL = 10_000;

/** What the pool needs to know. */
export interface WorkerPoolOptions {
  /** What each worker is to do, but for its place among them. */
  readonly config: Omit<WorkerConfig, "index" | "restarts">;
  /** The log of all. */
  readonly log: AccessLog;
  /** The module that each worker runs; by default the program's own. */
  readonly entry?: URL;
  /** Waits for so many milliseconds, or until the pool ends: {@linkcode sleep} by default. */
  readonly pause?: (milliseconds: number, end: Promise<void>) => Promise<void>;
}

/** The workers of the program. */
export class WorkerPool implements ServerHandle {
  readonly #options: Required<WorkerPoolOptions>;
  readonly #workers: WorkerHandle[] = [];
  /** How often in a row each worker has failed without having lasted. */
  readonly #failures: number[] = [];
  readonly #stopped = Promise.withResolvers<void>();
  #isDraining = false;
  readonly #pings = setInterval(() => this.ping(), PING_INTERVAL);
  #config: WorkerPoolOptions["config"];
  #url = "";
  #restarts = 0;
  /** What workers that are gone have counted. */
  #terminatedStats: Snapshot = [];

  private constructor(options: WorkerPoolOptions) {
    this.#options = { entry: new URL("./worker.ts", import.meta.url), pause: sleep, ...options };
    this.#config = options.config;
  }

  /**
   * Starts the workers: the first picks the port, where any will do.
   *
   * @throws what listening throws, or a {@linkcode StartupError}; no worker is left then.
   */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      for (let index = 0; index < options.config.count; index++) {
        const { url, port } = await pool.#spawn(index, 0).ready;
        pool.#url = url;
        pool.#config = { ...pool.#config, port };
      }
    } catch (error) {
      pool.#stop();
      for (const worker of pool.#workers) worker.terminate();
      throw error;
    }
    return pool;
  }

  get url(): string {
    return this.#url;
  }

  get restarts(): number {
    return this.#restarts;
  }

  #spawn(index: number, restarts: number): WorkerHandle {
    const { log, entry } = this.#options;
    const worker = new WorkerHandle(entry, { ...this.#config, index, restarts }, {
      log,
      onFailure: (problem) => void this.#replace(worker, problem),
    });
    this.#workers[index] = worker;
    return worker;
  }

  /** Another one takes the place of a worker that has failed. */
  async #replace(failed: WorkerHandle, problem: string): Promise<void> {
    const { index, restarts } = failed.config;
    const { log, pause } = this.#options;
    log.event("worker", `${index + 1} has failed: ${problem}`);
    if (this.#isDraining) return;
    this.#keepStats(failed);
    const failures = failed.age > STABLE_AFTER ? 0 : this.#failures[index] ?? 0;
    this.#failures[index] = failures + 1;
    await pause(Math.min(MAX_BACKOFF, MIN_BACKOFF * 2 ** failures), this.#stopped.promise);
    if (this.#isDraining) return;
    this.#restarts++;
    const worker = this.#spawn(index, restarts + 1);
    try {
      await worker.ready;
      log.event("worker", `${index + 1} is back`);
    } catch (error) {
      await this.#replace(worker, messageOf(error));
    }
  }

  #stop(): void {
    this.#isDraining = true;
    this.#stopped.resolve();
    clearInterval(this.#pings);
  }

  /** Asks all workers whether they are still there. One that has long not answered has failed. */
  ping(): void {
    for (const worker of this.#workers) worker.ping();
  }

  /** What it has counted stays, else the sum would fall. */
  #keepStats(worker: WorkerHandle): void {
    for (const snapshot of worker.stats.snapshots) {
      this.#terminatedStats = sumSnapshots(this.#terminatedStats, snapshot);
    }
    worker.stats = { connections: [], snapshots: [] };
  }

  async drain(grace: number): Promise<void> {
    this.#stop();
    // Whoever is told to close by one worker would connect to another that still listens.
    if (grace > 0) await Promise.all(this.#workers.map((worker) => worker.stopListening()));
    await Promise.all(this.#workers.map((worker) => worker.drain(grace)));
  }

  /** The workers to come get it as well, unless it is none. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    const told = [...this.#workers];
    await Promise.all(told.map((worker) => worker.replaceCertificate(certificate)));
    this.#config = { ...this.#config, certificate };
    // Those that were hired in the meantime have the old one.
    const others = this.#workers.filter((worker) => !told.includes(worker));
    await Promise.all(others.map((worker) => worker.replaceCertificate(certificate)));
  }

  async connections(): Promise<readonly ConnectionView[]> {
    const stats = await Promise.all(this.#workers.map((worker) => worker.getStats()));
    return stats.flatMap(({ connections }) => connections);
  }

  async snapshots(): Promise<readonly Snapshot[]> {
    await Promise.all(this.#workers.map((worker) => worker.getStats()));
    const { log } = this.#options;
    return [
      this.#terminatedStats,
      // One that has failed meanwhile is among the retired.
      ...this.#workers.flatMap(({ stats }) => stats.snapshots),
      // Of its own lines each worker tells; here they may be dropped once more.
      [single("counter", "wireserve_log_lines_dropped_total", log.droppedLines)],
    ];
  }
}
