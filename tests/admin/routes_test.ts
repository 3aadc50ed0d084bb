// The admin listener, over real sockets.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { exposeMetrics } from "../../lib/admin/exposition.ts";
import { Metrics } from "../../lib/admin/metrics.ts";
import { type AdminSource, COLUMNS, serveAdmin } from "../../lib/admin/routes.ts";
import type { ConnectionView } from "../../lib/server/exchange.ts";
import { testWith } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { request } from "../support/request.ts";

const IDLE: ConnectionView = {
  id: "16",
  peer: "192.0.2.1",
  client: "192.0.2.1",
  openedAt: Date.UTC(2026, 10, 20, 9, 5, 7, 89),
  state: "waiting",
  exchange: null,
};

const BUSY: ConnectionView = {
  ...IDLE,
  id: "17",
  client: "2001:db8::1",
  state: "answering",
  exchange: {
    id: "17-3",
    method: "GET",
    target: '/\x1b[2J\xe9"\n\u2028',
    bytesIn: 0,
    bytesOut: 123_456,
    duration: 78.9,
  },
};

/** Runs with an admin listener; `get` sends it requests. */
async function withAdmin(
  source: Partial<AdminSource>,
  run: (get: (path: string, ...headers: string[]) => Promise<RawResponse>) => Promise<void>,
  onError: (error: unknown) => void = () => {},
): Promise<void> {
  const server = serveAdmin({
    isReady: () => true,
    directoryProblem: () => null,
    metrics: () => Promise.resolve(exposeMetrics([new Metrics().snapshot()])),
    connections: () => Promise.resolve([IDLE, BUSY]),
    ...source,
  }, { hostname: "127.0.0.1", port: 0, onError });
  try {
    await run(async (path, ...headers) => {
      using client = await RawClient.connect(server.port);
      await client.send(request(`GET ${path}`, ...headers));
      return await client.readResponse();
    });
  } finally {
    await server.close();
  }
}

testWith(["net"], "serveAdmin() is not ready while the directory has a problem", async () => {
  let problem: string | null = "unresponsive";
  await withAdmin({ directoryProblem: () => problem }, async (get) => {
    const { status, text } = await get("/readyz");
    assertEquals([status, text], [503, "not ready: the directory is unresponsive\n"]);
    assertEquals((await get("/healthz")).status, 200);
    problem = null;
    assertEquals((await get("/readyz")).text, "ready\n");
  });
});

testWith(["net"], "serveAdmin() reports whether the server is alive and ready", async () => {
  let isReady = false;
  await withAdmin({ isReady: () => isReady }, async (get) => {
    const alive = await get("/healthz");
    assertEquals([alive.status, alive.text], [200, "ok\n"]);
    assertEquals(alive.fields.get("cache-control"), "no-store");
    assertEquals(alive.fields.get("x-content-type-options"), "nosniff");
    assertEquals((await get("/readyz")).status, 503);
    isReady = true;
    assertEquals((await get("/readyz")).status, 200);
    isReady = false;
    assertEquals((await get("/readyz")).status, 503);
    assertEquals((await get("/healthz")).status, 200);
  });
});

testWith(
  ["net"],
  "serveAdmin() lists its paths, and has no others",
  () =>
    withAdmin({}, async (get) => {
      const { text } = await get("/");
      assertEquals(text, "/healthz\n/readyz\n/metrics\n/connections\n");
      for (const path of text.trimEnd().split("\n")) assertEquals((await get(path)).status, 200);
      assertEquals((await get("/files/")).status, 404);
    }),
);

testWith(
  ["net"],
  "serveAdmin() exposes metrics for Prometheus",
  () =>
    withAdmin({}, async (get) => {
      const { status, fields, text } = await get("/metrics");
      assertEquals([status, fields.get("content-type")], [
        200,
        "text/plain; version=0.0.4; charset=utf-8",
      ]);
      assertMatch(text, /^wireserve_connections 0$/m);
    }),
);

testWith(
  ["net"],
  "serveAdmin() lists connections as JSON in ASCII",
  () =>
    withAdmin({}, async (get) => {
      const { fields, text } = await get("/connections");
      assertEquals(fields.get("content-type"), "application/json");
      assertMatch(text, /^[\x20-\x7e]*\n$/);
      const [idle, busy] = JSON.parse(text);
      assertEquals(Object.keys(busy), [...COLUMNS]);
      assertEquals(busy, {
        id: "17",
        client: "2001:db8::1",
        peer: "192.0.2.1",
        since: "2026-11-20T09:05:07.089Z",
        state: "answering",
        exchange: "17-3",
        method: "GET",
        target: BUSY.exchange!.target,
        bytes_in: 0,
        bytes_out: 123_456,
        duration_ms: 79,
      });
      const { exchange, method, duration_ms: duration } = idle;
      assertEquals([exchange, method, duration], [null, null, null]);
    }),
);

testWith(
  ["net"],
  "serveAdmin() lists connections as a table for Accept: text/plain",
  () =>
    withAdmin({}, async (get) => {
      const { fields, text } = await get("/connections", "Accept: text/plain");
      assertEquals(fields.get("content-type"), "text/plain; charset=utf-8");
      assertEquals(fields.get("vary"), "Accept");
      assertEquals(text.split("\n").length, 4);
      assertMatch(text, /^[\x20-\x7e\n]*$/);
      const [heading = "", idle = "", busy = ""] = text.split("\n");
      assertEquals(busy.indexOf("answering"), heading.indexOf("state"));
      assertEquals(idle.indexOf("waiting"), heading.indexOf("state"));
      assert(busy.endsWith("/\\x1b[2J\\xe9\\x22\\x0a\\u2028"), busy);
    }),
);

testWith(["net"], "serveAdmin() lists no connections, and very many", async () => {
  let connections: ConnectionView[] = [];
  await withAdmin({ connections: () => Promise.resolve(connections) }, async (get) => {
    assertEquals((await get("/connections")).text, "[]\n");
    connections = Array.from({ length: 20_000 }, (_, id) => ({ ...BUSY, id: String(id) }));
    assertEquals(JSON.parse((await get("/connections")).text).length, 20_000);
    const { text } = await get("/connections", "Accept: text/plain");
    assertEquals(text.split("\n").length, 20_002);
  });
});

testWith(["net"], "serveAdmin() answers 500 where its source fails, and goes on", async () => {
  const errors: unknown[] = [];
  const failure = new Error("a worker does not answer");
  const source = { metrics: () => Promise.reject(failure) };
  await withAdmin(source, async (get) => {
    const { status, text } = await get("/metrics");
    assertEquals([status, text.includes("worker")], [500, false]);
    assertEquals((await get("/healthz")).status, 200);
  }, (error) => errors.push(error));
  assertEquals(errors, [failure]);
});
