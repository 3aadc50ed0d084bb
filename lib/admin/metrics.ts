// Counts what happens, for Prometheus. Counting is adding to plain numbers, a tenth of what the
// library's own counters cost; it gets them when somebody asks. A snapshot is a plain value, so
// that a worker can send its own.

import { CLOSE_REASONS } from "../http/connection_state.ts";
import { METHODS } from "../http/message.ts";
import type { LogRecord } from "../server/exchange.ts";

/** One number of a metric. */
export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** The name of a histogram's part; the metric's own by default. */
  readonly metricName?: string;
}

/** A metric in the shape that prom-client has for those of other processes. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** How those of several workers become one. */
  readonly aggregator: "sum";
  readonly values: readonly Sample[];
}

/** Everything that was counted in one place, at one moment. */
export type Snapshot = readonly Metric[];

/** The methods that are told apart: a client must not be able to make up rows. */
const ROWS = [...METHODS, "other"] as const;

const METHOD_INDEX: ReadonlyMap<string, number> = new Map(ROWS.map((name, at) => [name, at]));

const OTHER = ROWS.indexOf("other");

/** Statuses are below this; 0 stands for none. */
const STATUSES = 600;

/** Upper bounds of the durations' buckets in seconds: from a small file to a long download. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600];

/** Counts what one server, or one worker, does. */
export class Metrics {
  readonly #droppedLines: () => number;
  /** Requests by method and status. */
  readonly #requests = new Float64Array(ROWS.length * STATUSES);
  /** Requests by the bucket of their duration, each in one; the last is beyond all bounds. */
  readonly #durations = new Float64Array(BOUNDS.length + 1);
  readonly #aborted = new Map<string, number>(CLOSE_REASONS.map((reason) => [reason, 0]));
  #seconds = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #opened = 0;
  #closed = 0;

  /** @param droppedLines Lines that the log here has dropped since the start. */
  constructor(droppedLines: () => number = () => 0) {
    this.#droppedLines = droppedLines;
  }

  /** A connection has been opened. */
  connectionOpened(): void {
    this.#opened++;
  }

  /** A connection has been closed. */
  connectionClosed(): void {
    this.#closed++;
  }

  /** A request has come to its end, well or badly. */
  request(record: LogRecord): void {
    const { head, status, bytesIn, bytesOut, duration, isComplete, closeReason } = record;
    const method = METHOD_INDEX.get(head?.method ?? "") ?? OTHER;
    this.#requests[method * STATUSES + (status ?? 0)]!++;
    const seconds = duration / 1000;
    this.#durations[bucketOf(seconds)]!++;
    this.#seconds += seconds;
    this.#bytesIn += bytesIn;
    this.#bytesOut += bytesOut;
    if (isComplete) return;
    const reason = closeReason ?? "client-gone";
    this.#aborted.set(reason, this.#aborted.get(reason)! + 1);
  }

  /** Everything that has been counted so far. */
  snapshot(): Snapshot {
    return [
      metric("counter", "wireserve_requests_total", this.#requestSamples()),
      this.#durationMetric(),
      single("counter", "wireserve_received_bytes_total", this.#bytesIn),
      single("counter", "wireserve_sent_bytes_total", this.#bytesOut),
      single("gauge", "wireserve_connections", this.#opened - this.#closed),
      single("counter", "wireserve_connections_total", this.#opened),
      metric(
        "counter",
        "wireserve_aborted_total",
        [...this.#aborted].map(([reason, value]) => ({ value, labels: { reason } })),
      ),
      single("counter", "wireserve_log_lines_dropped_total", this.#droppedLines()),
    ];
  }

  #requestSamples(): Sample[] {
    const samples: Sample[] = [];
    for (const [at, value] of this.#requests.entries()) {
      if (value === 0) continue;
      const status = at % STATUSES;
      const method = ROWS[(at - status) / STATUSES]!;
      samples.push({ value, labels: { method, code: status === 0 ? "none" : status } });
    }
    return samples;
  }

  /** A bucket of Prometheus counts what is in the smaller ones as well. */
  #durationMetric(): Metric {
    const name = "wireserve_request_duration_seconds";
    let count = 0;
    const samples: Sample[] = [...this.#durations].map((durations, at) => {
      count += durations;
      return { value: count, labels: { le: BOUNDS[at] ?? "+Inf" }, metricName: `${name}_bucket` };
    });
    return metric("histogram", name, [
      ...samples,
      { value: this.#seconds, labels: {}, metricName: `${name}_sum` },
      { value: count, labels: {}, metricName: `${name}_count` },
    ]);
  }
}

function bucketOf(seconds: number): number {
  let at = 0;
  while (at < BOUNDS.length && seconds > BOUNDS[at]!) at++;
  return at;
}

/** What each metric means, in the order of the documentation. */
const HELP = {
  wireserve_requests_total: "Requests that have come to their end, by method and status.",
  wireserve_request_duration_seconds: "From a request's whole head to the end of its response.",
  wireserve_received_bytes_total: "Bytes of content received.",
  wireserve_sent_bytes_total: "Bytes of content sent.",
  wireserve_connections: "Open connections.",
  wireserve_connections_total: "Connections that have been opened.",
  wireserve_aborted_total: "Responses that were not sent whole, by reason.",
  wireserve_log_lines_dropped_total: "Lines of the access log that were dropped.",
  wireserve_worker_restarts_total: "Workers that have been started in the place of others.",
  wireserve_build_info: "1, with the version.",
  process_start_time_seconds: "When the process was started, in seconds since 1970.",
  process_cpu_seconds_total: "Time of the processors that the process has used.",
  process_resident_memory_bytes: "Memory of the process that is in use.",
} as const;

/** The names of all metrics. */
export const METRIC_NAMES: readonly string[] = Object.keys(HELP);

/**
 * What stays true of a worker that is gone. Without it the sum over all workers would fall, which
 * Prometheus takes for a start from nothing.
 */
export function withoutGauges(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => type !== "gauge");
}

/** The sum of two snapshots, each number with those of the same name and labels. */
export function sumSnapshots(one: Snapshot, other: Snapshot): Snapshot {
  const all = new Map(one.map((each) => [each.name, each]));
  for (const each of other) {
    const values = new Map<string, Sample>();
    for (const sample of [...all.get(each.name)?.values ?? [], ...each.values]) {
      const key = JSON.stringify([sample.metricName, sample.labels]);
      const value = sample.value + (values.get(key)?.value ?? 0);
      values.set(key, { ...sample, value });
    }
    all.set(each.name, { ...each, values: [...values.values()] });
  }
  return [...all.values()];
}

/** A metric of several numbers. */
export function metric(
  type: Metric["type"],
  name: keyof typeof HELP,
  values: readonly Sample[],
): Metric {
  return { name, help: HELP[name], type, aggregator: "sum", values };
}

/** A metric of one number. */
export function single(
  type: Metric["type"],
  name: keyof typeof HELP,
  value: number,
  labels: Sample["labels"] = {},
): Metric {
  return metric(type, name, [{ value, labels }]);
}
