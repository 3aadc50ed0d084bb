// Several workers on one port: each is an isolate with an instance of its own, and the system
// shares the connections out among them. One that fails takes its own connections with it and
// nothing else; another one takes its place, after a while that grows as long as it does not last.

import type { AccessLog } from "../access_log/access_log.ts";
import { addUp, single, type Snapshot } from "../admin/metrics.ts";
import { elapse } from "../server/clock.ts";
import type { ConnectionView } from "../server/connection_view.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf } from "./failure.ts";
import type { Assignment } from "./instance.ts";
import { Member } from "./member.ts";
import type { Serving } from "./serving.ts";

/** Milliseconds before a worker that has failed is replaced: at first, and at the most. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 30_000;

/** Milliseconds after which a worker that has lasted so long counts as sound. */
const SOUND_AFTER = 60_000;

/** Milliseconds between two calls to all workers: one of them may be gone without a word. */
const CALL_INTERVAL = 10_000;

/** What the crew needs to know. */
export interface CrewOptions {
  /** What each worker is to do, but for its place among them. */
  readonly assignment: Omit<Assignment, "index" | "restarts">;
  /** The log of all. */
  readonly log: AccessLog;
  /** The module that each worker runs; by default the program's own. */
  readonly entry?: URL;
  /** Waits for so many milliseconds, or until the crew ends: {@linkcode elapse} by default. */
  readonly pause?: (milliseconds: number, end: Promise<void>) => Promise<void>;
}

/** The workers of the program. */
export class Crew implements Serving {
  readonly #options: Required<CrewOptions>;
  readonly #members: Member[] = [];
  /** How often in a row each worker has failed without having lasted. */
  readonly #failures: number[] = [];
  readonly #stopped = Promise.withResolvers<void>();
  #isDraining = false;
  readonly #calls = setInterval(() => this.call(), CALL_INTERVAL);
  #assignment: CrewOptions["assignment"];
  #url = "";
  #restarts = 0;
  /** What workers that are gone have counted. */
  #retired: Snapshot = [];

  private constructor(options: CrewOptions) {
    this.#options = { entry: new URL("./worker.ts", import.meta.url), pause: elapse, ...options };
    this.#assignment = options.assignment;
  }

  /**
   * Starts the workers: the first picks the port, where any will do.
   *
   * @throws what listening throws, or a {@linkcode Failure}; no worker is left then.
   */
  static async start(options: CrewOptions): Promise<Crew> {
    const crew = new Crew(options);
    try {
      for (let index = 0; index < options.assignment.count; index++) {
        const { url, port } = await crew.#hire(index, 0).ready;
        crew.#url = url;
        crew.#assignment = { ...crew.#assignment, port };
      }
    } catch (error) {
      crew.#stop();
      for (const member of crew.#members) member.terminate();
      throw error;
    }
    return crew;
  }

  get url(): string {
    return this.#url;
  }

  get restarts(): number {
    return this.#restarts;
  }

  #hire(index: number, restarts: number): Member {
    const { log, entry } = this.#options;
    const member = new Member(entry, { ...this.#assignment, index, restarts }, {
      log,
      onFailure: (problem) => void this.#replace(member, problem),
    });
    this.#members[index] = member;
    return member;
  }

  /** Another one takes the place of a worker that has failed. */
  async #replace(failed: Member, problem: string): Promise<void> {
    const { index, restarts } = failed.assignment;
    const { log, pause } = this.#options;
    log.event("worker", `${index + 1} has failed: ${problem}`);
    if (this.#isDraining) return;
    this.#retire(failed);
    const failures = failed.age > SOUND_AFTER ? 0 : this.#failures[index] ?? 0;
    this.#failures[index] = failures + 1;
    await pause(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures), this.#stopped.promise);
    if (this.#isDraining) return;
    this.#restarts++;
    const member = this.#hire(index, restarts + 1);
    try {
      await member.ready;
      log.event("worker", `${index + 1} is back`);
    } catch (error) {
      await this.#replace(member, messageOf(error));
    }
  }

  #stop(): void {
    this.#isDraining = true;
    this.#stopped.resolve();
    clearInterval(this.#calls);
  }

  /** Asks all workers whether they are still there. One that has long not answered has failed. */
  call(): void {
    for (const member of this.#members) member.call();
  }

  /** What it has counted stays, else the sum would fall. */
  #retire(member: Member): void {
    for (const snapshot of member.account.snapshots) {
      this.#retired = addUp(this.#retired, snapshot);
    }
    member.account = { connections: [], snapshots: [] };
  }

  async drain(grace: number): Promise<void> {
    this.#stop();
    // Whoever is told to close by one worker would connect to another that still listens.
    if (grace > 0) await Promise.all(this.#members.map((member) => member.stopListening()));
    await Promise.all(this.#members.map((member) => member.drain(grace)));
  }

  /** The workers to come get it as well, unless it is none. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    const told = [...this.#members];
    await Promise.all(told.map((member) => member.replaceCertificate(certificate)));
    this.#assignment = { ...this.#assignment, certificate };
    // Those that were hired in the meantime have the old one.
    const others = this.#members.filter((member) => !told.includes(member));
    await Promise.all(others.map((member) => member.replaceCertificate(certificate)));
  }

  async connections(): Promise<readonly ConnectionView[]> {
    const accounts = await Promise.all(this.#members.map((member) => member.ask()));
    return accounts.flatMap(({ connections }) => connections);
  }

  async snapshots(): Promise<readonly Snapshot[]> {
    await Promise.all(this.#members.map((member) => member.ask()));
    const { log } = this.#options;
    return [
      this.#retired,
      // One that has failed meanwhile is among the retired.
      ...this.#members.flatMap(({ account }) => account.snapshots),
      // Of its own lines each worker tells; here they may be dropped once more.
      [single("counter", "wireserve_log_lines_dropped_total", log.droppedLines)],
    ];
  }
}
