// The entry of a worker: one instance, which does what the crew orders and reports to it. An error
// that nobody catches here ends this worker, and is the crew's to mend.

import { AccessLog } from "../access_log/access_log.ts";
import type { LineSink } from "../access_log/sink.ts";
import { elapse } from "../server/clock.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf } from "./failure.ts";
import { type Assignment, Instance } from "./instance.ts";
import type { Account, Order, Report } from "./messages.ts";

/** What a worker's global object has, and that of a program has not. */
interface WorkerScope {
  addEventListener(type: "message", listener: (event: MessageEvent<Order>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(
    type: "unhandledrejection",
    listener: (event: PromiseRejectionEvent) => void,
  ): void;
  postMessage(report: Report): void;
}

const scope = globalThis as unknown as WorkerScope;

/** Milliseconds that the log of a worker that has failed may take. */
const LAST_LINES = 100;

/** Passes lines on to the one log of the program, the next batch once the last has arrived. */
class CrewSink implements LineSink {
  #taken = Promise.withResolvers<number>();

  write(lines: string): Promise<number> {
    this.#taken = Promise.withResolvers();
    scope.postMessage({ type: "lines", lines });
    return this.#taken.promise;
  }

  /** The crew has taken the lines. */
  confirm(): void {
    this.#taken.resolve(0);
  }
}

const sink = new CrewSink();
let log: AccessLog | null = null;
let instance: Instance | null = null;
/** Resolves once the instance is there, or cannot be. */
let started: Promise<void> = Promise.resolve();

async function start(assignment: Assignment): Promise<void> {
  log = new AccessLog(assignment.options.log, sink);
  try {
    instance = await Instance.start(assignment, log);
    scope.postMessage({ type: "serving", url: instance.url, port: instance.port });
  } catch (error) {
    const name = error instanceof Error ? error.name : "Error";
    scope.postMessage({ type: "refused", name, message: messageOf(error) });
  }
}

async function stopListening(): Promise<void> {
  await instance?.stopListening();
  scope.postMessage({ type: "silent" });
}

async function drain(grace: number): Promise<void> {
  await instance?.drain(grace);
  await log?.flush();
  scope.postMessage({ type: "drained", account: await account() });
}

/** A certificate that is none is no reason to end: the old one stays. */
async function replaceCertificate(certificate: Certificate): Promise<void> {
  let problem: string | null = null;
  await started; // With the old one: the order may have come meanwhile.
  try {
    await instance?.replaceCertificate(certificate);
  } catch (error) {
    problem = messageOf(error);
  }
  scope.postMessage({ type: "certified", problem });
}

async function account(): Promise<Account> {
  return {
    connections: await instance?.connections() ?? [],
    snapshots: await instance?.snapshots() ?? [],
  };
}

async function follow(order: Order): Promise<void> {
  switch (order.type) {
    case "start":
      return await (started = start(order.assignment));
    case "stop listening":
      return await stopListening();
    case "drain":
      return await drain(order.grace);
    case "certificate":
      return await replaceCertificate(order.certificate);
    case "ask":
      return scope.postMessage({
        type: "account",
        question: order.question,
        account: await account(),
      });
    case "call":
      return scope.postMessage({ type: "present" });
    case "logged":
      return sink.confirm();
  }
}

/** Ends this worker: the crew hears of it in a line, where Deno would print a stack. */
function fail(event: Event, error: unknown): void {
  event.preventDefault();
  void sayLastWords(messageOf(error));
}

/** What has been logged and counted is not to be lost. */
async function sayLastWords(message: string): Promise<void> {
  if (log !== null) await elapse(LAST_LINES, log.flush());
  scope.postMessage({ type: "failed", message, account: await account() });
}

scope.addEventListener("error", (event) => fail(event, event.error));
scope.addEventListener("unhandledrejection", (event) => fail(event, event.reason));
scope.addEventListener("message", ({ data }) => void follow(data));
