// The metrics, and their text for Prometheus, line by line against its grammar.

import { assert, assertEquals } from "@std/assert";
import { exposeMetrics, processSnapshot } from "../../lib/admin/exposition.ts";
import {
  limitsSnapshot,
  metric,
  METRIC_NAMES,
  Metrics,
  single,
  type Snapshot,
  sumSnapshots,
  withoutGauges,
} from "../../lib/admin/metrics.ts";
import { CLOSE_REASONS } from "../../lib/http/connection_state.ts";
import { exchangeWith, headWith } from "../support/exchange.ts";
import { testWith } from "../support/needs.ts";

const FACTS = { version: '1.2.3 "x"\\', workerRestarts: 2 };

/** The grammar of the format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const GRAMMAR = new RegExp(
  `^(?:# HELP ${NAME} [^\\n]+|# TYPE ${NAME} (?:counter|gauge|histogram)` +
    `|${NAME}(?:\\{${LABEL}(?:,${LABEL})*\\})? (?:[+-]?[0-9]+(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?))?$`,
);

/** The numbers of an exposition by name and labels. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  assert(text.endsWith("\n"));
  for (const line of text.split("\n")) {
    assert(GRAMMAR.test(line), line);
    if (line === "" || line.startsWith("#")) continue;
    const at = line.lastIndexOf(" ");
    assert(!samples.has(line.slice(0, at)), `${line} is there twice`);
    samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return samples;
}

function exposed(snapshots: readonly Snapshot[]): Map<string, number> {
  return samplesOf(exposeMetrics(snapshots));
}

/** Metrics with some of everything. */
function busy(): Metrics {
  const metrics = new Metrics(() => 7);
  metrics.connectionOpened();
  metrics.connectionOpened();
  metrics.connectionClosed();
  const head = { ...headWith(), method: "PUT" };
  const forged = { ...headWith(), method: 'X"\n\\' };
  metrics.request(exchangeWith({ bytesIn: 10, bytesOut: 100, duration: 3 }));
  metrics.request(exchangeWith({ bytesIn: 1, bytesOut: 2, duration: 0.5 }));
  metrics.request(exchangeWith({ head, status: 201, duration: 700_000 }));
  metrics.request(exchangeWith({ head: forged, status: 501 }));
  metrics.request(exchangeWith({ head: null, status: 400, closeReason: "bad-request" }));
  metrics.request(exchangeWith({ status: null, isComplete: false, closeReason: "client-gone" }));
  metrics.request(exchangeWith({ isComplete: false, closeReason: "timeout" }));
  return metrics;
}

const DURATION = "wireserve_request_duration_seconds";

Deno.test("Metrics counts requests by method and status, and clients cannot add labels", () => {
  const samples = exposed([busy().snapshot()]);
  const requests = [...samples].filter(([name]) => name.startsWith("wireserve_requests_total"));
  assertEquals(Object.fromEntries(requests), {
    'wireserve_requests_total{method="GET",code="200"}': 3,
    'wireserve_requests_total{method="GET",code="none"}': 1,
    'wireserve_requests_total{method="PUT",code="201"}': 1,
    'wireserve_requests_total{method="other",code="400"}': 1,
    'wireserve_requests_total{method="other",code="501"}': 1,
  });
});

Deno.test("Metrics counts durations, bytes, connections and aborted responses", () => {
  const samples = exposed([busy().snapshot()]);
  const expected = {
    [`${DURATION}_bucket{le="0.0005"}`]: 1,
    [`${DURATION}_bucket{le="0.001"}`]: 1,
    [`${DURATION}_bucket{le="0.0025"}`]: 5,
    [`${DURATION}_bucket{le="0.005"}`]: 6,
    [`${DURATION}_bucket{le="600"}`]: 6,
    [`${DURATION}_bucket{le="+Inf"}`]: 7,
    [`${DURATION}_count`]: 7,
    "wireserve_received_bytes_total": 11 + 5 * 3,
    "wireserve_sent_bytes_total": 102 + 5 * 5,
    "wireserve_connections": 1,
    "wireserve_connections_total": 2,
    "wireserve_log_lines_dropped_total": 7,
    'wireserve_aborted_total{reason="client-gone"}': 1,
    'wireserve_aborted_total{reason="timeout"}': 1,
    'wireserve_aborted_total{reason="upgraded"}': 0,
    'wireserve_aborted_total{reason="server-error"}': 0,
  };
  for (const [name, value] of Object.entries(expected)) {
    assertEquals(samples.get(name), value, name);
  }
  const sum = samples.get(`${DURATION}_sum`)!;
  assert(Math.abs(sum - 700.0035 - 4 * 0.00123456) < 1e-6, String(sum));
});

Deno.test("exposeMetrics() sums the snapshots of workers, which can be cloned", () => {
  const one = structuredClone(busy().snapshot());
  const samples = exposed([one, busy().snapshot(), new Metrics().snapshot()]);
  assertEquals(samples.get("wireserve_connections"), 2);
  assertEquals(samples.get("wireserve_connections_total"), 4);
  assertEquals(samples.get('wireserve_requests_total{method="GET",code="200"}'), 6);
  assertEquals(samples.get(`${DURATION}_bucket{le="+Inf"}`), 14);
  assertEquals(samples.get(`${DURATION}_count`), 14);
});

Deno.test("withoutGauges() keeps counters and histograms, and drops gauges", () => {
  const samples = exposed([withoutGauges(busy().snapshot()), new Metrics().snapshot()]);
  assertEquals(samples.get("wireserve_connections"), 0);
  assertEquals(samples.get("wireserve_connections_total"), 2);
  assertEquals(samples.get(`${DURATION}_count`), 7);
});

Deno.test("limitsSnapshot() sums the limits of workers, and has none without a limit", () => {
  const one = limitsSnapshot({ connectionLimit: 100, descriptorShortages: 1 });
  const other = limitsSnapshot({ connectionLimit: 50, descriptorShortages: 2 });
  const samples = exposed([one, other]);
  assertEquals(samples.get("wireserve_connections_limit"), 150);
  assertEquals(samples.get("wireserve_descriptor_shortages_total"), 3);
  const none = exposed([limitsSnapshot({ connectionLimit: Infinity, descriptorShortages: 0 })]);
  assertEquals(none.get("wireserve_connections_limit"), undefined);
});

Deno.test("processSnapshot() describes the process", async () => {
  const samples = exposed([busy().snapshot(), await processSnapshot(FACTS)]);
  assertEquals(samples.get("wireserve_worker_restarts_total"), 2);
  assertEquals(samples.get('wireserve_build_info{version="1.2.3 \\"x\\"\\\\"}'), 1);
  const started = samples.get("process_start_time_seconds")!;
  assert(Math.abs(started - Date.now() / 1000) < 86_400);
  assert(samples.get("process_cpu_seconds_total")! > 0);
  assert(samples.get("process_resident_memory_bytes")! > 1024 * 1024);
});

Deno.test("exposeMetrics() writes every metric once, and none without a snapshot", async () => {
  const text = exposeMetrics([
    busy().snapshot(),
    busy().snapshot(),
    limitsSnapshot({ connectionLimit: 100, descriptorShortages: 0 }),
    await processSnapshot(FACTS),
  ]);
  const types = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  assertEquals(types, [...METRIC_NAMES]);
  assertEquals([...text.matchAll(/^# HELP (\S+) /gm)].length, METRIC_NAMES.length);
  assertEquals(samplesOf(exposeMetrics([])).size, 0);
});

Deno.test("exposeMetrics() writes the text format, labels escaped", () => {
  const text = exposeMetrics([
    busy().snapshot(),
    withoutGauges(busy().snapshot()),
    [
      single("gauge", "wireserve_build_info", 1, { version: '1.2.3 "x"\\\n' }),
      single("counter", "process_cpu_seconds_total", 0.000001),
      single("counter", "wireserve_log_lines_dropped_total", 1e21),
    ],
  ]);
  assertEquals(text, EXPOSED);
});

/** The output of prom-client 15.1.3 for the same snapshots. */
const EXPOSED =
  `# HELP wireserve_requests_total Requests that have come to their end, by method and status.
# TYPE wireserve_requests_total counter
wireserve_requests_total{method="GET",code="none"} 2
wireserve_requests_total{method="GET",code="200"} 6
wireserve_requests_total{method="PUT",code="201"} 2
wireserve_requests_total{method="other",code="400"} 2
wireserve_requests_total{method="other",code="501"} 2

# HELP wireserve_request_duration_seconds From a request's whole head to the end of its response.
# TYPE wireserve_request_duration_seconds histogram
wireserve_request_duration_seconds_bucket{le="0.0005"} 2
wireserve_request_duration_seconds_bucket{le="0.001"} 2
wireserve_request_duration_seconds_bucket{le="0.0025"} 10
wireserve_request_duration_seconds_bucket{le="0.005"} 12
wireserve_request_duration_seconds_bucket{le="0.01"} 12
wireserve_request_duration_seconds_bucket{le="0.025"} 12
wireserve_request_duration_seconds_bucket{le="0.05"} 12
wireserve_request_duration_seconds_bucket{le="0.1"} 12
wireserve_request_duration_seconds_bucket{le="0.5"} 12
wireserve_request_duration_seconds_bucket{le="1"} 12
wireserve_request_duration_seconds_bucket{le="5"} 12
wireserve_request_duration_seconds_bucket{le="10"} 12
wireserve_request_duration_seconds_bucket{le="60"} 12
wireserve_request_duration_seconds_bucket{le="600"} 12
wireserve_request_duration_seconds_bucket{le="+Inf"} 14
wireserve_request_duration_seconds_sum 1400.0168764799996
wireserve_request_duration_seconds_count 14

# HELP wireserve_received_bytes_total Bytes of content received.
# TYPE wireserve_received_bytes_total counter
wireserve_received_bytes_total 52

# HELP wireserve_sent_bytes_total Bytes of content sent.
# TYPE wireserve_sent_bytes_total counter
wireserve_sent_bytes_total 254

# HELP wireserve_connections Open connections.
# TYPE wireserve_connections gauge
wireserve_connections 1

# HELP wireserve_connections_total Connections that have been opened.
# TYPE wireserve_connections_total counter
wireserve_connections_total 4

# HELP wireserve_aborted_total Responses that were not sent whole, by reason.
# TYPE wireserve_aborted_total counter
wireserve_aborted_total{reason="requested"} 0
wireserve_aborted_total{reason="max-requests"} 0
wireserve_aborted_total{reason="drain"} 0
wireserve_aborted_total{reason="no-length"} 0
wireserve_aborted_total{reason="unread-body"} 0
wireserve_aborted_total{reason="bad-request"} 0
wireserve_aborted_total{reason="timeout"} 2
wireserve_aborted_total{reason="client-gone"} 2
wireserve_aborted_total{reason="upgraded"} 0
wireserve_aborted_total{reason="server-error"} 0

# HELP wireserve_log_lines_dropped_total Lines of the access log that were dropped.
# TYPE wireserve_log_lines_dropped_total counter
wireserve_log_lines_dropped_total 1e+21

# HELP wireserve_build_info 1, with the version.
# TYPE wireserve_build_info gauge
wireserve_build_info{version="1.2.3 \\"x\\"\\\\\\n"} 1

# HELP process_cpu_seconds_total Time of the processors that the process has used.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 0.000001
`;

testWith(
  ["read"],
  "docs/observability.md describes every metric and every close reason",
  async () => {
    const path = new URL("../../docs/observability.md", import.meta.url).pathname;
    const text = await Deno.readTextFile(path);
    const named = (heading: string) =>
      [...(text.split(`## ${heading}\n`)[1] ?? "").split("\n#")[0]!.matchAll(/^\| `([a-z_-]+)`/gm)]
        .map(([, name]) => name);
    assertEquals(named("Metrics"), [...METRIC_NAMES]);
    assertEquals(named("Why a connection is closed"), [...CLOSE_REASONS]);
  },
);

Deno.test("sumSnapshots() adds numbers of the same name and labels, and keeps the others", () => {
  const sums = sumSnapshots(
    [metric("counter", "wireserve_aborted_total", [
      { value: 1, labels: { reason: "client-gone" } },
      { value: 2, labels: { reason: "server-error" } },
    ])],
    [
      metric("counter", "wireserve_aborted_total", [{
        value: 3,
        labels: { reason: "client-gone" },
      }]),
      single("counter", "wireserve_sent_bytes_total", 4),
    ],
  );
  assertEquals(
    sums.map(({ name, samples }) => [name, samples.map(({ value }) => value)]),
    [["wireserve_aborted_total", [4, 2]], ["wireserve_sent_bytes_total", [4]]],
  );
  const { suffix, value } = sumSnapshots(HISTOGRAM, HISTOGRAM)[0]!.samples[1]!;
  assertEquals([suffix, value], ["_count", 2]);
});

const HISTOGRAM = [metric("histogram", "wireserve_request_duration_seconds", [
  { value: 5, labels: {}, suffix: "_sum" },
  { value: 1, labels: {}, suffix: "_count" },
])];
