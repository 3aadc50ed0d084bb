// Several workers on one port: each is an isolate with an instance of its own, and the system
// shares the connections out among them. One that fails takes its own connections with it and
// nothing else; another one takes its place, after a while that grows as long as it does not last.

import type { AccessLog } from "../access_log/access_log.ts";
import { retire, type Snapshot } from "../admin/metrics.ts";
import type { ConnectionView } from "../server/connection_view.ts";
import type { Certificate } from "../server/listening.ts";
import { Failure, messageOf, revive } from "./failure.ts";
import type { Assignment } from "./instance.ts";
import type { Account, Order, Report } from "./messages.ts";
import type { Serving } from "./serving.ts";

/** Milliseconds before a worker that has failed is replaced: at first, and at the most. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 30_000;

/** Milliseconds after which a worker that has lasted so long counts as sound. */
const SOUND_AFTER = 60_000;

/** Milliseconds that a worker may take to say how it is; else its last word counts. */
const LONGEST_ANSWER = 1000;

/** Milliseconds beyond the grace that a worker may take to come to its end. */
const LAST_WORDS = 1000;

/** What the crew needs to know. */
export interface CrewOptions {
  /** What each worker is to do, but for its place among them. */
  readonly assignment: Omit<Assignment, "index" | "restarts">;
  /** The log of all. */
  readonly log: AccessLog;
  /** The module that each worker runs; by default the program's own. */
  readonly entry?: URL;
}

/** The workers of the program. */
export class Crew implements Serving {
  readonly #options: CrewOptions;
  readonly #members: Member[] = [];
  #assignment: CrewOptions["assignment"];
  #url = "";
  #restarts = 0;
  #isDraining = false;
  /** What workers that are gone have counted. */
  #retired: Snapshot[] = [];

  private constructor(options: CrewOptions) {
    this.#options = options;
    this.#assignment = options.assignment;
  }

  /**
   * Starts the workers: the first picks the port, where any will do.
   *
   * @throws what listening throws; no worker is left then.
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
      crew.#isDraining = true;
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
    const { log, entry = new URL("./worker.ts", import.meta.url) } = this.#options;
    const assignment = { ...this.#assignment, index, restarts };
    const member = new Member(entry, assignment, log, (problem) => this.#replace(member, problem));
    this.#members[index] = member;
    return member;
  }

  /** Another one takes the place of a worker that has failed. */
  #replace(failed: Member, problem: string): void {
    const { index, restarts } = failed.assignment;
    this.#retired.push(...failed.account.snapshots.map(retire));
    if (this.#isDraining || this.#url === "") return;
    const pause = failed.hasLasted
      ? FIRST_PAUSE
      : Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** restarts);
    this.#options.log.event("worker", `${index + 1} has failed: ${problem}`);
    setTimeout(() => {
      if (this.#isDraining) return;
      this.#restarts++;
      const member = this.#hire(index, failed.hasLasted ? 1 : restarts + 1);
      member.ready.then(
        () => this.#options.log.event("worker", `${index + 1} is back`),
        (error) => this.#replace(member, messageOf(error)),
      );
    }, pause);
  }

  async drain(grace: number): Promise<void> {
    this.#isDraining = true;
    await Promise.all(this.#members.map((member) => member.drain(grace)));
  }

  /** The workers to come get it as well, unless it is none. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    await Promise.all(this.#members.map((member) => member.replaceCertificate(certificate)));
    this.#assignment = { ...this.#assignment, certificate };
  }

  async connections(): Promise<readonly ConnectionView[]> {
    const accounts = await Promise.all(this.#members.map((member) => member.ask()));
    return accounts.flatMap(({ connections }) => connections);
  }

  async snapshots(): Promise<readonly Snapshot[]> {
    const accounts = await Promise.all(this.#members.map((member) => member.ask()));
    return [...this.#retired, ...accounts.flatMap(({ snapshots }) => snapshots)];
  }
}

/** One worker. */
class Member {
  readonly assignment: Assignment;
  readonly #worker: Worker;
  readonly #log: AccessLog;
  readonly #onFailure: (problem: string) => void;
  readonly #startedAt = performance.now();
  readonly #ready = Promise.withResolvers<{ readonly url: string; readonly port: number }>();
  readonly #over = Promise.withResolvers<void>();
  readonly #questions = new Map<number, (account: Account) => void>();
  #certified = Promise.withResolvers<string | null>();
  #questionCount = 0;
  #isReady = false;
  #isOver = false;
  /** What it has last told of itself. */
  account: Account = { connections: [], snapshots: [] };

  constructor(
    entry: URL,
    assignment: Assignment,
    log: AccessLog,
    onFailure: (problem: string) => void,
  ) {
    this.assignment = assignment;
    this.#log = log;
    this.#onFailure = onFailure;
    this.#worker = new Worker(entry, { type: "module", name: `worker ${assignment.index + 1}` });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault(); // Else the program would end as well.
      this.#fail(event.message);
    };
    this.send({ type: "start", assignment });
  }

  /** Resolves once it listens. */
  get ready(): Promise<{ readonly url: string; readonly port: number }> {
    return this.#ready.promise;
  }

  /** Whether it has served for so long that it is no failure from the start. */
  get hasLasted(): boolean {
    return performance.now() - this.#startedAt > SOUND_AFTER;
  }

  send(order: Order): void {
    if (!this.#isOver) this.#worker.postMessage(order);
  }

  #hear(report: Report): void {
    switch (report.type) {
      case "serving":
        this.#isReady = true;
        return this.#ready.resolve(report);
      case "refused":
        this.#ready.reject(revive(report.name, report.message));
        return this.terminate();
      case "lines":
        this.#log.append(report.lines);
        return this.send({ type: "logged" });
      case "certified":
        return this.#certified.resolve(report.problem);
      case "account":
        this.account = report.account;
        return this.#questions.get(report.question)?.(report.account);
      case "drained":
        return this.terminate();
    }
  }

  #fail(problem: string): void {
    if (this.#isOver) return;
    this.terminate();
    if (this.#isReady) this.#onFailure(problem.replaceAll("\n", " "));
    else this.#ready.reject(new Error(problem));
  }

  /** @throws {Failure} where it does not take the certificate. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    this.#certified = Promise.withResolvers();
    this.send({ type: "certificate", certificate });
    const over = this.#over.promise.then(() => null);
    const problem = await Promise.race([this.#certified.promise, over]);
    if (problem !== null) throw new Failure(problem);
  }

  /** What it tells of itself now, or has told last. */
  async ask(): Promise<Account> {
    if (this.#isOver) return this.account;
    const question = ++this.#questionCount;
    const answered = Promise.withResolvers<Account>();
    const timer = setTimeout(() => answered.resolve(this.account), LONGEST_ANSWER);
    this.#questions.set(question, answered.resolve);
    this.send({ type: "ask", question });
    try {
      return await answered.promise;
    } finally {
      clearTimeout(timer);
      this.#questions.delete(question);
    }
  }

  /** Ends it, in peace if possible. */
  async drain(grace: number): Promise<void> {
    this.send({ type: "drain", grace });
    const timer = setTimeout(() => this.terminate(), grace + LAST_WORDS);
    if (!this.#isOver) await this.#over.promise;
    clearTimeout(timer);
  }

  /** Ends it at once. */
  terminate(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#worker.terminate();
    this.#over.resolve();
  }
}
