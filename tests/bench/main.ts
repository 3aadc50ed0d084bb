// `deno task bench`: measures, prints the table and the targets, and writes files on request.

import { Benchmark } from "./bench.ts";
import { chart } from "./chart.ts";
import { idleConnections } from "./idle.ts";
import { type BenchOptions, HELP, parseBenchOptions, UsageError } from "./options.ts";
import { versionOf } from "./process.ts";
import { textReport, withNewest } from "./report.ts";
import { judge, type Result } from "./results.ts";
import { type Programs, recipes } from "./servers.ts";

const DOCUMENT = new URL("../../docs/benchmark.md", import.meta.url);
const CHART = new URL("../../docs/bench.svg", import.meta.url);

/** Milliseconds for measuring: six minutes, or one, less the time for the report. */
const FULL = 330_000;
const QUICK = 50_000;

async function main(): Promise<number> {
  const options = orUsage();
  if (options === null) return 2;
  if (options.help) {
    console.log(HELP.trimEnd());
    return 0;
  }
  const wrk = await versionOf("wrk", "--version");
  if (wrk === null) {
    console.error("bench: needs wrk, which is not on the PATH (Debian: apt-get install wrk)");
    return 1;
  }
  const found = await versionOf("node", "--version");
  // Debian's nginx is in a directory that only the PATH of root has.
  const candidates = ["nginx", "/usr/sbin/nginx"];
  const versions = await Promise.all(candidates.map((command) => versionOf(command, "-V")));
  const command = candidates[versions.findIndex((version) => version !== null)] ?? null;
  const nginx = versions.find((version) => version !== null) ?? null;
  // Where Node.js is missing, Deno runs itself in its place, but does not say "v20.0.0".
  const node = found?.startsWith("v") ? found : null;
  const programs: Programs = {
    node: node === null ? null : "node",
    nginx: command,
    hasDav: nginx?.includes("http_dav_module") ?? false,
  };
  const notes = notesOn(node, nginx, wrk, programs);
  const results = await measure(options, programs);
  const { works } = options;
  console.log(`\n${textReport(works, results)}\n\n${notes.join("\n")}`);
  await keep(options, results, notes);
  return results.some(({ errors }) => errors.length > 0) ? 1 : 0;
}

function orUsage(): BenchOptions | null {
  try {
    return parseBenchOptions(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`bench: ${error.message} (--help shows the flags)`);
    return null;
  }
}

function notesOn(
  node: string | null,
  nginx: string | null,
  wrk: string,
  { hasDav }: Programs,
): string[] {
  const version = (text: string) => /[0-9]+(\.[0-9]+)+/.exec(text)?.[0] ?? "";
  return [
    `Deno ${Deno.version.deno}, wrk ${version(wrk)}, ${navigator.hardwareConcurrency} CPUs; ` +
    "medians [ranges], and their ratio to Wireserve.",
    "Two workers have their CPU time counted together; wrk takes a core of its own, and on two " +
    "CPUs the rest is what they get.",
    node === null
      ? "node:http is run by Deno: node is not on the PATH."
      : `node:http is run by Node.js ${version(node)}.`,
    nginx === null
      ? "nginx is left out: it is not on the PATH (Debian: apt-get install nginx)."
      : `nginx ${version(nginx)}, one worker${hasDav ? "" : ", without the module for uploads"}.`,
  ];
}

async function measure(options: BenchOptions, programs: Programs): Promise<Result[]> {
  const { isQuick, works, dir } = options;
  const directory = await Deno.makeTempDir({
    prefix: "wireserve-bench-",
    ...(dir === null ? {} : { dir }),
  });
  try {
    return await new Benchmark({
      works,
      recipes: recipes(programs),
      programs,
      directory: await Deno.realPath(directory),
      rounds: options.rounds ?? (isQuick ? 1 : 3),
      budget: isQuick ? QUICK : FULL,
      idles: isQuick ? 1 : 3,
      starts: isQuick ? 3 : 7,
      connections: isQuick ? 2000 : await idleConnections(),
      warms: isQuick ? "first" : "all",
      report: (text) => console.error(text),
    }).run();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function keep(
  { works, json, svg, updatesDocs }: BenchOptions,
  results: readonly Result[],
  notes: readonly string[],
): Promise<void> {
  if (json !== null) {
    const targets = judge(works, results).map(({ work, ...rest }) => ({ work: work.id, ...rest }));
    await Deno.writeTextFile(json, `${JSON.stringify({ notes, results, targets }, null, 2)}\n`);
  }
  if (svg !== null) await Deno.writeTextFile(svg, chart(works, results));
  if (!updatesDocs) return;
  await Deno.writeTextFile(CHART, chart(works, results));
  const document = await Deno.readTextFile(DOCUMENT);
  await Deno.writeTextFile(DOCUMENT, withNewest(document, works, results, notes));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", DOCUMENT.pathname] }).output();
}

if (import.meta.main) Deno.exit(await main());
