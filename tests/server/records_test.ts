// What the log record of an exchange contains: bytes in both directions, whether the response is
// complete, and why the connection closed after it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { collect, type Content, fromStream, pieces } from "../../lib/http/content.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import type { Limits } from "../../lib/server/limits.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer, withServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

/** Status, bytes in and out, whether the response is complete, and the close reason. */
type Summary = readonly [number | null, number, number | string, boolean, string | null];

const LARGE = 12 * 1024 * 1024;
const GET = request("GET /");
const HTTP_1_0 = (head: string) => head.replace("HTTP/1.1", "HTTP/1.0");
const post = (path: string, length: number, content: string) =>
  request(`POST ${path}`, `Content-Length: ${length}`) + content;

/** What the client sends, what it does then, and the record of each exchange. */
const cases: readonly {
  readonly name: string;
  readonly sent: string;
  readonly then?: "close" | "end" | "stay" | "close in the response";
  readonly limits?: Partial<Limits>;
  readonly records: readonly Summary[];
}[] = [
  {
    name: "a connection that persists",
    sent: GET + GET,
    records: [[200, 0, 2, true, null], [200, 0, 2, true, null]],
  },
  { name: "HEAD", sent: request("HEAD /"), records: [[200, 0, 0, true, null]] },
  { name: "content", sent: post("/read", 3, "abc"), records: [[200, 3, 3, true, null]] },
  {
    name: "Connection: close",
    sent: request("GET /", "Connection: close"),
    records: [[200, 0, 2, true, "requested"]],
  },
  { name: "HTTP/1.0", sent: HTTP_1_0(GET), records: [[200, 0, 2, true, "requested"]] },
  {
    name: "the last request that is allowed",
    sent: GET + GET,
    limits: { requests: 2 },
    records: [[200, 0, 2, true, null], [200, 0, 2, true, "max-requests"]],
  },
  {
    name: "content of unknown length to HTTP/1.0",
    sent: HTTP_1_0(request("GET /stream", "Connection: keep-alive")),
    records: [[200, 0, 3, true, "no-length"]],
  },
  {
    name: "content that is too long to be discarded",
    sent: post("/", 99, "abc"),
    limits: { discard: 9 },
    records: [[200, 3, 2, true, "unread-body"]],
  },
  {
    name: "content that is discarded",
    sent: post("/", 3, "abc"),
    records: [[200, 3, 2, true, null]],
  },
  {
    name: "a malformed head",
    sent: "nonsense\r\n\r\n",
    records: [[400, 0, "text", true, "bad-request"]],
  },
  {
    name: "content beyond the limit",
    sent: post("/read", 99, "abc"),
    limits: { content: 9 },
    records: [[413, 0, "text", true, "bad-request"]],
  },
  {
    name: "a malformed chunk",
    sent: request("POST /read", "Transfer-Encoding: chunked") + "3\r\nabc\r\nx",
    records: [[400, 3, "text", true, "bad-request"]],
  },
  {
    name: "content that ends early",
    sent: post("/read", 9, "abc"),
    then: "end",
    records: [[400, 3, "text", true, "bad-request"]],
  },
  {
    name: "a late head",
    sent: "GET / HTTP/1.1\r\nHo",
    then: "stay",
    limits: { headerTimeout: 1 },
    records: [[408, 0, "text", true, "timeout"]],
  },
  {
    name: "late content",
    sent: post("/read", 9, "abc"),
    then: "stay",
    limits: { bodyTimeout: 1 },
    records: [[408, 3, "text", true, "timeout"]],
  },
  {
    name: "a response that is not read",
    sent: request("GET /large"),
    then: "stay",
    limits: { minRate: 1 << 30, rateGrace: 1 },
    records: [[200, 0, "part", false, "timeout"]],
  },
  {
    name: "a client that closes within the head, which looks like a half-close",
    sent: "GET / HTTP/1.1\r\nHo",
    then: "close",
    records: [[400, 0, "text", true, "bad-request"]],
  },
  {
    name: "a client that closes within the response",
    sent: request("GET /large"),
    then: "close in the response",
    records: [[200, 0, "part", false, "client-gone"]],
  },
  {
    name: "a handler that fails",
    sent: request("GET /fail") + GET,
    records: [[500, 0, "text", true, null], [200, 0, 2, true, null]],
  },
  {
    name: "a handler that throws a status",
    sent: request("GET /teapot"),
    records: [[418, 0, "text", true, null]],
  },
  {
    name: "content that fails",
    sent: request("GET /break"),
    records: [[200, 0, "part", false, "server-error"]],
  },
  {
    name: "content that fails at once",
    sent: request("GET /broken"),
    records: [[500, 0, "text", true, "server-error"]],
  },
];

async function handle({ path, content }: HttpRequest): Promise<HttpResponse> {
  switch (path) {
    case "/read":
      return { status: 200, content: await collect(content, 100) };
    case "/stream":
      return { status: 200, content: fromStream(new Blob(["abc"]).stream()) };
    case "/large":
      return { status: 200, content: new Uint8Array(LARGE) };
    case "/fail":
      throw new Error("a fault");
    case "/teapot":
      throw new StatusError(418, "No coffee.");
    case "/break":
      return { status: 200, content: failing(1) };
    case "/broken":
      return { status: 200, content: failing(0) };
    default:
      return { status: 200, content: "ok" };
  }
}

/** Content that fails after a number of bytes. */
function failing(bytes: number): Content {
  let left = bytes;
  const content: Content = {
    length: 9,
    read: () => left-- > 0 ? Promise.resolve(new Uint8Array(1)) : Promise.reject(new Error("!")),
    close() {},
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return content;
}

function summaryOf({ status, bytesIn, bytesOut, isComplete, closeReason }: LogRecord): Summary {
  const isText = status !== null && status >= 400;
  const size = isText && bytesOut > 0 ? "text" : isComplete ? bytesOut : "part";
  return [status, bytesIn, size, isComplete, closeReason];
}

for (const { name, sent, then = "end", limits = {}, records: expected } of cases) {
  testWith(
    ["net"],
    `serve() reports the record of ${name}`,
    () =>
      withServer({ handler: handle, limits, hasErrors: true }, async (test) => {
        const { server, records } = test;
        using client = await test.connect();
        await client.send(sent);
        if (then === "close") client.close();
        if (then === "close in the response") {
          await client.read(100);
          client.close();
        }
        if (then === "end") await client.endSending();
        const isRead = !then.startsWith("close") && name !== "a response that is not read";
        if (isRead) await client.readToEnd();
        // The client may have closed before the connection was accepted.
        await until(() => records.length > 0 && server.connections.length === 0);
      }, ({ records }) => {
        assertEquals(records.map(summaryOf), expected);
        for (const [index, { id, bytesOut }] of records.entries()) {
          assertEquals(id, `1-${index + 1}`);
          assertEquals(bytesOut < LARGE, true);
        }
      }),
  );
}

testServer(
  "serve() gives exchanges unique ids that begin with its prefix",
  { handler: handle, idPrefix: "w2-" },
  async ({ server, records, connect }) => {
    for (let connection = 0; connection < 3; connection++) {
      using client = await connect();
      await client.send(GET + GET);
      await client.endSending();
      await client.readToEnd();
    }
    await server.close();
    const ids = records.map(({ id }) => id);
    assertEquals(new Set(ids).size, 6);
    for (const id of ids) assertMatch(id, /^w2-[1-3]-[12]$/);
  },
);

testWith(
  ["net"],
  "Server.connections has a request's duration without an onRequest observer",
  async () => {
    const answer = Promise.withResolvers<HttpResponse>();
    const server = serve(() => answer.promise, { port: 0 });
    const start = performance.now();
    using client = await RawClient.connect(server.port);
    await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    await until(() => server.connections[0]?.exchange != null);
    const { duration } = server.connections[0]!.exchange!;
    const elapsed = performance.now() - start;
    answer.resolve({ status: 204 });
    await client.readResponse();
    await server.close();
    assert(duration >= 0 && duration <= elapsed, `${duration} of ${elapsed} ms`);
  },
);
