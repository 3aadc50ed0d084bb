// The entry of a worker: one server, which does what the pool orders and reports to it. An error
// that nobody catches here ends this worker, and is the pool's to mend.

import { AccessLog } from "../access_log/access_log.ts";
import type { LineSink } from "../access_log/sink.ts";
import { sleep } from "../server/deadlines.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf } from "./startup_error.ts";
import { LocalServer, type WorkerConfig } from "./local_server.ts";
import type { Command, WorkerEvent, WorkerStats } from "./messages.ts";

/** What a worker's global object has, and that of a program has not. */
interface WorkerScope {
  addEventListener(type: "message", listener: (event: MessageEvent<Command>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(
    type: "unhandledrejection",
    listener: (event: PromiseRejectionEvent) => void,
  ): void;
  postMessage(event: WorkerEvent): void;
}

const scope = globalThis as unknown as WorkerScope;

/** Milliseconds that the log of a worker that has failed may take. */
const FINAL_LOG_TIMEOUT = 100;

/** Passes lines on to the one log of the program, the next batch once the last has arrived. */
class PoolSink implements LineSink {
  #taken = Promise.withResolvers<number>();

  write(lines: string): Promise<number> {
    this.#taken = Promise.withResolvers();
    scope.postMessage({ type: "lines", lines });
    return this.#taken.promise;
  }

  /** The pool has taken the lines. */
  confirm(): void {
    this.#taken.resolve(0);
  }
}

const sink = new PoolSink();
let log: AccessLog | null = null;
let server: LocalServer | null = null;
/** Resolves once the server is there, or cannot be. */
let started: Promise<void> = Promise.resolve();

async function start(config: WorkerConfig): Promise<void> {
  log = new AccessLog(config.options.log, sink);
  try {
    server = await LocalServer.start(config, log);
    scope.postMessage({ type: "serving", url: server.url, port: server.port });
  } catch (error) {
    const name = error instanceof Error ? error.name : "Error";
    scope.postMessage({ type: "start failed", name, message: messageOf(error) });
  }
}

async function stopListening(): Promise<void> {
  await server?.stopListening();
  scope.postMessage({ type: "stopped listening" });
}

async function drain(grace: number): Promise<void> {
  await server?.drain(grace);
  await log?.flush();
  scope.postMessage({ type: "drained", stats: await stats() });
}

/** A certificate that is none is no reason to end: the old one stays. */
async function replaceCertificate(certificate: Certificate): Promise<void> {
  let problem: string | null = null;
  await started; // With the old one: the command may have come meanwhile.
  try {
    await server?.replaceCertificate(certificate);
  } catch (error) {
    problem = messageOf(error);
  }
  scope.postMessage({ type: "certificate replaced", problem });
}

async function stats(): Promise<WorkerStats> {
  return {
    connections: await server?.connections() ?? [],
    snapshots: await server?.snapshots() ?? [],
  };
}

async function handleCommand(command: Command): Promise<void> {
  switch (command.type) {
    case "start":
      return await (started = start(command.config));
    case "stop listening":
      return await stopListening();
    case "drain":
      return await drain(command.grace);
    case "certificate":
      return await replaceCertificate(command.certificate);
    case "get stats":
      return scope.postMessage({
        type: "stats",
        requestId: command.requestId,
        stats: await stats(),
      });
    case "ping":
      return scope.postMessage({ type: "pong" });
    case "lines written":
      return sink.confirm();
  }
}

/** Ends this worker: the pool hears of it in a line, where Deno would print a stack. */
function fail(event: Event, error: unknown): void {
  event.preventDefault();
  void reportFailure(messageOf(error));
}

/** What has been logged and counted is not to be lost. */
async function reportFailure(message: string): Promise<void> {
  if (log !== null) await sleep(FINAL_LOG_TIMEOUT, log.flush());
  scope.postMessage({ type: "failed", message, stats: await stats() });
}

scope.addEventListener("error", (event) => fail(event, event.error));
scope.addEventListener("unhandledrejection", (event) => fail(event, event.reason));
scope.addEventListener("message", ({ data }) => void handleCommand(data));
