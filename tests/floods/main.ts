// `deno task floods [--only NAME] [--seconds N]`: ten seconds of each flood by default.

import { parseArgs } from "@std/cli/parse-args";
import { withDirectory } from "../support/temp.ts";
import { type FloodReport, FLOODS, type Latencies, prepare, runFlood } from "./floods.ts";

const flags = parseArgs(Deno.args, { string: ["only", "seconds"] });
const seconds = Number(flags.seconds ?? 10);
const floods = FLOODS.filter(({ name }) => flags.only === undefined || name === flags.only);
if (floods.length === 0) {
  console.error(`There is no flood ${flags.only}; there are ${FLOODS.map(({ name }) => name)}.`);
  Deno.exit(2);
}

const COLUMNS = [16, 14, 21, 11, 5, 5];

function print(...cells: readonly string[]): void {
  console.log(cells.map((cell, at) => cell.padEnd(COLUMNS[at] ?? 0)).join("  "));
}

function milliseconds({ p50, p99 }: Latencies): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
}

function row({ flood, before, during, memory, cpu, delay, problems, attack }: FloodReport): void {
  const verdict = problems.length === 0 ? "pass" : `FAIL: ${problems.join(", ")}`;
  const longest = `${milliseconds(during)} / ${during.max.toFixed(0)}`;
  print(
    flood,
    milliseconds(before),
    longest,
    memory.join(" -> "),
    `${cpu} %`,
    `${delay} %`,
    verdict,
  );
  console.log(`                  (${attack})`);
}

let failures = 0;
await withDirectory(async (path) => {
  await prepare(path);
  print("flood", "before", "during (p50/p99/max)", "MiB", "CPU", "noise", "verdict");
  for (const flood of floods) {
    const report = await runFlood(flood, path, { seconds });
    row(report);
    if (report.problems.length > 0) failures++;
  }
});
Deno.exit(failures === 0 ? 0 : 1);
