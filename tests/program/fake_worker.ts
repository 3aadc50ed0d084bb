// A worker on strings: the program's own, that begins when the test says so, and fails as it says.
// It takes its orders, a word each, from the port that stands in its config for --admin.

import type { Command, WorkerEvent } from "../../lib/program/messages.ts";

/** What a worker's global object has, and that of a program has not. */
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
  throw: () => void setTimeout(() => startPaused("thrown in\na timer")),
  reject: () => void Promise.reject(new Error("nobody has caught it")),
  close: () => self.close(),
};

function startPaused(message: string): never {
  throw new Error(message);
}

/** The program's worker, with what the pool has said meanwhile. */
async function begin(): Promise<void> {
  scope.removeEventListener("message", keep);
  await import("../../lib/program/worker.ts");
  for (const data of waiting) dispatchEvent(new MessageEvent("message", { data }));
}

async function obey(): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: await assigned.promise });
  const word = new Uint8Array(16);
  for (let length = await conn.read(word); length !== null; length = await conn.read(word)) {
    const command = new TextDecoder().decode(word.subarray(0, length));
    if (command === "begin") await begin();
    else if (command === "stumble") {
      scope.postMessage({
        type: "failed",
        message: "it stumbles",
        stats: { connections: [], snapshots: [] },
      });
    } else FAILURES[command]!();
  }
}

void obey();
