// Several workers on one port. Each is an isolate with a server of its own; the system distributes
// the connections. A worker that fails loses its own connections, and is replaced after a delay.

import type { AccessLog } from "../access_log/access_log.ts";
import type { User } from "../auth/users.ts";
import { single, type Snapshot, sumSnapshots } from "../admin/metrics.ts";
import { Backoff, sleep } from "../server/deadlines.ts";
import type { ConnectionView } from "../server/exchange.ts";
import { hasFreeDescriptors } from "../server/descriptors.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf, StartupError } from "./startup_error.ts";
import { type ServerHandle, WORKER_DESCRIPTORS, type WorkerConfig } from "./local_server.ts";
import { WorkerHandle } from "./worker_handle.ts";

/** Milliseconds before a worker that has failed is replaced: the first delay, and the longest. */
const MIN_BACKOFF = 100;
const MAX_BACKOFF = 30_000;

/** Milliseconds of life after which the next failure of a worker counts as its first. */
const STABLE_AFTER = 60_000;

/** Milliseconds between two pings of all workers. */
const PING_INTERVAL = 10_000;

/** Options of a pool. */
export interface WorkerPoolOptions {
  readonly config: Omit<WorkerConfig, "index" | "restarts">;
  readonly log: AccessLog;
  /** The module that each worker runs; by default {@linkcode ./worker.ts}. */
  readonly entry?: URL;
  /** Waits for so many milliseconds, or until the pool stops: {@linkcode sleep} by default. */
  readonly pause?: (milliseconds: number, end: Promise<void>) => Promise<void>;
}

/** The workers of the program. */
export class WorkerPool implements ServerHandle {
  readonly #options: Required<WorkerPoolOptions>;
  readonly #workers: WorkerHandle[] = [];
  readonly #backoffs: Backoff[] = [];
  readonly #stopped = Promise.withResolvers<void>();
  #isDraining = false;
  readonly #pings = setInterval(() => this.ping(), PING_INTERVAL);
  #config: WorkerPoolOptions["config"];
  #url = "";
  #restarts = 0;
  /** The counters of terminated workers. */
  #terminatedStats: Snapshot = [];

  private constructor(options: WorkerPoolOptions) {
    this.#options = { entry: new URL("./worker.ts", import.meta.url), pause: sleep, ...options };
    this.#config = options.config;
  }

  /**
   * Starts the workers. None listens before all are prepared: a client that is accepted is served.
   * The first one checks the port, and picks it where it is 0.
   *
   * @throws what listening throws, or a {@linkcode StartupError}; all workers are terminated then.
   */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      const first = pool.#spawn(0, 0);
      await first.prepared;
      checkDescriptors(options.config.count - 1);
      const others = Array.from(
        { length: options.config.count - 1 },
        (_, at) => pool.#spawn(at + 1, 0),
      );
      await Promise.all(others.map((worker) => worker.prepared));
      const { url, port } = await first.listen(options.config.port);
      pool.#url = url;
      pool.#config = { ...pool.#config, port };
      await Promise.all(others.map((worker) => worker.listen(port)));
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

  /** @throws {StartupError} where descriptors are short: Deno would end the whole process. */
  #spawn(index: number, restarts: number): WorkerHandle {
    if (!hasFreeDescriptors(WORKER_DESCRIPTORS)) {
      throw tooFewDescriptors(index);
    }
    const { log, entry } = this.#options;
    const worker = new WorkerHandle(entry, { ...this.#config, index, restarts }, {
      log,
      onFailure: (problem) => void this.#replace(worker, problem),
    });
    this.#workers[index] = worker;
    return worker;
  }

  async #replace(failed: WorkerHandle, problem: string): Promise<void> {
    const { index, restarts } = failed.config;
    const { log, pause } = this.#options;
    log.event("worker", `${index + 1} failed: ${problem}`);
    if (this.#isDraining) return;
    this.#keepStats(failed);
    const backoff = this.#backoffs[index] ??= new Backoff(MIN_BACKOFF, MAX_BACKOFF);
    if (failed.age > STABLE_AFTER) backoff.reset();
    await pause(backoff.next(), this.#stopped.promise);
    await this.#freeDescriptors(backoff);
    if (this.#isDraining) return;
    this.#restarts++;
    const worker = this.#spawn(index, restarts + 1);
    try {
      await worker.prepared;
      await worker.listen(this.#config.port);
      log.event("worker", `${index + 1} restarted`);
    } catch (error) {
      await this.#replace(worker, messageOf(error));
    }
  }

  /** Waits until a worker can start, or the pool stops. */
  async #freeDescriptors(backoff: Backoff): Promise<void> {
    const { log, pause } = this.#options;
    for (let isFirst = true; !hasFreeDescriptors(WORKER_DESCRIPTORS); isFirst = false) {
      if (this.#isDraining) return;
      if (isFirst) log.event("worker", "waits for file descriptors");
      await pause(backoff.next(), this.#stopped.promise);
    }
  }

  #stop(): void {
    this.#isDraining = true;
    this.#stopped.resolve();
    clearInterval(this.#pings);
  }

  /** Pings all workers. One that has not answered several pings has failed. */
  ping(): void {
    for (const worker of this.#workers) worker.ping();
  }

  /** The counters of a terminated worker stay in the sum, which must not fall. */
  #keepStats(worker: WorkerHandle): void {
    for (const snapshot of worker.stats.snapshots) {
      this.#terminatedStats = sumSnapshots(this.#terminatedStats, snapshot);
    }
    worker.stats = { connections: [], snapshots: [] };
  }

  async drain(grace: number): Promise<void> {
    this.#stop();
    // All first: a client whose connection closes would connect to a worker that still listens.
    if (grace > 0) await Promise.all(this.#workers.map((worker) => worker.stopListening()));
    await Promise.all(this.#workers.map((worker) => worker.drain(grace)));
  }

  /** Future workers use it as well, if the present ones could. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    const updated = [...this.#workers];
    await Promise.all(updated.map((worker) => worker.replaceCertificate(certificate)));
    this.#config = { ...this.#config, certificate };
    // Workers that were started in the meantime have the old one.
    const others = this.#workers.filter((worker) => !updated.includes(worker));
    await Promise.all(others.map((worker) => worker.replaceCertificate(certificate)));
  }

  /** Future workers use them as well. */
  replaceUsers(users: readonly User[]): void {
    const { options } = this.#config;
    if (options.auth === null) return;
    this.#config = { ...this.#config, options: { ...options, auth: { ...options.auth, users } } };
    for (const worker of this.#workers) worker.send({ type: "users", users });
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
      // After the wait: the stats of a worker that failed meanwhile are in the sum above.
      ...this.#workers.flatMap(({ stats }) => stats.snapshots),
      // Lines that the main thread has dropped. Each worker counts its own.
      [single("counter", "wireserve_log_lines_dropped_total", log.droppedLines)],
    ];
  }
}

/**
 * Checks the descriptors for workers that are about to start at the same time.
 *
 * @param count How many there are, besides the first one.
 * @throws {StartupError} for the first one that could not start.
 */
function checkDescriptors(count: number): void {
  if (hasFreeDescriptors(count * WORKER_DESCRIPTORS)) return;
  let index = 1;
  while (index < count && hasFreeDescriptors(index * WORKER_DESCRIPTORS)) index++;
  throw tooFewDescriptors(index);
}

function tooFewDescriptors(index: number): StartupError {
  return new StartupError(`too few file descriptors (ulimit -n) for worker ${index + 1}`);
}
