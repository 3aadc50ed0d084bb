// The load: wrk with a script for the row, or uploads one after the other. Both give the number of
// responses, latencies and errors.

import { RawClient } from "../support/raw_client.ts";
import { headOf } from "./check.ts";
import { untilInterruptible } from "./process.ts";
import { contentOf } from "./servers.ts";
import { quantile } from "./statistics.ts";
import type { Work, WorkRequest } from "./works.ts";

export interface Load {
  /** Responses; with a fraction if the last ones are counted by their bytes. */
  readonly requests: number;
  readonly seconds: number;
  /** Latency in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** If not empty, the figures are invalid. */
  readonly errors: readonly string[];
}

/** The Lua script that makes wrk send the requests of a row, and print the result as JSON. */
export function wrkScript({ method, path, fields, upload, pipelined }: WorkRequest): string {
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

/** Names that uploads take in turn: simultaneous uploads have different ones. */
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
 * Parses the output of the script.
 *
 * @param answerSize Bytes of one response, if responses are counted by bytes.
 * @throws {SyntaxError} if wrk did not end regularly.
 */
export function parseResult(output: string, answerSize: number | null): Load {
  const json = /^result (\{.*\})$/m.exec(output)?.[1];
  if (json === undefined) throw new SyntaxError(`wrk printed no result: ${output.trim()}`);
  const result: Record<string, number> = JSON.parse(json);
  const errors = ERRORS.filter((kind) => result[kind]! > 0)
    .map((kind) => `${result[kind]} errors of ${kind}`);
  const requests = answerSize === null ? result["requests"]! : result["bytes"]! / answerSize;
  return {
    requests,
    seconds: result["duration"]! / 1e6,
    p50: result["p50"]! / 1000,
    p99: result["p99"]! / 1000,
    errors,
  };
}

/** Seconds of a run of wrk, which is stopped earlier. */
const LONGEST = 600;

const PAUSE = 20;

/** Ignores that the process has ended, which Deno knows before it resolves `status`. */
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

/** Responses of at least so many bytes are counted by their bytes. */
const LARGE = 1 << 20;

/**
 * Drives a server with wrk, whose durations are whole seconds: SIGINT ends it earlier.
 *
 * @param milliseconds The minimal duration after the start of wrk.
 * @param script Path for the script.
 * @param isEnough Whether the load was long enough to be measured: else it continues.
 */
export async function driveByWrk(
  work: Work,
  port: number,
  milliseconds: number,
  script: string,
  isEnough: () => Promise<boolean>,
): Promise<Load> {
  await Deno.writeTextFile(script, wrkScript(work.request));
  const process = new Deno.Command("wrk", {
    args: [
      ...["--threads", "1", "--connections", `${work.connections}`, "--duration", `${LONGEST}s`],
      ...["--timeout", "10s", "--script", script, `http://127.0.0.1:${port}${work.request.path}`],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  await untilInterruptible(process.pid);
  await pause(milliseconds);
  while (!hasEnded && !await isEnough()) await pause(PAUSE);
  // Repeated, since a signal just before wrk sleeps does not end its sleep.
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

const PIECE = 1 << 20;

const OVERTIME = 10_000;

export async function driveUploads(work: Work, port: number, milliseconds: number): Promise<Load> {
  const { request } = work;
  const content = contentOf(request.upload);
  const latencies: number[] = [];
  const errors: string[] = [];
  using client = await RawClient.connect(port);
  const timer = setTimeout(() => client.close(), milliseconds + OVERTIME);
  using _ = { [Symbol.dispose]: () => clearTimeout(timer) };
  const start = performance.now();
  do {
    const before = performance.now();
    await client.send(headOf(request, port));
    for (let at = 0; at < content.length; at += PIECE) {
      await client.send(content.subarray(at, at + PIECE));
    }
    const { status } = await client.readResponse(request.method);
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
