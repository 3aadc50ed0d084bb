// THE TABLE: what is measured, on which servers, with which response and which targets. Rows whose
// requests differ come first: they are what servers get.

import { atLeast, atMost, type Family, type Metric, type Row, type Target } from "./row.ts";
import { AGENT, BROWSER, CHROMIUM, ECHO, GET, VARIED } from "./sample_requests.ts";

const REPEATED: readonly Family[] = ["wireserve", "loop", "deno", "node", "nginx"];
const REAL: readonly Family[] = ["wireserve", "deno", "node", "nginx"];
const FILE_SERVERS: readonly Family[] = ["wireserve", "deno", "nginx", "caddy"];
const SECURED: readonly Family[] = ["wireserve", "deno", "nginx"];
/** nginx has no module that makes uploads durable. */
const DURABLE: readonly Family[] = ["wireserve", "deno", "node"];

const WITH_WORKERS: Pick<Row, "families" | "note"> = {
  families: ["wireserve", "workers", "deno", "node", "nginx"],
  note: "wrk takes a core of its own, and two workers what is left",
};

const METRICS: readonly Metric[] = ["rate", "cpu", "p50", "p99"];
const LATENCIES: readonly Metric[] = [...METRICS, "p999", "max"];
/** Of rows whose slices may end before the first response has. */
const MEMORY: readonly Metric[] = ["rate", "cpu", "peak", "growth"];

const LEAN: readonly Target[] = [atMost("cpu", 1.0, "deno"), atMost("cpu", 1.15, "loop")];

const DEFAULTS: Omit<Row, "id" | "title"> = {
  driver: "wrk",
  families: REPEATED,
  files: [],
  isFile: false,
  isTls: false,
  app: null,
  connections: 50,
  witnesses: 0,
  shortest: 250,
  request: ECHO,
  answer: { text: "abc" },
  metrics: METRICS,
  targets: [],
};

const VARIED_ROW: Omit<Row, "id" | "title"> = {
  ...DEFAULTS,
  families: REAL,
  request: VARIED,
  answer: { text: "abc-{n}" },
};

function single(name: "small" | "medium" | "large"): Omit<Row, "id" | "title"> {
  const request = { ...GET, path: `/files/${name}` };
  return {
    ...DEFAULTS,
    ...{ families: REAL, files: [name], isFile: true, request, answer: { file: name } },
  };
}

/** A page of 16 KiB, which file servers compress. */
const PAGE: Omit<Row, "id" | "title"> = {
  ...DEFAULTS,
  families: FILE_SERVERS,
  files: ["page"],
  isFile: true,
  connections: 16,
  request: { ...GET, path: "/files/page.html", fields: { "Accept-Encoding": "gzip, deflate" } },
  answer: { file: "page", codings: ["gzip"] },
};

/** Milliseconds without a response that no connection may have. */
const SILENCE = 1000;

function connections(count: number, shortest: number): Row {
  return {
    ...VARIED_ROW,
    id: `connections-${count}`,
    title: `varied echo, ${count.toLocaleString("en")} connections`,
    connections: count,
    witnesses: 20,
    shortest,
    metrics: LATENCIES,
    targets: [atMost("p99", 1.5, "deno"), atMost("max", SILENCE, null)],
    note: "max includes the waits of 20 further connections, also for a response that did not come",
  };
}

/** The same app on the library and on Deno.serve. */
function hono(id: string, title: string, path: string, text: string): Row {
  return {
    ...DEFAULTS,
    id: `hono-${id}`,
    title: `Hono: ${title}`,
    app: "hono",
    families: ["wireserve", "deno"],
    request: { ...GET, path },
    answer: { text },
    targets: [atLeast("rate", 0.9, "deno"), atMost("cpu", 1.1, "deno")],
  };
}

/** Bytes by which memory may grow while files of 100 MiB are sent: a fraction of one. */
const FLAT = 32 * 1024 * 1024;

export const ROWS: readonly Row[] = [
  {
    ...VARIED_ROW,
    ...WITH_WORKERS,
    id: "varied",
    title: "varied echo",
    metrics: LATENCIES,
    targets: [atMost("cpu", 1.15, "deno")],
  },
  {
    ...VARIED_ROW,
    id: "varied-path",
    title: "varied echo, only the path differs",
    request: { ...ECHO, path: "/echo/abc-{n}" },
    targets: [atMost("cpu", 1.15, "deno")],
  },
  {
    ...PAGE,
    id: "page-first",
    title: "compressed page, first time",
    driver: "pages",
    files: ["first"],
    request: { ...PAGE.request, path: "/files/first/{n}.html" },
    answer: { file: "first", codings: ["gzip"] },
    targets: [atMost("cpu", 1.5, "caddy")],
    note: "driven by the benchmark: each of 1,000 pages once in a round",
  },
  {
    ...PAGE,
    id: "page-gzip",
    title: "compressed page again, gzip",
    targets: [atMost("cpu", 1.0, "nginx")],
  },
  {
    ...PAGE,
    id: "page-br",
    title: "compressed page again, brotli",
    request: { ...PAGE.request, fields: { "Accept-Encoding": "br, gzip;q=0.5" } },
    answer: { file: "page", codings: ["br", "gzip"] },
    targets: [atMost("cpu", 1.0, "nginx")],
    note: "nginx and Caddy have no brotli, and send gzip",
  },
  {
    ...DEFAULTS,
    ...WITH_WORKERS,
    id: "many",
    title: "10,000 files of 4 KiB",
    files: ["many"],
    isFile: true,
    request: { ...GET, path: "/files/many/{n%10000}" },
    answer: { file: "many" },
    targets: [atLeast("rate", 1.5, "deno"), atLeast("rate", 0.6, "nginx")],
  },
  {
    ...DEFAULTS,
    id: "visit",
    title: "page load and reload",
    driver: "visits",
    families: FILE_SERVERS,
    files: ["site"],
    isFile: true,
    connections: 12,
    request: { ...GET, fields: { ...BROWSER, "Accept-Encoding": "gzip, deflate, br, zstd" } },
    answer: { file: "site", codings: ["br", "gzip"] },
    note: "driven by the benchmark: two browsers with six connections, which load a page and 30 " +
      "assets, and all again with 304; latencies are those of both loads",
  },
  {
    ...VARIED_ROW,
    id: "tls",
    title: "varied echo over TLS",
    families: SECURED,
    isTls: true,
    targets: [atMost("cpu", 1.1, "deno")],
  },
  {
    ...VARIED_ROW,
    id: "tls-new",
    title: "varied echo, a TLS connection per request",
    families: SECURED,
    isTls: true,
    connections: 16,
    request: { ...VARIED, fields: { ...VARIED.fields, "Connection": "close" } },
    targets: [atMost("cpu", 1.1, "deno")],
  },
  {
    ...VARIED_ROW,
    id: "close",
    title: "varied echo, a connection per request",
    request: { ...VARIED, fields: { ...VARIED.fields, "Connection": "close" } },
    targets: [atMost("cpu", 1.2, "deno")],
  },
  connections(1000, 2000),
  connections(5000, 3000),
  {
    ...DEFAULTS,
    id: "upload-1k",
    title: "durable upload of 1 KiB",
    families: DURABLE,
    connections: 16,
    request: { ...GET, method: "PUT", path: "/files/upload-{n}", upload: 1024 },
    answer: {},
    targets: [atLeast("rate", 1.5, "deno")],
  },
  {
    ...DEFAULTS,
    id: "listing",
    title: "listing of 1,000 entries",
    families: FILE_SERVERS,
    files: ["listing"],
    connections: 16,
    request: { ...GET, path: "/files/listing/" },
    answer: { includes: "entry-0999.txt" },
  },
  {
    ...DEFAULTS,
    id: "pictures",
    title: "a folder of 200 pictures in Chromium",
    driver: "pictures",
    app: "folder",
    families: ["wireserve", "caddy"],
    files: ["pictures"],
    connections: 6,
    shortest: 2000,
    request: { ...GET, path: "/files/pictures/", fields: { "Accept": "text/html" } },
    answer: { includes: "picture-199.bmp" },
    note:
      "Chromium opens the page of the folder and shows its thumbnails, or the pictures behind " +
      "its links where it has none; p50 is one such load",
  },
  hono("text", "text", "/text", "Hello"),
  hono("json", "JSON and parameters", "/users/{n}?page=2", '{"id":"{n}","page":"2"}'),
  hono("stream", "a stream", "/stream", "one,two,three"),
  {
    ...hono("upload", "1 KiB of content read", "/upload", ""),
    request: { ...GET, method: "PUT", path: "/upload", upload: 1024 },
    answer: {},
  },
  { ...DEFAULTS, id: "echo", title: "/echo/abc", targets: LEAN },
  {
    ...DEFAULTS,
    id: "user-agent",
    title: "/user-agent",
    request: { ...GET, path: "/user-agent", fields: { "User-Agent": AGENT } },
    answer: { text: AGENT },
    targets: LEAN,
  },
  {
    ...DEFAULTS,
    id: "browser",
    title: "/user-agent, 12 fields of a browser",
    request: { ...GET, path: "/user-agent", fields: BROWSER },
    answer: { text: CHROMIUM },
    targets: LEAN,
  },
  {
    ...DEFAULTS,
    id: "gzip",
    title: "/echo/abc in gzip",
    families: REAL,
    request: { ...ECHO, fields: { "Accept-Encoding": "gzip" } },
    answer: { text: "abc", codings: ["gzip"] },
    targets: [atMost("cpu", 1.0, "deno")],
  },
  {
    ...single("small"),
    ...WITH_WORKERS,
    id: "file-1k",
    title: "file of 1 KiB",
    targets: [atLeast("rate", 1.0, "nginx"), atLeast("rate", 2.5, "deno")],
  },
  {
    ...single("medium"),
    id: "file-100k",
    title: "file of 100 KiB",
    connections: 20,
    targets: [atLeast("rate", 0.8, "nginx"), atLeast("rate", 1.5, "deno")],
  },
  {
    ...single("large"),
    id: "file-100m",
    title: "file of 100 MiB",
    connections: 2,
    metrics: MEMORY,
    targets: [
      atLeast("rate", 1.0, "nginx"),
      atLeast("rate", 1.5, "deno"),
      atMost("growth", FLAT, null),
    ],
    note: "requests are counted by bytes received, those of unfinished transfers included",
  },
  {
    ...DEFAULTS,
    id: "upload-100m",
    title: "durable upload of 100 MiB",
    driver: "uploads",
    families: DURABLE,
    connections: 1,
    request: { ...GET, method: "PUT", path: "/files/upload-large", upload: 100 * 1024 * 1024 },
    answer: {},
    metrics: MEMORY,
    targets: [atLeast("rate", 0.8, "deno")],
    note: "driven by the benchmark, in whole uploads",
  },
  {
    ...DEFAULTS,
    id: "pipelined",
    title: "/echo/abc, 16 pipelined",
    request: { ...ECHO, pipelined: 16 },
    metrics: ["rate", "cpu"],
    targets: [atLeast("rate", 4, "deno"), atLeast("rate", 3, "nginx")],
    note: "no latencies: wrk's correction of them takes each request for a round trip of its own",
  },
  {
    ...DEFAULTS,
    id: "idle",
    title: "idle connections",
    driver: "idle",
    families: REAL,
    metrics: ["idle"],
    targets: [atMost("idle", 0.8, "deno")],
  },
  {
    ...DEFAULTS,
    id: "startup",
    title: "start to first response",
    driver: "startup",
    metrics: ["startup"],
    targets: [atMost("startup", 1.5, "deno")],
  },
];
