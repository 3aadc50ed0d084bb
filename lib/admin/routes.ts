// The admin listener: health, metrics, and the open connections.

import { escapeText, toAsciiJson } from "../access_log/format.ts";
import { negotiateType } from "../http/negotiation.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { type Route, router } from "../router.ts";
import type { ConnectionView } from "../server/exchange.ts";
import type { Limits } from "../server/limits.ts";
import { Server } from "../server/server.ts";
import type { ServeOptions } from "../server/options.ts";
import { METRICS_TYPE } from "./exposition.ts";

/** Where the admin listener gets its data. */
export interface AdminSource {
  /** Whether load balancers should send requests: false during the drain delay and the drain. */
  isReady(): boolean;
  /** One word about the directory if it cannot be used: then the server is not ready either. */
  directoryProblem(): string | null;
  metrics(): Promise<string>;
  connections(): Promise<readonly ConnectionView[]>;
}

/** Low limits, so that monitoring cannot slow down the server. */
const ADMIN_LIMITS: Partial<Limits> = {
  requestLine: 2048,
  fieldSection: 8192,
  fieldCount: 64,
  content: 1024,
  connections: 64,
  headerTimeout: 5000,
  idleTimeout: 30_000,
};

/** The part of the process's file descriptors that is for admin connections. */
export const ADMIN_DESCRIPTORS = 0.2;

/** Where to listen, and what gets errors. */
export type AdminOptions = Pick<ServeOptions, "endpoint" | "hostname" | "port" | "onError">;

/** Starts the admin listener. It throws what `serve` throws. */
export function serveAdmin(source: AdminSource, options: AdminOptions): Server {
  return new Server(router(adminRoutes(source)), {
    ...options,
    limits: ADMIN_LIMITS,
    descriptors: { part: ADMIN_DESCRIPTORS, usesReserve: true },
  });
}

/** The routes of the admin listener. */
export function adminRoutes(source: AdminSource): readonly Route[] {
  const routes: Route[] = [
    { method: "GET", path: "/healthz", handler: () => text(200, "ok\n") },
    { method: "GET", path: "/readyz", handler: () => readiness(source) },
    {
      method: "GET",
      path: "/metrics",
      handler: async () => text(200, await source.metrics(), METRICS_TYPE),
    },
    {
      method: "GET",
      path: "/connections",
      handler: async (request) => listing(request, await source.connections()),
    },
  ];
  const paths = routes.map(({ path }) => `${path}\n`).join("");
  return [{ method: "GET", path: "/", handler: () => text(200, paths) }, ...routes];
}

function readiness(source: AdminSource): HttpResponse {
  if (!source.isReady()) return text(503, "not ready\n");
  const problem = source.directoryProblem();
  if (problem !== null) return text(503, `not ready: the directory is ${problem}\n`);
  return text(200, "ready\n");
}

function text(status: number, content: string, type = "text/plain; charset=utf-8"): HttpResponse {
  const fields = {
    "Content-Type": type,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff", // The targets in a listing come from clients.
  };
  return { status, fields, content };
}

function listing(
  { fields }: HttpRequest,
  connections: readonly ConnectionView[],
): HttpResponse {
  const type = negotiateType(fields, ["application/json", "text/plain"]);
  const rows = connections.map(rowOf);
  const content = type === "text/plain" ? toTable(rows) : `${toAsciiJson(rows)}\n`;
  const response = type === "text/plain" ? text(200, content) : text(200, content, type);
  return { ...response, fields: { ...response.fields, "Vary": "Accept" } };
}

type Row = Readonly<Record<typeof COLUMNS[number], string | number | null>>;

/** The fields of a connection in a listing, in their order. */
export const COLUMNS = [
  "id",
  "client",
  "peer",
  "since",
  "state",
  "exchange",
  "method",
  "target",
  "bytes_in",
  "bytes_out",
  "duration_ms",
] as const;

function rowOf({ id, client, peer, openedAt, state, exchange }: ConnectionView): Row {
  return {
    id,
    client,
    peer,
    since: new Date(openedAt).toISOString(),
    state,
    exchange: exchange?.id ?? null,
    method: exchange?.method ?? null,
    target: exchange?.target ?? null,
    bytes_in: exchange?.bytesIn ?? null,
    bytes_out: exchange?.bytesOut ?? null,
    duration_ms: exchange === null ? null : Math.round(exchange.duration),
  };
}

/** A table for a terminal. The target, which may be long, is the last column. */
function toTable(rows: readonly Row[]): string {
  const columns = [...COLUMNS.filter((column) => column !== "target"), "target"] as const;
  const cells = rows.map((row) => columns.map((column) => escapeText(String(row[column] ?? "-"))));
  const lines = [[...columns], ...cells];
  const widths = columns.map((_, at) =>
    lines.reduce((most, line) => Math.max(most, line[at]!.length), 0)
  );
  return lines
    .map((line) => line.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd())
    .map((line) => `${line}\n`).join("");
}
