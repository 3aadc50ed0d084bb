// `deno task bench`: measures, prints the table and the targets, and writes files on request.

import { makeCertificates } from "../support/certificates.ts";
import { Benchmark } from "./bench.ts";
import { chart } from "./chart.ts";
import { mostConnections } from "./idle.ts";
import { type BenchOptions, HELP, parseBenchOptions, UsageError } from "./options.ts";
import { findPrograms, type Found } from "./programs.ts";
import { recipes, type Tls } from "./recipes.ts";
import { missText, textReport, withNewest } from "./report.ts";
import { judge, type Result, type Verdict } from "./results.ts";
import type { Row } from "./row.ts";

const DOCUMENT = new URL("../../docs/benchmark.md", import.meta.url);
const CHART = new URL("../../docs/bench.svg", import.meta.url);

/** Milliseconds for measuring: twelve minutes, or two, less the time for start and report. */
const FULL = { rounds: 5, budget: 660_000, idles: 3, starts: 7, connections: 10_000 } as const;
const QUICK = { rounds: 1, budget: 90_000, idles: 1, starts: 3, connections: 2000 } as const;

async function main(): Promise<number> {
  const options = orUsage();
  if (options === null) return 2;
  if (options.help) {
    console.log(HELP.trimEnd());
    return 0;
  }
  const found = await findPrograms();
  if (found.wrk === null) {
    console.error("bench: needs wrk, which is not on the PATH (Debian: apt-get install wrk)");
    return 1;
  }
  const { dir } = options;
  const parent = await Deno.makeTempDir({
    prefix: "wireserve-bench-",
    ...(dir === null ? {} : { dir }),
  });
  try {
    return await run(options, found, await Deno.realPath(parent));
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
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

async function run(options: BenchOptions, found: Found, directory: string): Promise<number> {
  const most = await mostConnections();
  const isTooLarge = ({ connections, witnesses }: Row) => connections + witnesses > most;
  const isPossible = ({ isTls, driver }: Row) =>
    (!isTls || found.hasOpenssl) && (driver !== "pictures" || found.hasChromium);
  const rows = options.rows.filter((row) => !isTooLarge(row) && isPossible(row));
  const tls = rows.some(({ isTls }) => isTls) ? await makeTls(`${directory}/tls`) : null;
  const size = options.isQuick ? QUICK : FULL;
  const connections = Math.min(size.connections, most);
  await Deno.mkdir(`${directory}/run`);
  const results = await new Benchmark({
    ...size,
    connections,
    rounds: options.rounds ?? size.rounds,
    warms: options.isQuick ? "first" : "all",
    rows,
    recipes: recipes({ ...found, tls }),
    directory: `${directory}/run`,
    report: (text) => console.error(text),
  }).run();
  const notes = [
    ...found.notes,
    `Idle connections: ${connections.toLocaleString("en")}.`,
    ...options.rows.filter(isTooLarge).map(({ title }) =>
      `The row ${title} is left out: the limit of open files is too low.`
    ),
  ];
  console.log(`\n${textReport(rows, results)}\n\n${notes.join("\n")}`);
  await keep(options, rows, results, notes);
  return exitCode(results, options.isCheck ? judge(rows, results) : []);
}

function exitCode(results: readonly Result[], verdicts: readonly Verdict[]): number {
  const missed = verdicts.filter(({ isMet }) => !isMet);
  for (const verdict of missed) console.error(`missed: ${missText(verdict)}`);
  return missed.length > 0 || results.some(({ errors }) => errors.length > 0) ? 1 : 0;
}

async function makeTls(directory: string): Promise<Tls> {
  await Deno.mkdir(directory);
  const { authority } = await makeCertificates(directory);
  return { authority, cert: `${directory}/one.pem`, key: `${directory}/one.key` };
}

async function keep(
  { json, svg, updatesDocs }: BenchOptions,
  rows: readonly Row[],
  results: readonly Result[],
  notes: readonly string[],
): Promise<void> {
  if (json !== null) {
    const targets = judge(rows, results).map(({ row, ...rest }) => ({ row: row.id, ...rest }));
    await Deno.writeTextFile(json, `${JSON.stringify({ notes, results, targets }, null, 2)}\n`);
  }
  if (svg !== null) await Deno.writeTextFile(svg, chart(rows, results));
  if (!updatesDocs) return;
  await Deno.writeTextFile(CHART, chart(rows, results));
  const document = await Deno.readTextFile(DOCUMENT);
  await Deno.writeTextFile(DOCUMENT, withNewest(document, rows, results, notes));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", DOCUMENT.pathname] }).output();
}

if (import.meta.main) Deno.exit(await main());
