// One worker of the pool, seen from outside: a thread that is ordered about, reports, is asked now
// and then whether it is still there, and may fail at any moment.

import type { AccessLog } from "../access_log/access_log.ts";
import { withoutGauges } from "../admin/metrics.ts";
import { sleep } from "../server/deadlines.ts";
import type { Certificate } from "../server/listener.ts";
import { deserializeError, messageOf, StartupError } from "./startup_error.ts";
import type { WorkerConfig } from "./local_server.ts";
import type { Command, WorkerEvent, WorkerStats } from "./messages.ts";

/** Milliseconds that a worker may take to say how it is; else its last word counts. */
const REPLY_TIMEOUT = 1000;

/** Milliseconds beyond the grace that a worker may take to come to its end. */
const TERMINATION_GRACE = 1000;

/** Calls in a row that a worker may leave unanswered. */
const MAX_MISSED_PINGS = 3;

/** Where a worker that serves can be reached. */
export interface ListenAddress {
  readonly url: string;
  readonly port: number;
}

/** Who hears of a worker. */
export interface WorkerObserver {
  /** The log of all. */
  readonly log: AccessLog;
  /** It has served, and has failed now. It is terminated already. */
  readonly onFailure: (problem: string) => void;
}

/** One worker. */
export class WorkerHandle {
  readonly config: WorkerConfig;
  readonly #worker: Worker;
  readonly #observer: WorkerObserver;
  readonly #startedAt = performance.now();
  readonly #ready = Promise.withResolvers<ListenAddress>();
  readonly #terminated = Promise.withResolvers<void>();
  readonly #pendingStats = new Map<number, (stats: WorkerStats) => void>();
  readonly #stoppedListening = Promise.withResolvers<void>();
  #certificateReplaced = Promise.withResolvers<string | null>();
  #lastRequestId = 0;
  #missedPings = 0;
  #isReady = false;
  #isTerminated = false;
  /** What it has last told of itself. */
  stats: WorkerStats = { connections: [], snapshots: [] };

  /** Starts it. */
  constructor(entry: URL, config: WorkerConfig, observer: WorkerObserver) {
    this.config = config;
    this.#observer = observer;
    this.#worker = new Worker(entry, { type: "module", name: `worker ${config.index + 1}` });
    this.#worker.onmessage = ({ data }) => this.#handle(data);
    this.#worker.onerror = (event) => {
      event.preventDefault(); // Else the program would end as well.
      this.#onFailed(event.message);
    };
    this.#ready.promise.catch(() => {}); // Whoever waits for it hears of it.
    this.send({ type: "start", config });
  }

  /**
   * Resolves once it listens.
   *
   * @throws what listening throws, there; a {@linkcode StartupError} where it cannot even start.
   */
  get ready(): Promise<ListenAddress> {
    return this.#ready.promise;
  }

  /** Milliseconds since its start. */
  get age(): number {
    return performance.now() - this.#startedAt;
  }

  /** Orders it to do something. */
  send(command: Command): void {
    if (!this.#isTerminated) this.#worker.postMessage(command);
  }

  /** Asks whether it is still there: a worker that has closed itself says nothing of that. */
  ping(): void {
    if (!this.#isReady) return;
    if (this.#missedPings++ === MAX_MISSED_PINGS) return this.#onFailed("it does not answer");
    this.send({ type: "ping" });
  }

  #handle(event: WorkerEvent): void {
    if (this.#isTerminated) return; // What it has said before it was terminated.
    this.#missedPings = 0;
    switch (event.type) {
      case "pong":
        return;
      case "serving":
        this.#isReady = true;
        return this.#ready.resolve(event);
      case "start failed":
        this.#ready.reject(deserializeError(event.name, event.message));
        return this.terminate();
      case "failed":
        this.stats = event.stats;
        return this.#onFailed(event.message);
      case "lines":
        this.#observer.log.append(event.lines);
        return this.send({ type: "lines written" });
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

  #onFailed(problem: string): void {
    if (this.#isTerminated) return;
    this.terminate();
    const line = messageOf(problem);
    if (this.#isReady) this.#observer.onFailure(line);
    else this.#ready.reject(new StartupError(`a worker cannot start: ${line}`));
  }

  /** @throws {StartupError} where it does not take the certificate. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    this.#certificateReplaced = Promise.withResolvers();
    this.send({ type: "certificate", certificate });
    const over = this.#terminated.promise.then(() => null);
    const problem = await Promise.race([this.#certificateReplaced.promise, over]);
    if (problem !== null) throw new StartupError(problem);
  }

  /** What it tells of itself now, or has told last. */
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

  /** Has it stop listening, unless it is too busy to heed. */
  async stopListening(): Promise<void> {
    this.send({ type: "stop listening" });
    await sleep(
      REPLY_TIMEOUT,
      Promise.race([this.#stoppedListening.promise, this.#terminated.promise]),
    );
  }

  /** Ends it, in peace if possible. */
  async drain(grace: number): Promise<void> {
    this.send({ type: "drain", grace });
    const timer = setTimeout(() => this.terminate(), grace + TERMINATION_GRACE);
    if (!this.#isTerminated) await this.#terminated.promise;
    clearTimeout(timer);
  }

  /** Ends it at once, and its connections with it. */
  terminate(): void {
    if (this.#isTerminated) return;
    this.#isTerminated = true;
    this.#worker.terminate();
    this.stats = { connections: [], snapshots: this.stats.snapshots.map(withoutGauges) };
    for (const answer of this.#pendingStats.values()) answer(this.stats);
    this.#terminated.resolve();
  }
}
