// THE TABLE: what is measured, on which servers, with which response and which targets. A row is
// driven by wrk or by uploads of the benchmark, or is about memory or the start.

export type Family = "wireserve" | "workers" | "floor" | "deno" | "node" | "nginx";

export const FAMILY_NAMES: Readonly<Record<Family, string>> = {
  wireserve: "Wireserve",
  workers: "Wireserve, 2 workers",
  floor: "floor",
  deno: "Deno.serve",
  node: "node:http",
  nginx: "nginx",
};

export type Metric =
  | "rate"
  /** CPU microseconds per request. */
  | "cpu"
  /** Latency in milliseconds: median and 99th percentile. */
  | "p50"
  | "p99"
  /** Peak resident memory in bytes, and its growth since the beginning of a load. */
  | "peak"
  | "growth"
  /** Resident bytes per idle connection. */
  | "idle"
  /** Milliseconds from the start to the first response. */
  | "startup";

export interface WorkRequest {
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly upload: number;
  readonly pipelined: number;
}

/** The response that a server must give to be measured. */
export interface Answer {
  /** The content: text, or the size of a file, or null if any is right. */
  readonly content: string | number | null;
  readonly coding?: "gzip";
}

/** A target for Wireserve: a ratio of medians, or a bound for each of its loads. */
export interface Target {
  readonly metric: Metric;
  readonly relation: "<=" | ">=";
  readonly factor: number;
  /** The server that the factor refers to, or null if it is a value by itself. */
  readonly against: Family | null;
}

export interface Work {
  readonly id: string;
  readonly title: string;
  readonly kind: "wrk" | "uploads" | "idle" | "startup";
  readonly families: readonly Family[];
  /** Whether peers take part in both idioms of reading a file, of which the faster counts. */
  readonly isFile: boolean;
  readonly connections: number;
  readonly request: WorkRequest;
  readonly answer: Answer;
  readonly metrics: readonly Metric[];
  readonly targets: readonly Target[];
  readonly note?: string;
}

export const SIZES: Readonly<Record<"small" | "medium" | "large", number>> = {
  small: 1024,
  medium: 100 * 1024,
  large: 100 * 1024 * 1024,
};

const ALL: readonly Family[] = ["wireserve", "floor", "deno", "node", "nginx"];
/** Rows in which two workers take part: their CPU time is that of all their threads. */
const WITH_WORKERS = { note: "wrk takes a core of its own, and two workers what is left" };

const REAL: readonly Family[] = ["wireserve", "deno", "node", "nginx"];
const METRICS: readonly Metric[] = ["rate", "cpu", "p50", "p99", "peak"];

const GET: WorkRequest = { method: "GET", path: "/", fields: {}, upload: 0, pipelined: 1 };
const ECHO: WorkRequest = { ...GET, path: "/echo/abc" };
const ABC: Answer = { content: "abc" };

const AGENT = "wrk/4.1.0";
const CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/131.0.0.0 Safari/537.36";

/**
 * What Chromium sends when it navigates, beside Host. Accept-Encoding is left out, so that all
 * servers do the same work: compression has a row of its own.
 */
const BROWSER: Readonly<Record<string, string>> = {
  "Connection": "keep-alive",
  "sec-ch-ua": '"Chromium";v="131", "Not_A Brand";v="24"',
  "sec-ch-ua-mobile": "?0",
  "sec-ch-ua-platform": '"Linux"',
  "Upgrade-Insecure-Requests": "1",
  "User-Agent": CHROMIUM,
  "Accept":
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "Sec-Fetch-Site": "none",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-Dest": "document",
  "Accept-Language": "en-GB,en;q=0.9",
};

function atMost(metric: Metric, factor: number, against: Family | null): Target {
  return { metric, relation: "<=", factor, against };
}

function atLeast(metric: Metric, factor: number, against: Family | null): Target {
  return { metric, relation: ">=", factor, against };
}

const LEAN: readonly Target[] = [atMost("cpu", 1.0, "deno"), atMost("cpu", 1.15, "floor")];

const DEFAULTS: Omit<Work, "id" | "title"> = {
  kind: "wrk",
  families: ALL,
  isFile: false,
  connections: 50,
  request: ECHO,
  answer: ABC,
  metrics: METRICS,
  targets: [],
};

function file(name: keyof typeof SIZES): Pick<Work, "families" | "isFile" | "request" | "answer"> {
  return {
    families: REAL,
    isFile: true,
    request: { ...GET, path: `/files/${name}` },
    answer: { content: SIZES[name] },
  };
}

/** Bytes by which memory may grow while files of 100 MiB are sent: a fraction of one. */
const FLAT = 32 * 1024 * 1024;

export const WORKS: readonly Work[] = [
  {
    ...DEFAULTS,
    ...WITH_WORKERS,
    id: "echo",
    title: "/echo/abc",
    families: ["wireserve", "workers", ...ALL.slice(1)],
    targets: LEAN,
  },
  {
    ...DEFAULTS,
    id: "user-agent",
    title: "/user-agent",
    request: { ...GET, path: "/user-agent", fields: { "User-Agent": AGENT } },
    answer: { content: AGENT },
    targets: LEAN,
  },
  {
    ...DEFAULTS,
    id: "browser",
    title: "/user-agent, 12 fields of a browser",
    request: { ...GET, path: "/user-agent", fields: BROWSER },
    answer: { content: CHROMIUM },
    targets: LEAN,
  },
  {
    ...DEFAULTS,
    id: "gzip",
    title: "/echo/abc in gzip",
    families: REAL,
    request: { ...ECHO, fields: { "Accept-Encoding": "gzip" } },
    answer: { content: "abc", coding: "gzip" },
    targets: [atMost("cpu", 1.0, "deno")],
  },
  {
    ...DEFAULTS,
    ...file("small"),
    ...WITH_WORKERS,
    families: ["wireserve", "workers", ...REAL.slice(1)],
    id: "file-1k",
    title: "file of 1 KiB",
    targets: [atLeast("rate", 1.0, "nginx"), atLeast("rate", 2.5, "deno")],
  },
  {
    ...DEFAULTS,
    ...file("medium"),
    id: "file-100k",
    title: "file of 100 KiB",
    connections: 20,
    targets: [atLeast("rate", 0.8, "nginx"), atLeast("rate", 1.5, "deno")],
  },
  {
    ...DEFAULTS,
    ...file("large"),
    id: "file-100m",
    title: "file of 100 MiB",
    connections: 2,
    metrics: [...METRICS, "growth"],
    targets: [
      atLeast("rate", 1.0, "nginx"),
      atLeast("rate", 1.5, "deno"),
      atMost("growth", FLAT, null),
    ],
    note: "requests are counted by bytes received, those of unfinished transfers included",
  },
  {
    ...DEFAULTS,
    id: "upload-1k",
    title: "upload of 1 KiB",
    families: REAL,
    connections: 16,
    request: { ...GET, method: "PUT", path: "/files/upload", upload: 1024 },
    answer: { content: null },
    note: "durable, but for nginx, which does not sync",
  },
  {
    ...DEFAULTS,
    id: "upload-100m",
    title: "upload of 100 MiB",
    kind: "uploads",
    families: REAL,
    connections: 1,
    request: { ...GET, method: "PUT", path: "/files/upload-large", upload: SIZES.large },
    answer: { content: null },
    metrics: [...METRICS, "growth"],
    targets: [atLeast("rate", 0.8, "deno")],
    note: "driven by the benchmark, in whole uploads; durable, but for nginx, which does not sync",
  },
  {
    ...DEFAULTS,
    id: "pipelined",
    title: "/echo/abc, 16 pipelined",
    request: { ...ECHO, pipelined: 16 },
    metrics: ["rate", "cpu", "peak"],
    targets: [atLeast("rate", 4, "deno"), atLeast("rate", 3, "nginx")],
    note: "no latencies: wrk's correction of them takes each request for a round trip of its own",
  },
  { ...DEFAULTS, id: "connections", title: "/echo/abc, 1,000 connections", connections: 1000 },
  {
    ...DEFAULTS,
    id: "close",
    title: "/echo/abc, a connection per request",
    families: REAL,
    request: { ...ECHO, fields: { "Connection": "close" } },
  },
  {
    ...DEFAULTS,
    id: "idle",
    title: "idle connections",
    kind: "idle",
    families: REAL,
    metrics: ["idle"],
    targets: [atMost("idle", 0.8, "deno")],
  },
  {
    ...DEFAULTS,
    id: "startup",
    title: "start to first response",
    kind: "startup",
    metrics: ["startup"],
    request: GET,
    answer: { content: null },
  },
];
