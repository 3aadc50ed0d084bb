// Metrics in the text format of Prometheus, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/

import { type Metric, type Sample, single, type Snapshot, sumSnapshots } from "./metrics.ts";

/** The media type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The sum of several snapshots as text. */
export function exposeMetrics(snapshots: readonly Snapshot[]): string {
  return `${snapshots.reduce(sumSnapshots, []).map(metricText).join("\n\n")}\n`;
}

function metricText({ name, help, type, samples }: Metric): string {
  return [
    `# HELP ${name} ${escape(help)}`,
    `# TYPE ${name} ${type}`,
    ...samples.map((sample) => sampleLine(name, sample)),
  ].join("\n");
}

/** Finite numbers look the same in JavaScript and in the format. */
function sampleLine(name: string, { value, labels, suffix }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) =>
    `${label}="${escape(String(text)).replaceAll('"', '\\"')}"`
  );
  const list = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  return `${name}${suffix ?? ""}${list} ${value}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** Facts about the process as a whole, whatever the number of its workers. */
export interface ProcessFacts {
  readonly version: string;
  readonly workerRestarts: number;
}

/** The metrics of the process. Needs no permission. */
export async function processSnapshot(facts: ProcessFacts): Promise<Snapshot> {
  const { version, workerRestarts } = facts;
  // Deno itself has no CPU times. Loading this module takes tens of milliseconds: only on request.
  const { default: process } = await import("node:process");
  const { user, system } = process.cpuUsage();
  return [
    single("counter", "wireserve_worker_restarts_total", workerRestarts),
    single("gauge", "wireserve_build_info", 1, { version }),
    single("gauge", "process_start_time_seconds", performance.timeOrigin / 1000),
    single("counter", "process_cpu_seconds_total", (user + system) / 1e6),
    single("gauge", "process_resident_memory_bytes", Deno.memoryUsage().rss),
  ];
}
