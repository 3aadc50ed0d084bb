// What a row of the table is: its servers, its requests, the response that is right, and targets.

import type { FileSetName } from "./files.ts";

export type Family = "wireserve" | "workers" | "loop" | "deno" | "node" | "nginx" | "caddy";

export const FAMILY_NAMES: Readonly<Record<Family, string>> = {
  wireserve: "Wireserve",
  workers: "Wireserve, 2 workers",
  loop: "bare loop",
  deno: "Deno.serve",
  node: "node:http",
  nginx: "nginx",
  caddy: "Caddy",
};

export type Metric =
  | "rate"
  /** CPU microseconds per request. */
  | "cpu"
  /** Latency in milliseconds: quantiles, and the longest. */
  | "p50"
  | "p99"
  | "p999"
  | "max"
  /** Peak resident memory in bytes, and its growth since the beginning of a load. */
  | "peak"
  | "growth"
  /** Resident bytes per idle connection. */
  | "idle"
  /** Milliseconds from the start to the first response. */
  | "startup";

/** Requests of a row. Path and field values are templates for the number of the request. */
export interface RowRequest {
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Bytes of content. */
  readonly upload: number;
  readonly pipelined: number;
}

/** A framework, on the library and on Deno.serve; or file servers with their pages for people. */
export type App = "hono" | "folder";

export type Coding = "gzip" | "br";

/** The content that a response must have: a text, a file, or a part of it; or any. */
export interface Answer {
  /** A template, as in the request. */
  readonly text?: string;
  /** The file of this set with the number of the request. */
  readonly file?: FileSetName;
  readonly includes?: string;
  /** Content that compresses must have one of these codings; without them, none. */
  readonly codings?: readonly Coding[];
}

/** A target for Wireserve: a ratio of medians, or a bound for each of its loads. */
export interface Target {
  readonly metric: Metric;
  readonly relation: "<=" | ">=";
  readonly factor: number;
  /** The server that the factor refers to, or null if it is a value by itself. */
  readonly against: Family | null;
}

export function atMost(metric: Metric, factor: number, against: Family | null): Target {
  return { metric, relation: "<=", factor, against };
}

export function atLeast(metric: Metric, factor: number, against: Family | null): Target {
  return { metric, relation: ">=", factor, against };
}

/** What sends the requests, or what is measured in their place. */
export type Driver =
  | "wrk"
  /** Whole uploads, one after the other. */
  | "uploads"
  /** A fixed number of files, each requested once. */
  | "pages"
  /** Browsers that load a page with its assets, and reload it. */
  | "visits"
  /** Chromium, which opens a folder of pictures. */
  | "pictures"
  | "idle"
  | "startup";

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly driver: Driver;
  readonly families: readonly Family[];
  /** The sets of files that the servers need. */
  readonly files: readonly FileSetName[];
  /** Whether peers take part in both idioms of reading a file, of which the faster counts. */
  readonly isFile: boolean;
  readonly isTls: boolean;
  /** The app that the servers run in place of their own routes, or null. */
  readonly app: App | null;
  readonly connections: number;
  /** Connections beside those of the load, whose waits are timed to the end of it. */
  readonly witnesses: number;
  /** Milliseconds of a slice at least. */
  readonly shortest: number;
  readonly request: RowRequest;
  readonly answer: Answer;
  readonly metrics: readonly Metric[];
  readonly targets: readonly Target[];
  readonly note?: string;
}
