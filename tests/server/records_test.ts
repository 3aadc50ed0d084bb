// What the record of an exchange says of its end: how much went which way, whether the response is
// whole, and why the connection ends with it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { collect, type Content, fromStream, pieces } from "../../lib/http/content.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import { serve } from "../../lib/server/server.ts";
import type { Limits } from "../../lib/server/limits.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";

/** Status, bytes in and out, whether the response is whole, and why the connection ends. */
type Told = readonly [number | null, number, number | string, boolean, string | null];

const LARGE = 12 * 1024 * 1024;
const ask = (path: string, lines = "", minorVersion = 1) =>
  `GET ${path} HTTP/1.${minorVersion}\r\nHost: h\r\n${lines}\r\n`;
const post = (path: string, length: number, content: string) =>
  `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n${content}`;

/** What is sent, what becomes of the connection then, and what is told of each exchange. */
const cases: readonly {
  readonly name: string;
  readonly sent: string;
  readonly then?: "leave" | "end" | "stay" | "leave in the response";
  readonly limits?: Partial<Limits>;
  readonly told: readonly Told[];
}[] = [
  {
    name: "goes on",
    sent: ask("/") + ask("/"),
    told: [[200, 0, 2, true, null], [200, 0, 2, true, null]],
  },
  { name: "HEAD", sent: ask("/").replace("GET", "HEAD"), told: [[200, 0, 0, true, null]] },
  { name: "content", sent: post("/read", 3, "abc"), told: [[200, 3, 3, true, null]] },
  {
    name: "asked",
    sent: ask("/", "Connection: close\r\n"),
    told: [[200, 0, 2, true, "requested"]],
  },
  { name: "asked by HTTP/1.0", sent: ask("/", "", 0), told: [[200, 0, 2, true, "requested"]] },
  {
    name: "limit",
    sent: ask("/") + ask("/"),
    limits: { requests: 2 },
    told: [[200, 0, 2, true, null], [200, 0, 2, true, "max-requests"]],
  },
  {
    name: "unframed",
    sent: ask("/stream", "Connection: keep-alive\r\n", 0),
    told: [[200, 0, 3, true, "no-length"]],
  },
  {
    name: "unread",
    sent: post("/", 99, "abc"),
    limits: { discard: 9 },
    told: [[200, 3, 2, true, "unread-body"]],
  },
  { name: "passed over", sent: post("/", 3, "abc"), told: [[200, 3, 2, true, null]] },
  { name: "refused head", sent: "nonsense\r\n\r\n", told: [[400, 0, "text", true, "bad-request"]] },
  {
    name: "refused length",
    sent: post("/read", 99, "abc"),
    limits: { content: 9 },
    told: [[413, 0, "text", true, "bad-request"]],
  },
  {
    name: "refused chunk",
    sent: "POST /read HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx",
    told: [[400, 3, "text", true, "bad-request"]],
  },
  {
    name: "cut off",
    sent: post("/read", 9, "abc"),
    then: "end",
    told: [[400, 3, "text", true, "bad-request"]],
  },
  {
    name: "late head",
    sent: "GET / HTTP/1.1\r\nHo",
    then: "stay",
    limits: { headerTimeout: 1 },
    told: [[408, 0, "text", true, "timeout"]],
  },
  {
    name: "late content",
    sent: post("/read", 9, "abc"),
    then: "stay",
    limits: { bodyTimeout: 1 },
    told: [[408, 3, "text", true, "timeout"]],
  },
  {
    name: "a response that is not read",
    sent: ask("/large"),
    then: "stay",
    limits: { minRate: 1 << 30, rateGrace: 1 },
    told: [[200, 0, "part", false, "timeout"]],
  },
  {
    name: "left in the head, which is no different from a half-close",
    sent: "GET / HTTP/1.1\r\nHo",
    then: "leave",
    told: [[400, 0, "text", true, "bad-request"]],
  },
  {
    name: "gone in the response",
    sent: ask("/large"),
    then: "leave in the response",
    told: [[200, 0, "part", false, "client-gone"]],
  },
  {
    name: "a handler that fails",
    sent: ask("/fail") + ask("/"),
    told: [[500, 0, "text", true, null], [200, 0, 2, true, null]],
  },
  {
    name: "a handler that throws a status",
    sent: ask("/teapot"),
    told: [[418, 0, "text", true, null]],
  },
  {
    name: "content that fails",
    sent: ask("/break"),
    told: [[200, 0, "part", false, "server-error"]],
  },
  {
    name: "content that fails at once",
    sent: ask("/broken"),
    told: [[500, 0, "text", true, "server-error"]],
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

/** Content that fails after so many bytes. */
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

function tell({ status, bytesIn, bytesOut, isComplete, closeReason }: LogRecord): Told {
  const isText = status !== null && status >= 400;
  const size = isText && bytesOut > 0 ? "text" : isComplete ? bytesOut : "part";
  return [status, bytesIn, size, isComplete, closeReason];
}

for (const { name, sent, then = "end", limits = {}, told } of cases) {
  testWith(["net"], `the record of an exchange: ${name}`, async () => {
    const records: LogRecord[] = [];
    const server = serve(handle, {
      port: 0,
      limits: { lingerTimeout: 100, ...limits },
      observer: { onRequest: (record) => records.push(record), onError() {} },
    });
    try {
      using client = await RawClient.connect(server.port);
      await client.send(sent);
      if (then === "leave") client.close();
      if (then === "leave in the response") {
        await client.read(100);
        client.close();
      }
      if (then === "end") await client.endSending();
      const isRead = !then.startsWith("leave") && name !== "a response that is not read";
      if (isRead) await client.readToEnd();
      // It may have been left before it was let in.
      await until(() => records.length > 0 && server.connections.length === 0);
    } finally {
      await server.close();
    }
    assertEquals(records.map(tell), told);
    for (const [index, { id, bytesOut }] of records.entries()) {
      assertEquals(id, `1-${index + 1}`);
      assertEquals(bytesOut < LARGE, true);
    }
  });
}

testWith(
  ["net"],
  "the ids of exchanges are unique, and begin with the server's prefix",
  async () => {
    const ids: string[] = [];
    const server = serve(handle, {
      port: 0,
      idPrefix: "w2-",
      observer: { onRequest: ({ id }) => ids.push(id) },
    });
    for (let connection = 0; connection < 3; connection++) {
      using client = await RawClient.connect(server.port);
      await client.send(ask("/") + ask("/"));
      await client.endSending();
      await client.readToEnd();
    }
    await server.close();
    assertEquals(new Set(ids).size, 6);
    for (const id of ids) assertMatch(id, /^w2-[1-3]-[12]$/);
  },
);

testWith(
  ["net"],
  "Server.connections tells how long a request takes when nobody keeps records",
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
