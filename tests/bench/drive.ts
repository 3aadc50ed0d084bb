// The load: wrk with a script made for the row, or whole uploads one after the other. Both say how
// many requests were answered, how fast, and what went wrong.

import { RawClient } from "../support/raw_client.ts";
import { headOf } from "./check.ts";
import { untilInterruptible } from "./process.ts";
import { contentOf } from "./servers.ts";
import { quantile } from "./statistics.ts";
import type { Ask, Work } from "./works.ts";

/** What a slice of load has come to. */
export interface Load {
  /** Responses; with a fraction where the last ones are counted by their bytes. */
  readonly requests: number;
  readonly seconds: number;
  /** Latency in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** What went wrong, in words: nothing, or the figures mean nothing. */
  readonly errors: readonly string[];
}

/** The Lua script that makes wrk send a row's requests, and say in JSON what came of it. */
export function wrkScript({ method, path, fields, upload, pipelined }: Ask): string {
  const lines = Object.entries(fields).map(([name, value]) =>
    `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`
  );
  return `wrk.method = "${method}"
wrk.path = ${JSON.stringify(path)}
${lines.join("\n")}
${upload > 0 ? UPLOADS(path, upload) : ""}${pipelined > 1 ? PIPELINE(pipelined) : ""}
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'result {"requests":%d,"bytes":%d,"duration":%d,"p50":%d,"p99":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
`;
}

/** Names that uploads take in turn: enough for those that are under way to differ. */
const NAMES = 256;

const UPLOADS = (path: string, size: number) =>
  `local count = 0
local content = string.rep("x", ${size})
request = function()
  count = count + 1
  return wrk.format(nil, "${path}-" .. count % ${NAMES}, nil, content)
end
`;

const PIPELINE = (count: number) =>
  `local requests
init = function()
  requests = string.rep(wrk.format(), ${count})
end
request = function()
  return requests
end
`;

const ERRORS = ["connect", "read", "write", "status", "timeout"] as const;

/**
 * Reads what the script has written.
 *
 * @param answerSize Bytes of one response, where requests are to be counted by them.
 * @throws {SyntaxError} where wrk has not come to its end.
 */
export function parseResult(output: string, answerSize: number | null): Load {
  const json = /^result (\{.*\})$/m.exec(output)?.[1];
  if (json === undefined) throw new SyntaxError(`wrk has not said its result: ${output.trim()}`);
  const result: Record<string, number> = JSON.parse(json);
  const errors = ERRORS.filter((kind) => result[kind]! > 0)
    .map((kind) => `${result[kind]} errors of ${kind}`);
  const requests = answerSize === null ? result["requests"]! : result["bytes"]! / answerSize;
  return {
    requests,
    seconds: result["duration"]! / 1e6,
    p50: result["p50"]! / 1000,
    p99: result["p99"]! / 1000,
    errors: requests > 0 ? errors : [...errors, "not one response"],
  };
}

/** Seconds that wrk would run for by itself: it is stopped before. */
const LONGEST = 600;

/** Milliseconds between two looks at wrk or at what it drives. */
const PAUSE = 20;

/** Deno knows of a process's end a moment before it tells. */
function interrupt(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGINT");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Bytes from which on the slice's last transfers count by their bytes. */
const LARGE = 1 << 20;

/**
 * Drives a server with wrk, which counts in whole seconds only: SIGINT ends it sooner, in order.
 *
 * @param milliseconds How long at least, from when wrk has begun.
 * @param script Path for the script.
 * @param isTold Whether the load has been long enough to be measured: else it goes on.
 */
export async function driveByWrk(
  work: Work,
  port: number,
  milliseconds: number,
  script: string,
  isTold: () => Promise<boolean>,
): Promise<Load> {
  await Deno.writeTextFile(script, wrkScript(work.ask));
  const process = new Deno.Command("wrk", {
    args: [
      ...["--threads", "1", "--connections", `${work.connections}`, "--duration", `${LONGEST}s`],
      ...["--timeout", "10s", "--script", script, `http://127.0.0.1:${port}${work.ask.path}`],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  await untilInterruptible(process.pid);
  await pause(milliseconds);
  while (!hasEnded && !await isTold()) await pause(PAUSE);
  // Again and again: a signal between wrk's handler and its sleep would not end the sleep.
  while (!hasEnded) {
    interrupt(process);
    await pause(PAUSE);
  }
  const { stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  const { content } = work.answer;
  const isLarge = typeof content === "number" && content >= LARGE;
  return parseResult(decoder.decode(stdout) + decoder.decode(stderr), isLarge ? content : null);
}

/** Bytes of an upload that are handed over at a time. */
const PIECE = 1 << 20;

/** Milliseconds that the last upload may take beyond its time. */
const PATIENCE = 10_000;

/** Uploads one whole file after the other on one connection until the time is over. */
export async function driveUploads(work: Work, port: number, milliseconds: number): Promise<Load> {
  const { ask } = work;
  const content = contentOf(ask.upload);
  const latencies: number[] = [];
  const errors: string[] = [];
  using client = await RawClient.connect(port);
  const timer = setTimeout(() => client.close(), milliseconds + PATIENCE);
  using _ = { [Symbol.dispose]: () => clearTimeout(timer) };
  const start = performance.now();
  do {
    const before = performance.now();
    await client.send(headOf(ask, port));
    for (let at = 0; at < content.length; at += PIECE) {
      await client.send(content.subarray(at, at + PIECE));
    }
    const { status } = await client.readResponse(ask.method);
    if (status !== 200 && status !== 201 && status !== 204) errors.push(`a status of ${status}`);
    latencies.push(performance.now() - before);
  } while (performance.now() - start < milliseconds);
  return {
    requests: latencies.length,
    seconds: (performance.now() - start) / 1000,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    errors,
  };
}
