// The results of a run for readers: as text, row by row, and as the table of docs/benchmark.md.

import { figure, judge, ofRow, ratio, type Result, type Verdict } from "./results.ts";
import type { Spread } from "./statistics.ts";
import { type Family, FAMILY_NAMES, type Metric, type Row } from "./row.ts";

const MIB = 1024 * 1024;

/** The title of a metric, and the factor to its unit. */
interface Shown {
  readonly title: string;
  readonly scale: number;
}

const SHOWN: Readonly<Record<Metric, Shown>> = {
  rate: { title: "requests/s", scale: 1 },
  cpu: { title: "CPU µs/request", scale: 1 },
  p50: { title: "p50 ms", scale: 1 },
  p99: { title: "p99 ms", scale: 1 },
  p999: { title: "p99.9 ms", scale: 1 },
  max: { title: "max ms", scale: 1 },
  peak: { title: "peak RSS MiB", scale: 1 / MIB },
  growth: { title: "RSS growth MiB", scale: 1 / MIB },
  idle: { title: "RSS KiB/connection", scale: 1 / 1024 },
  startup: { title: "ms", scale: 1 },
};

/** A number with three significant digits, and commas between thousands. */
export function show(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function showSpread(value: Spread | null, { scale }: Shown): string {
  if (value === null) return "invalid";
  const [median, least, most] = [value.median, value.least, value.most].map((each) =>
    show(each * scale)
  );
  return value.least === value.most ? median! : `${median} [${least}-${most}]`;
}

function showRatio(value: number | null): string {
  return value === null ? "" : `${value.toFixed(2)}x`;
}

/** The report for a terminal: one block per row, then the targets. */
export function textReport(rows: readonly Row[], results: readonly Result[]): string {
  const blocks = rows.map((row) => block(row, ofRow(results, row)));
  return [...blocks, targetsText(judge(rows, results))].join("\n\n");
}

function block(row: Row, results: readonly Result[]): string {
  const ours = results.find(({ family }) => family === "wireserve");
  const head = ["", ...row.metrics.flatMap((metric) => [SHOWN[metric].title, ""])];
  const lines = results.map((result) => [
    result.server,
    ...row.metrics.flatMap((metric) => [
      showSpread(figure(result, metric), SHOWN[metric]),
      metric === "growth" ? "" : showRatio(ratio(result, ours, metric)),
    ]),
  ]);
  const driven = row.driver === "wrk" ? ` (wrk -t1 -c${row.connections})` : "";
  const note = row.note === undefined ? "" : `\n  ${row.note}`;
  const errors = results.flatMap(({ server, errors }) =>
    errors.map((error) => `\n  INVALID: ${server}: ${error}`)
  );
  return `${row.title}${driven}${note}\n${align([head, ...lines])}${errors.join("")}`;
}

/** Pads columns: the first is aligned left, the others right. */
export function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? `  ${cell.padEnd(widths[0]!)}` : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

function targetsText(verdicts: readonly Verdict[]): string {
  const met = verdicts.filter(({ isMet }) => isMet).length;
  return `Targets: ${met} of ${verdicts.length} met\n${align(verdicts.map(cellsOf))}`;
}

/** A target that was missed, in one line. */
export function missText(verdict: Verdict): string {
  return `${verdict.row.id}: ${aimOf(verdict)}, measured: ${measuredOf(verdict)}`;
}

function aimOf({ target: { metric, relation, factor, against } }: Verdict): string {
  const { title, scale } = SHOWN[metric];
  const bound = against === null
    ? show(factor * scale)
    : `${factor.toFixed(2)} x ${FAMILY_NAMES[against]}`;
  return `${title} ${relation} ${bound}`;
}

function measuredOf({ target, measured }: Verdict): string {
  if (measured === null) return "not measured";
  return target.against === null
    ? show(measured * SHOWN[target.metric].scale)
    : `${measured.toFixed(2)}x`;
}

/** The faster idiom of each peer, by row. */
export function idioms(rows: readonly Row[], results: readonly Result[]): string {
  const named = rows.filter(({ isFile }) => isFile).map((row) => {
    const servers = ofRow(results, row).map(({ server }) => server);
    return `${row.title}: ${servers.filter((name) => name.includes("(")).join(", ")}`;
  });
  return named.length === 0
    ? ""
    : `Of two ways to read files, the faster counts. ${named.join("; ")}.`;
}

const COLUMNS: readonly Family[] = [
  "wireserve",
  "workers",
  "loop",
  "deno",
  "node",
  "nginx",
  "caddy",
];

/** Metrics that the document shows. */
const OF_INTEREST: readonly Metric[] = ["rate", "cpu", "idle", "startup"];
/** The same of rows about latency. */
const LATENCIES: readonly Metric[] = ["p50", "p99", "p999", "max"];

function shownOf({ metrics }: Row): Metric[] {
  const isAboutLatency = metrics.includes("max");
  return metrics.filter((metric) =>
    OF_INTEREST.includes(metric) || isAboutLatency && LATENCIES.includes(metric)
  );
}

/** The table of docs/benchmark.md: medians, and in parentheses their ratio to Wireserve's. */
export function markdownTable(rows: readonly Row[], results: readonly Result[]): string {
  const head = ["row", "figure", ...COLUMNS.map((family) => FAMILY_NAMES[family])];
  const lines = rows.flatMap((row) =>
    shownOf(row).map((metric, index) => [
      index === 0 ? row.title.replace("/echo/abc", "`/echo/abc`") : "",
      SHOWN[metric].title,
      ...cells(ofRow(results, row), metric),
    ])
  );
  const rule = head.map((_, column) => column < 2 ? "---" : "--:");
  return markdown([head, rule, ...lines]);
}

function markdown(lines: readonly (readonly string[])[]): string {
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The targets and what was measured, as a table for docs/benchmark.md. */
function targetsTable(verdicts: readonly Verdict[]): string {
  const head = ["row", "target", "measured", ""];
  return markdown([head, ["---", "---", "--:", "---"], ...verdicts.map(cellsOf)]);
}

function cellsOf(verdict: Verdict): string[] {
  const { row, isMet } = verdict;
  return [row.title, aimOf(verdict), measuredOf(verdict), isMet ? "met" : "missed"];
}

function cells(results: readonly Result[], metric: Metric): string[] {
  const find = (family: Family) => results.find((each) => each.family === family);
  return COLUMNS.map((family) => {
    const value = figure(find(family), metric);
    if (value === null) return find(family) === undefined ? "" : "invalid";
    const median = show(value.median * SHOWN[metric].scale);
    if (family === "wireserve") return `**${median}**`;
    return `${median} (${showRatio(ratio(find(family), find("wireserve"), metric)).slice(0, -1)})`;
  });
}

/** The markers in docs/benchmark.md, and what is between them. */
const BETWEEN_MARKERS = /(<!-- bench:begin -->\n)[^]*(<!-- bench:end -->)/;

/**
 * A document with the newest table between its markers.
 *
 * @param notes Sentences about the machine and the versions, for below the table.
 * @throws {Error} if the document has no markers.
 */
export function withNewest(
  document: string,
  rows: readonly Row[],
  results: readonly Result[],
  notes: readonly string[],
): string {
  if (!BETWEEN_MARKERS.test(document)) throw new Error("The document has no markers");
  const parts = [
    "![CPU time per request, relative to Wireserve](bench.svg)",
    markdownTable(rows, results),
    targetsTable(judge(rows, results)),
    [...notes, idioms(rows, results)].join(" "),
  ];
  return document.replace(
    BETWEEN_MARKERS,
    (_, begin, end) => `${begin}\n${parts.join("\n\n")}\n\n${end}`,
  );
}
