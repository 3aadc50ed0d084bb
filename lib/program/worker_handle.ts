// One worker of the pool, seen from the main thread. It may fail at any moment.

import type { AccessLog } from "../access_log/access_log.ts";
import { withoutGauges } from "../admin/metrics.ts";
import { sleep } from "../server/deadlines.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf, StartupError } from "./startup_error.ts";
import type { WorkerConfig } from "./local_server.ts";
import type { Command, WorkerEvent, WorkerStats } from "./messages.ts";

/** Milliseconds to wait for the stats of a worker; after that its last ones are used. */
const REPLY_TIMEOUT = 1000;

/** Milliseconds after the grace until a worker is terminated. */
const TERMINATION_GRACE = 1000;

/** Pings in a row without an answer after which a worker has failed. */
const MAX_MISSED_PINGS = 3;

/** The address of a worker. */
export interface ListenAddress {
  readonly url: string;
  readonly port: number;
}

/** What a worker reports to. */
export interface WorkerObserver {
  readonly log: AccessLog;
  /** Called when the worker has failed after its start. It is terminated by then. */
  readonly onFailure: (problem: string) => void;
}

/** One worker. */
export class WorkerHandle {
  readonly config: WorkerConfig;
  readonly #worker: Worker;
  readonly #observer: WorkerObserver;
  readonly #startedAt = performance.now();
  readonly #prepared = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<ListenAddress>();
  readonly #terminated = Promise.withResolvers<void>();
  readonly #pendingStats = new Map<number, (stats: WorkerStats) => void>();
  readonly #stoppedListening = Promise.withResolvers<void>();
  #certificateReplaced = Promise.withResolvers<string | null>();
  #lastRequestId = 0;
  #missedPings = 0;
  #isPrepared = false;
  #isReady = false;
  #isTerminated = false;
  stats: WorkerStats = { connections: [], snapshots: [] };

  constructor(entry: URL, config: WorkerConfig, observer: WorkerObserver) {
    this.config = config;
    this.#observer = observer;
    this.#worker = new Worker(entry, { type: "module", name: `worker ${config.index + 1}` });
    this.#worker.onmessage = ({ data }) => this.#handle(data);
    this.#worker.onerror = (event) => {
      event.preventDefault(); // or Deno would end the program
      this.#onFailed(event.message);
    };
    // Handled where they are awaited.
    this.#prepared.promise.catch(() => {});
    this.#ready.promise.catch(() => {});
    this.send({ type: "start", config });
  }

  /** Resolves when the worker can listen. Throws a StartupError, or that the port is in use. */
  get prepared(): Promise<void> {
    return this.#prepared.promise;
  }

  /** Makes a prepared worker listen. Throws what listening throws, or a StartupError. */
  listen(port: number): Promise<ListenAddress> {
    this.send({ type: "listen", port });
    return this.#ready.promise;
  }

  /** Milliseconds since its start. */
  get age(): number {
    return performance.now() - this.#startedAt;
  }

  send(command: Command): void {
    if (!this.#isTerminated) this.#worker.postMessage(command);
  }

  /** Checks that the worker answers: one that has closed itself sends no event. */
  ping(): void {
    if (!this.#isReady) return;
    if (this.#missedPings++ === MAX_MISSED_PINGS) return this.#onFailed("it does not answer");
    this.send({ type: "ping" });
  }

  #handle(event: WorkerEvent): void {
    if (this.#isTerminated) return; // The event was on its way.
    this.#missedPings = 0;
    switch (event.type) {
      case "pong":
        return;
      case "prepared":
        this.#isPrepared = true;
        return this.#prepared.resolve();
      case "serving":
        this.#isReady = true;
        return this.#ready.resolve(event);
      case "start failed":
        this.#failToStart(this.#startupError(event.name, event.message));
        return this.terminate();
      case "failed":
        this.stats = event.stats;
        return this.#onFailed(event.message);
      case "lines":
        this.#observer.log.append(event.lines, event.areEvents);
        return this.send({ type: "lines written", areEvents: event.areEvents });
      case "stopped listening":
        return this.#stoppedListening.resolve();
      case "certificate replaced":
        return this.#certificateReplaced.resolve(event.problem);
      case "stats":
        this.stats = event.stats;
        return this.#pendingStats.get(event.requestId)?.(event.stats);
      case "drained":
        this.stats = event.stats;
        return this.terminate();
    }
  }

  #failToStart(error: Error): void {
    this.#prepared.reject(error);
    this.#ready.reject(error);
  }

  /** What went wrong before the worker was to listen has nothing to do with the address. */
  #startupError(name: string, message: string): Error {
    if (name === "AddrInUse") return new Deno.errors.AddrInUse(message);
    return this.#isPrepared ? new Error(message) : cannotStart(message);
  }

  #onFailed(problem: string): void {
    if (this.#isTerminated) return;
    this.terminate();
    const line = messageOf(problem);
    if (this.#isReady) this.#observer.onFailure(line);
    else this.#failToStart(cannotStart(line));
  }

  /** @throws {StartupError} if the certificate is invalid. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    this.#certificateReplaced = Promise.withResolvers();
    this.send({ type: "certificate", certificate });
    const terminated = this.#terminated.promise.then(() => null);
    const problem = await Promise.race([this.#certificateReplaced.promise, terminated]);
    if (problem !== null) throw new StartupError(problem);
  }

  async getStats(): Promise<WorkerStats> {
    if (this.#isTerminated) return this.stats;
    const requestId = ++this.#lastRequestId;
    const answered = Promise.withResolvers<WorkerStats>();
    const timer = setTimeout(() => answered.resolve(this.stats), REPLY_TIMEOUT);
    this.#pendingStats.set(requestId, answered.resolve);
    this.send({ type: "get stats", requestId });
    try {
      return await answered.promise;
    } finally {
      clearTimeout(timer);
      this.#pendingStats.delete(requestId);
    }
  }

  /** Stops listening, unless the worker is too busy to answer. */
  async stopListening(): Promise<void> {
    this.send({ type: "stop listening" });
    await sleep(
      REPLY_TIMEOUT,
      Promise.race([this.#stoppedListening.promise, this.#terminated.promise]),
    );
  }

  async drain(grace: number): Promise<void> {
    this.send({ type: "drain", grace });
    const timer = setTimeout(() => this.terminate(), grace + TERMINATION_GRACE);
    if (!this.#isTerminated) await this.#terminated.promise;
    clearTimeout(timer);
  }

  terminate(): void {
    if (this.#isTerminated) return;
    this.#isTerminated = true;
    this.#worker.terminate();
    this.stats = { connections: [], snapshots: this.stats.snapshots.map(withoutGauges) };
    for (const answer of this.#pendingStats.values()) answer(this.stats);
    this.#terminated.resolve();
  }
}

function cannotStart(problem: string): StartupError {
  return new StartupError(`a worker cannot start: ${problem}`);
}
