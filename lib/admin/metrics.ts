// Counts requests and connections. A snapshot is a plain value: a worker can send it to the pool.

import { CLOSE_REASONS } from "../http/connection_state.ts";
import { METHODS } from "../http/message.ts";
import type { LogRecord } from "../server/exchange.ts";
import type { Capacity } from "../server/server.ts";

/** One number of a metric. */
export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** For a histogram: what the name of this sample has after the name of the metric. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
}

/** A metric, as Prometheus knows it. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

/** All metrics of one server, or of the process, at one moment. */
export type Snapshot = readonly Metric[];

/** The values of the label `method`. Clients must not be able to add any: each is a time series. */
const METHOD_LABELS = [...METHODS, "other"] as const;

const METHOD_INDEX: ReadonlyMap<string, number> = new Map(
  METHOD_LABELS.map((name, at) => [name, at]),
);

const OTHER = METHOD_LABELS.indexOf("other");

/** Statuses are below this; 0 stands for none. */
const STATUSES = 600;

/** Upper bounds of the durations' buckets in seconds: from a small file to a long download. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600];

/** The counters of one server. */
export class Metrics {
  readonly #droppedLines: () => number;
  readonly #requests = new Float64Array(METHOD_LABELS.length * STATUSES);
  /** Requests by the one bucket of their duration; the last bucket has no bound. */
  readonly #durations = new Float64Array(BOUNDS.length + 1);
  readonly #aborted = new Map<string, number>(CLOSE_REASONS.map((reason) => [reason, 0]));
  #seconds = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #opened = 0;
  #closed = 0;

  /** @param droppedLines Returns how many lines the log has dropped since the start. */
  constructor(droppedLines: () => number = () => 0) {
    this.#droppedLines = droppedLines;
  }

  connectionOpened(): void {
    this.#opened++;
  }

  connectionClosed(): void {
    this.#closed++;
  }

  /** Counts a request that has ended, complete or not. */
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

  snapshot(): Snapshot {
    return [
      metric("counter", "wireserve_requests_total", this.#requestSamples()),
      metric("histogram", "wireserve_request_duration_seconds", this.#durationSamples()),
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
      const method = METHOD_LABELS[(at - status) / STATUSES]!;
      samples.push({ value, labels: { method, code: status === 0 ? "none" : status } });
    }
    return samples;
  }

  /** A bucket of Prometheus includes all smaller ones. */
  #durationSamples(): Sample[] {
    let count = 0;
    const buckets = [...this.#durations].map((durations, at): Sample => {
      count += durations;
      return { value: count, labels: { le: BOUNDS[at] ?? "+Inf" }, suffix: "_bucket" };
    });
    return [
      ...buckets,
      { value: this.#seconds, labels: {}, suffix: "_sum" },
      { value: count, labels: {}, suffix: "_count" },
    ];
  }
}

/** How many connections a server can have, and how often descriptors were too few for more. */
export function limitsSnapshot({ connectionLimit, descriptorShortages }: Capacity): Snapshot {
  const samples = connectionLimit === Infinity ? [] : [{ value: connectionLimit, labels: {} }];
  return [
    metric("gauge", "wireserve_connections_limit", samples),
    single("counter", "wireserve_descriptor_shortages_total", descriptorShortages),
  ];
}

function bucketOf(seconds: number): number {
  let at = 0;
  while (at < BOUNDS.length && seconds > BOUNDS[at]!) at++;
  return at;
}

/** The help text of each metric, in the order of the documentation. */
const HELP = {
  wireserve_requests_total: "Requests that have come to their end, by method and status.",
  wireserve_request_duration_seconds: "From a request's whole head to the end of its response.",
  wireserve_received_bytes_total: "Bytes of content received.",
  wireserve_sent_bytes_total: "Bytes of content sent.",
  wireserve_connections: "Open connections.",
  wireserve_connections_total: "Connections that have been opened.",
  wireserve_aborted_total: "Responses that were not sent whole, by reason.",
  wireserve_log_lines_dropped_total: "Lines of the access log that were dropped.",
  wireserve_connections_limit: "Connections that can be open at one time.",
  wireserve_descriptor_shortages_total:
    "Times that accepting has paused because file descriptors were short.",
  wireserve_worker_restarts_total: "Workers that have been started in the place of others.",
  wireserve_build_info: "1, with the version.",
  process_start_time_seconds: "When the process was started, in seconds since 1970.",
  process_cpu_seconds_total: "Time of the processors that the process has used.",
  process_resident_memory_bytes: "Memory of the process that is in use.",
} as const;

/** The names of all metrics. */
export const METRIC_NAMES: readonly string[] = Object.keys(HELP);

/** The counters of a worker that has ended stay: Prometheus takes a falling sum for a restart. */
export function withoutGauges(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => type !== "gauge");
}

/** The sum of two snapshots: samples of the same name and labels are added. */
export function sumSnapshots(one: Snapshot, other: Snapshot): Snapshot {
  const sums = new Map(one.map((each) => [each.name, each]));
  for (const each of other) {
    const samples = new Map<string, Sample>();
    for (const sample of [...sums.get(each.name)?.samples ?? [], ...each.samples]) {
      const key = JSON.stringify([sample.suffix, sample.labels]);
      const value = sample.value + (samples.get(key)?.value ?? 0);
      samples.set(key, { ...sample, value });
    }
    sums.set(each.name, { ...each, samples: [...samples.values()] });
  }
  return [...sums.values()];
}

/** A metric of several samples. */
export function metric(
  type: Metric["type"],
  name: keyof typeof HELP,
  samples: readonly Sample[],
): Metric {
  return { name, help: HELP[name], type, samples };
}

/** A metric of one sample, by default without labels. */
export function single(
  type: Metric["type"],
  name: keyof typeof HELP,
  value: number,
  labels: Sample["labels"] = {},
): Metric {
  return metric(type, name, [{ value, labels }]);
}
