// The entry point of a worker: one server, controlled by messages of the pool. After an uncaught
// error the pool replaces the worker.

import { AccessLog } from "../access_log/access_log.ts";
import type { LineSink } from "../access_log/sink.ts";
import { sleep } from "../server/deadlines.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf } from "./startup_error.ts";
import { LocalServer, type PreparedServer, type WorkerConfig } from "./local_server.ts";
import type { Command, WorkerEvent, WorkerStats } from "./messages.ts";

/** The global object of a worker, for which Deno's own types are those of the main thread. */
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

/** Milliseconds for the log of a worker that has failed. */
const FINAL_LOG_TIMEOUT = 100;

/** Passes lines on to the log of the program, a batch at a time. */
class PoolSink implements LineSink {
  readonly #areEvents: boolean;
  #written = Promise.withResolvers<number>();

  constructor(areEvents: boolean) {
    this.#areEvents = areEvents;
  }

  write(lines: string): Promise<number> {
    this.#written = Promise.withResolvers();
    scope.postMessage({ type: "lines", lines, areEvents: this.#areEvents });
    return this.#written.promise;
  }

  confirm(): void {
    this.#written.resolve(0);
  }
}

const [requests, events] = [new PoolSink(false), new PoolSink(true)];
let log: AccessLog | null = null;
let prepared: PreparedServer | null = null;
let server: LocalServer | null = null;
/** Resolves when the start has succeeded or failed. */
const started = Promise.withResolvers<void>();

async function prepare(config: WorkerConfig): Promise<void> {
  log = new AccessLog(config.options.log, requests, events);
  try {
    prepared = await LocalServer.prepare(config, log);
    scope.postMessage({ type: "prepared" });
  } catch (error) {
    failToStart(error);
  }
}

async function listen(port: number): Promise<void> {
  try {
    server = await prepared!(port);
    scope.postMessage({ type: "serving", url: server.url, port: server.port });
    started.resolve();
  } catch (error) {
    failToStart(error);
  }
}

function failToStart(error: unknown): void {
  const name = error instanceof Error ? error.name : "Error";
  scope.postMessage({ type: "start failed", name, message: messageOf(error) });
  started.resolve();
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

/** If the certificate is invalid, the old one stays in use. */
async function replaceCertificate(certificate: Certificate): Promise<void> {
  let problem: string | null = null;
  await started.promise; // The command may arrive before the server listens.
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
      return await prepare(command.config);
    case "listen":
      return await listen(command.port);
    case "stop listening":
      return await stopListening();
    case "drain":
      return await drain(command.grace);
    case "certificate":
      return await replaceCertificate(command.certificate);
    case "users":
      await started.promise; // The command may arrive before the server listens.
      return server?.replaceUsers(command.users);
    case "get stats":
      return scope.postMessage({
        type: "stats",
        requestId: command.requestId,
        stats: await stats(),
      });
    case "ping":
      return scope.postMessage({ type: "pong" });
    case "lines written":
      return (command.areEvents ? events : requests).confirm();
  }
}

/** Reports the error to the pool. Deno itself would print its stack and end the program. */
function fail(event: Event, error: unknown): void {
  event.preventDefault();
  void reportFailure(messageOf(error));
}

/** The log and the metrics go to the pool before it ends this worker. */
async function reportFailure(message: string): Promise<void> {
  if (log !== null) await sleep(FINAL_LOG_TIMEOUT, log.flush());
  scope.postMessage({ type: "failed", message, stats: await stats() });
}

scope.addEventListener("error", (event) => fail(event, event.error));
scope.addEventListener("unhandledrejection", (event) => fail(event, event.reason));
scope.addEventListener("message", ({ data }) => void handleCommand(data));
