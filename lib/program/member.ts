// One worker of the crew, seen from outside: a thread that is ordered about, reports, is asked now
// and then whether it is still there, and may fail at any moment.

import type { AccessLog } from "../access_log/access_log.ts";
import { retire } from "../admin/metrics.ts";
import { elapse } from "../server/clock.ts";
import type { Certificate } from "../server/listener.ts";
import { Failure, messageOf, revive } from "./failure.ts";
import type { Assignment } from "./instance.ts";
import type { Account, Order, Report } from "./messages.ts";

/** Milliseconds that a worker may take to say how it is; else its last word counts. */
const LONGEST_ANSWER = 1000;

/** Milliseconds beyond the grace that a worker may take to come to its end. */
const LAST_WORDS = 1000;

/** Calls in a row that a worker may leave unanswered. */
const LONGEST_SILENCE = 3;

/** Where a worker that serves can be reached. */
export interface Whereabouts {
  readonly url: string;
  readonly port: number;
}

/** Who hears of a worker. */
export interface MemberObserver {
  /** The log of all. */
  readonly log: AccessLog;
  /** It has served, and has failed now. It is terminated already. */
  readonly onFailure: (problem: string) => void;
}

/** One worker. */
export class Member {
  readonly assignment: Assignment;
  readonly #worker: Worker;
  readonly #observer: MemberObserver;
  readonly #startedAt = performance.now();
  readonly #ready = Promise.withResolvers<Whereabouts>();
  readonly #over = Promise.withResolvers<void>();
  readonly #questions = new Map<number, (account: Account) => void>();
  readonly #silent = Promise.withResolvers<void>();
  #certified = Promise.withResolvers<string | null>();
  #questionCount = 0;
  #unanswered = 0;
  #isReady = false;
  #isOver = false;
  /** What it has last told of itself. */
  account: Account = { connections: [], snapshots: [] };

  /** Starts it. */
  constructor(entry: URL, assignment: Assignment, observer: MemberObserver) {
    this.assignment = assignment;
    this.#observer = observer;
    this.#worker = new Worker(entry, { type: "module", name: `worker ${assignment.index + 1}` });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault(); // Else the program would end as well.
      this.#fail(event.message);
    };
    this.#ready.promise.catch(() => {}); // Whoever waits for it hears of it.
    this.send({ type: "start", assignment });
  }

  /**
   * Resolves once it listens.
   *
   * @throws what listening throws, there; a {@linkcode Failure} where it cannot even start.
   */
  get ready(): Promise<Whereabouts> {
    return this.#ready.promise;
  }

  /** Milliseconds since its start. */
  get age(): number {
    return performance.now() - this.#startedAt;
  }

  /** Orders it to do something. */
  send(order: Order): void {
    if (!this.#isOver) this.#worker.postMessage(order);
  }

  /** Asks whether it is still there: a worker that has closed itself says nothing of that. */
  call(): void {
    if (!this.#isReady) return;
    if (this.#unanswered++ === LONGEST_SILENCE) return this.#fail("it does not answer");
    this.send({ type: "call" });
  }

  #hear(report: Report): void {
    if (this.#isOver) return; // What it has said before it was terminated.
    this.#unanswered = 0;
    switch (report.type) {
      case "present":
        return;
      case "serving":
        this.#isReady = true;
        return this.#ready.resolve(report);
      case "refused":
        this.#ready.reject(revive(report.name, report.message));
        return this.terminate();
      case "failed":
        this.account = report.account;
        return this.#fail(report.message);
      case "lines":
        this.#observer.log.append(report.lines);
        return this.send({ type: "logged" });
      case "silent":
        return this.#silent.resolve();
      case "certified":
        return this.#certified.resolve(report.problem);
      case "account":
        this.account = report.account;
        return this.#questions.get(report.question)?.(report.account);
      case "drained":
        this.account = report.account;
        return this.terminate();
    }
  }

  #fail(problem: string): void {
    if (this.#isOver) return;
    this.terminate();
    const line = messageOf(problem);
    if (this.#isReady) this.#observer.onFailure(line);
    else this.#ready.reject(new Failure(`a worker cannot start: ${line}`));
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

  /** Has it stop listening, unless it is too busy to heed. */
  async stopListening(): Promise<void> {
    this.send({ type: "stop listening" });
    await elapse(LONGEST_ANSWER, Promise.race([this.#silent.promise, this.#over.promise]));
  }

  /** Ends it, in peace if possible. */
  async drain(grace: number): Promise<void> {
    this.send({ type: "drain", grace });
    const timer = setTimeout(() => this.terminate(), grace + LAST_WORDS);
    if (!this.#isOver) await this.#over.promise;
    clearTimeout(timer);
  }

  /** Ends it at once, and its connections with it. */
  terminate(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#worker.terminate();
    this.account = { connections: [], snapshots: this.account.snapshots.map(retire) };
    for (const answer of this.#questions.values()) answer(this.account);
    this.#over.resolve();
  }
}
