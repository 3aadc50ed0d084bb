// Metrics as Prometheus reads them. The library sums what several workers have counted and writes
// its text format. What is not the server's own is loaded when somebody asks for the first time.

import { single, type Snapshot } from "./metrics.ts";

/** The media type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * The sum of several snapshots in Prometheus' text format.
 *
 * @param snapshots Those of all workers, and the {@linkcode processSnapshot}.
 */
export async function exposeMetrics(snapshots: readonly Snapshot[]): Promise<string> {
  // The library: the usual client for Prometheus, typed, with two dependencies.
  const { AggregatorRegistry } = await import("prom-client");
  return await AggregatorRegistry.aggregate([...snapshots]).metrics();
}

/** What is told of the process as a whole, once, whatever the number of its workers. */
export interface ProcessFacts {
  /** The version of the program. */
  readonly version: string;
  /** Workers that have been started in the place of others. */
  readonly workerRestarts: number;
}

/** The metrics of the process. Needs no permission. */
export async function processSnapshot(facts: ProcessFacts): Promise<Snapshot> {
  const { version, workerRestarts } = facts;
  // Deno does not tell the time of the processors. Loading this takes tens of milliseconds.
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
