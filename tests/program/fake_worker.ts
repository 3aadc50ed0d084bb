// The worker of the program, which begins and fails when the test commands it. Commands come from the
// address that its options have for --admin, one in each read.

import type { Command, WorkerEvent } from "../../lib/program/messages.ts";

/** The global object of a worker, for which Deno's own types are those of the main thread. */
interface WorkerScope {
  addEventListener(type: "message", listener: (event: MessageEvent<Command>) => void): void;
  removeEventListener(type: "message", listener: (event: MessageEvent<Command>) => void): void;
  postMessage(event: WorkerEvent): void;
}

const scope = globalThis as unknown as WorkerScope;

const waiting: Command[] = [];
const assigned = Promise.withResolvers<number>();

function keep({ data }: MessageEvent<Command>): void {
  waiting.push(data);
  if (data.type !== "start") return;
  const { admin } = data.config.options;
  if (admin?.transport === "tcp") assigned.resolve(admin.port);
}

scope.addEventListener("message", keep);

const FAILURES: Readonly<Record<string, () => void>> = {
  throw: () => void setTimeout(() => fail("thrown in\na timer")),
  reject: () => void Promise.reject(new Error("an uncaught rejection")),
  close: () => self.close(),
};

function fail(message: string): never {
  throw new Error(message);
}

/** Runs the worker of the program, with the commands of the pool so far. */
async function begin(): Promise<void> {
  scope.removeEventListener("message", keep);
  await import("../../lib/program/worker.ts");
  for (const data of waiting) dispatchEvent(new MessageEvent("message", { data }));
}

async function runCommands(): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: await assigned.promise });
  const bytes = new Uint8Array(16);
  for (let length = await conn.read(bytes); length !== null; length = await conn.read(bytes)) {
    const command = new TextDecoder().decode(bytes.subarray(0, length));
    if (command === "begin") await begin();
    else if (command === "fail to start") {
      scope.postMessage({
        type: "failed",
        message: "it is broken",
        stats: { connections: [], snapshots: [] },
      });
    } else FAILURES[command]!();
  }
}

void runCommands();
