// The load of wrk, with a script for the row.

import { untilInterruptible } from "./process.ts";
import { expand, wrkScript } from "./requests.ts";
import type { RowRequest } from "./row.ts";
import type { Address } from "./servers.ts";

/** What a load has measured. */
export interface Load {
  /** Responses; with a fraction if the last ones are counted by their bytes. */
  readonly requests: number;
  readonly seconds: number;
  /** Latency in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** If not empty, the figures are invalid. */
  readonly errors: readonly string[];
}

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
  const milliseconds = (name: string) => result[name]! / 1000;
  return {
    requests: answerSize === null ? result["requests"]! : result["bytes"]! / answerSize,
    seconds: result["duration"]! / 1e6,
    p50: milliseconds("p50"),
    p99: milliseconds("p99"),
    p999: milliseconds("p999"),
    max: milliseconds("max"),
    errors: ERRORS.filter((kind) => result[kind]! > 0)
      .map((kind) => `${result[kind]} errors of ${kind}`),
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

export interface WrkLoad {
  readonly request: RowRequest;
  readonly address: Address;
  readonly connections: number;
  /** Bytes of one response, if responses are counted by bytes. */
  readonly answerSize: number | null;
  /** The number of the first request. */
  readonly first: number;
  /** The minimal duration after the start of wrk. */
  readonly milliseconds: number;
  /** Path for the script. */
  readonly script: string;
  /** Whether the load was long enough to be measured: else it continues. */
  readonly isEnough: () => Promise<boolean>;
}

/** Drives a server with wrk, whose durations are whole seconds: SIGINT ends it earlier. */
export async function driveByWrk(load: WrkLoad): Promise<Load> {
  const { request, address: { port, authority }, connections, first, script } = load;
  await Deno.writeTextFile(script, wrkScript(request, port, first));
  const origin = `${authority === null ? "http" : "https"}://127.0.0.1:${port}`;
  const process = new Deno.Command("wrk", {
    args: [
      ...["--threads", "1", "--connections", `${connections}`, "--duration", `${LONGEST}s`],
      ...["--timeout", "10s", "--script", script, `${origin}${expand(request.path, first)}`],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  await untilInterruptible(process.pid);
  await pause(load.milliseconds);
  while (!hasEnded && !await load.isEnough()) await pause(PAUSE);
  // Repeated, since a signal just before wrk sleeps does not end its sleep.
  while (!hasEnded) {
    interrupt(process);
    await pause(PAUSE);
  }
  const { stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return parseResult(decoder.decode(stdout) + decoder.decode(stderr), load.answerSize);
}
