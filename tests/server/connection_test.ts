// What a connection does beyond the wire cases: when it sends 100 Continue, how it discards
// content, how it ends, and how it reports errors.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Content, fromStream, pieces } from "../../lib/http/content.ts";
import type { Handler, HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import { router } from "../../lib/router.ts";
import { toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

const GET = request("GET /");
const EXPECTING = ["Expect: 100-continue", "Content-Length: 3"];

const ok: Handler = () => ({ status: 200, content: "ok" });

async function read({ content }: HttpRequest): Promise<HttpResponse> {
  let text = "";
  for await (const piece of content) text += toLatin1(piece);
  return { status: 200, content: text };
}

testServer(
  "Connection sends 100 Continue once the handler reads the content",
  { handler: read },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /", ...EXPECTING));
    assertEquals((await client.readResponse()).statusLine, "HTTP/1.1 100 Continue");
    await client.send("abc" + GET);
    assertEquals((await client.readResponse()).text, "abc");
    assertEquals((await client.readResponse()).status, 200);
  },
);

testServer(
  "Connection sends no 100 Continue when content has begun to arrive",
  { handler: read },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /", ...EXPECTING) + "abc");
    assertEquals((await client.readResponse()).statusLine, "HTTP/1.1 200 OK");
  },
);

testServer(
  "Connection sends no 100 Continue to HTTP/1.0",
  { handler: read },
  async ({ connect }) => {
    using client = await connect();
    await client.send(["POST / HTTP/1.0", ...EXPECTING, "", ""].join("\r\n"));
    await client.send("abc");
    assertEquals((await client.readResponse()).statusLine, "HTTP/1.1 200 OK");
  },
);

testServer(
  "Connection closes after a final status in place of 100 Continue",
  { handler: () => Promise.reject(new StatusError(404, "Nothing.")) },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /", ...EXPECTING));
    const { statusLine, fields } = await client.readResponse();
    assertEquals(statusLine, "HTTP/1.1 404 Not Found");
    assertEquals(fields.get("connection"), "close");
    await client.send("abc" + GET);
    assertEquals((await client.readToEnd()).length, 0);
  },
);

testServer(
  "Connection sends no 100 Continue once the response has begun",
  {
    handler: ({ content }) => {
      let isFirst = true;
      const mixed: Content = {
        length: null,
        async read() {
          if (!isFirst) {
            await new Promise((resolve) => setTimeout(resolve)); // The first piece has left then.
            return await content.read();
          }
          isFirst = false;
          return new TextEncoder().encode("start ");
        },
        close() {},
        [Symbol.asyncIterator]: () => pieces(mixed),
      };
      return { status: 200, content: mixed };
    },
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /", ...EXPECTING));
    assertEquals(toLatin1(await client.read(15)), "HTTP/1.1 200 OK");
    await client.send("abc" + request("POST /", ...EXPECTING, "Connection: close") + "def");
    const rest = toLatin1(await client.readToEnd());
    assertEquals(rest.match(/start/g)?.length, 2);
    assert(!rest.includes("100 Continue"), rest);
  },
);

testServer(
  "Connection discards content that the handler does not read",
  { handler: ok },
  async ({ records, connect }) => {
    const contents = [
      "Content-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n012345",
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      `Content-Length: 200000\r\n\r\n${"x".repeat(200_000)}`,
    ];
    using client = await connect();
    for (const content of contents) {
      await client.send(`POST / HTTP/1.1\r\nHost: h\r\n${content}`);
      const { text, fields } = await client.readResponse();
      assertEquals([text, fields.get("connection")], ["ok", undefined]);
    }
    await until(() => records.length === contents.length);
  },
);

testServer(
  "Connection closes rather than discard content that is long or of unknown length",
  { handler: ok },
  async ({ records, connect }) => {
    const contents = [
      `Content-Length: 300000\r\n\r\n${"x".repeat(1000)}`,
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ];
    for (const content of contents) {
      using client = await connect();
      await client.send(`POST / HTTP/1.1\r\nHost: h\r\n${content}`);
      const { text, fields } = await client.readResponse();
      assertEquals([text, fields.get("connection")], ["ok", "close"]);
      await client.trySend(GET);
      assertEquals((await client.readToEnd()).length, 0);
    }
    assertEquals(records.length, contents.length);
  },
);

testServer(
  "Connection answers unread content that is malformed with 400, as far as it has arrived",
  { handler: ok },
  async ({ records, connect }) => {
    const contents = ["5\r\r;AB", "a\r\n0123456789\n0", "0_2e", "3\r\nabcd", "xyz\r\n", "-1\r\n"];
    for (const method of ["GET", "POST"]) {
      for (const content of contents) {
        using client = await connect();
        await client.send(request(`${method} /`, "Transfer-Encoding: chunked") + content);
        const { status, fields } = await client.readResponse();
        assertEquals([status, fields.get("connection")], [400, "close"], content);
        assertEquals((await client.readToEnd()).length, 0);
      }
    }
    await until(() => records.length === 2 * contents.length);
    assert(records.every(({ closeReason }) => closeReason === "bad-request"));
  },
);

testServer(
  "Connection leaves an error of the handler what it is, malformed content or not",
  { handler: () => Promise.reject(new Error("failed")), hasErrors: true },
  async ({ connect, errors }) => {
    using client = await connect();
    await client.send(request("POST /", "Transfer-Encoding: chunked") + "xyz\r\n");
    assertEquals((await client.readResponse()).status, 500);
    assertEquals(errors.length, 1);
  },
);

testServer(
  "Connection answers a client that has closed its sending side",
  { handler: ok },
  async ({ records, connect }) => {
    using client = await connect();
    await client.send(GET + GET);
    await client.endSending();
    assertEquals((await client.readResponse()).text, "ok");
    assertEquals((await client.readResponse()).text, "ok");
    assertEquals((await client.readToEnd()).length, 0);
    assertEquals(records.length, 2);
  },
);

testServer(
  "Connection does not lose an error reply to a reset",
  { handler: read },
  async ({ connect }) => {
    for (let round = 0; round < 20; round++) {
      using client = await connect();
      // Far more than is read before the refusal: a plain close would reset the connection.
      await client.trySend("BAD\r\n" + "x".repeat(200_000));
      assertEquals((await client.readResponse()).status, 400);
    }
  },
);

testServer(
  "Connection begins no request before the one ahead is answered",
  {
    handler: (() => {
      let running = 0;
      return async ({ path }: HttpRequest): Promise<HttpResponse> => {
        assertEquals(++running, 1);
        await Promise.resolve();
        await new Promise((resolve) => setTimeout(resolve));
        running--;
        return { status: 200, content: path };
      };
    })(),
  },
  async ({ errors, connect }) => {
    using client = await connect();
    const paths = Array.from({ length: 100 }, (_, each) => `/${each}`);
    await client.send(paths.map((path) => request(`GET ${path}`)).join(""));
    for (const path of paths) assertEquals((await client.readResponse()).text, path);
    assertEquals(errors, []);
  },
);

testServer(
  "Connection answers 500, once, when a handler throws, and reports it",
  {
    handler: router([
      {
        method: "GET",
        path: "/throws",
        handler: () => {
          throw new Error("synchronous");
        },
      },
      { method: "GET", path: "/rejects", handler: () => Promise.reject(new TypeError("later")) },
      {
        method: "GET",
        path: "/splits",
        handler: () => ({ status: 200, fields: { "X-A": "a\r\nX-B: b" } }),
      },
      { method: "GET", path: "/nothing", handler: (() => undefined) as unknown as Handler },
      { method: "GET", path: "/teapot", handler: () => ({ status: 1000 }) },
      { method: "GET", path: "/stream", handler: () => ({ status: 200, content: failing(0) }) },
      { method: "GET", path: "/", handler: ok },
    ]),
    hasErrors: true,
  },
  async ({ records, errors, connect }) => {
    const paths = ["/throws", "/rejects", "/splits", "/nothing", "/teapot", "/stream"];
    for (const path of paths) {
      using client = await connect();
      await client.send(request(`GET ${path}`));
      const { status, text } = await client.readResponse();
      assertEquals(status, 500, path);
      assertMatch(text, /^The server has failed to answer the request\.\n$/);
    }
    assertEquals(errors.length, paths.length);
    await until(() => records.length === paths.length);
    assertEquals(records.map(({ status }) => status), paths.map(() => 500));
  },
);

/** A stream that fails after a number of pieces. */
function failing(pieces: number, length: number | null = null): Content {
  let count = 0;
  return fromStream(
    new ReadableStream({
      pull(controller) {
        if (count++ < pieces) controller.enqueue(new Uint8Array(10));
        else controller.error(new Error("The source has failed"));
      },
    }),
    length,
  );
}

const tenTimes = () => fromStream(ReadableStream.from(Array(10).fill(new Uint8Array([97, 98]))));

/** Ten bytes that are declared as another length. */
const tenBytes = (declared: number) =>
  fromStream(ReadableStream.from([new Uint8Array(10)]), declared);

testServer(
  "Connection is aborted when content fails after its head is sent",
  {
    handler: router([
      {
        method: "GET",
        path: "/fails-late",
        handler: () => ({ status: 200, content: failing(2, 30) }),
      },
      { method: "GET", path: "/short", handler: () => ({ status: 200, content: tenBytes(11) }) },
    ]),
    hasErrors: true,
  },
  async ({ records, errors, connect }) => {
    for (const path of ["/fails-late", "/short"]) {
      using client = await connect();
      await client.send(request(`GET ${path}`));
      const error = await client.readResponse().then(() => null, (error) => error);
      assertMatch(String(error), /Closed/, path);
    }
    assertEquals(errors.length, 2);
    assertEquals(records.map(({ status }) => status), [200, 200]);
  },
);

testServer(
  "Connection gathers pieces that are there at once, and a failure among them is a 500",
  {
    handler: ({ path }) => ({ status: 200, content: path === "/fails" ? failing(2) : tenTimes() }),
    hasErrors: true,
  },
  async ({ connect, errors }) => {
    using client = await connect();
    await client.send(request("GET /"));
    const first = toLatin1(await client.read(1));
    const rest = toLatin1(client.readReady());
    assertMatch(first + rest, /^HTTP.*chunked\r\n\r\n(?:2\r\nab\r\n){10}0\r\n\r\n$/s);
    await client.send(request("GET /fails"));
    assertEquals((await client.readResponse()).status, 500);
    assertEquals(errors.length, 1);
  },
);

testServer(
  "Connection streams a response made of the request's content",
  { handler: ({ content }) => ({ status: 200, content }) },
  async ({ errors, connect }) => {
    using client = await connect();
    await client.send(request("POST /", "Transfer-Encoding: chunked") + "3\r\nabc\r\n");
    await client.send("4\r\ndefg\r\n0\r\n\r\n");
    assertEquals((await client.readResponse()).text, "abcdefg");
    await client.send(request("POST /", "Content-Length: 5") + "hello" + request("POST /"));
    assertEquals((await client.readResponse()).text, "hello");
    assertEquals((await client.readResponse()).text, "");
    assertEquals(errors, []);
  },
);

testServer(
  "Connection answers HEAD with the fields of GET, and closes the content",
  {
    handler: (() => {
      let closed = 0;
      return (): HttpResponse => {
        const content = tenBytes(10);
        return {
          status: 200,
          fields: { "X-Closed": String(closed) },
          content: { ...content, close: () => (closed++, content.close()) },
        };
      };
    })(),
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("HEAD /") + request("HEAD /"));
    assertEquals((await client.readResponse("HEAD")).fields.get("x-closed"), "0");
    const { fields } = await client.readResponse("HEAD");
    assertEquals([fields.get("x-closed"), fields.get("content-length")], ["1", "10"]);
  },
);

testServer(
  "Connection answers HTTP/1.0 with keep-alive, and closes after content of unknown length",
  {
    handler: router([
      { method: "GET", path: "/", handler: ok },
      {
        method: "GET",
        path: "/stream",
        handler: () => ({
          status: 200,
          content: fromStream(ReadableStream.from([new Uint8Array(3)])),
        }),
      },
    ]),
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assertEquals((await client.readResponse()).fields.get("connection"), "keep-alive");
    await client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const { fields, content } = await client.readResponse();
    assertEquals([...fields.keys()], ["date", "connection"]);
    assertEquals([fields.get("connection"), content.length], ["close", 3]);
  },
);

testServer(
  "Connection reports one record per request, with the bytes that were sent",
  { handler: read },
  async ({ records, connect }) => {
    using client = await connect();
    await client.send(request("POST /a?b", "Content-Length: 3") + "abc" + GET + "BAD\r\n\r\n");
    await client.readToEnd();
    assertEquals(
      records.map((
        { client, requestLine, status, bytesOut },
      ) => [client, requestLine, status, bytesOut]),
      [
        ["127.0.0.1", "POST /a?b HTTP/1.1", 200, 3],
        ["127.0.0.1", "GET / HTTP/1.1", 200, 0],
        ["127.0.0.1", null, 400, 25],
      ],
    );
    assert(records.every(({ startedAt, duration }) => startedAt > 0 && duration >= 0));
  },
);

testServer(
  "Connection reports the request line of a request whose fields are refused",
  { handler: ok },
  async ({ records, connect }) => {
    using client = await connect();
    await client.send("GET /a HTTP/1.1\r\nBad Field: x\r\n\r\n");
    await client.readToEnd();
    assertEquals(records[0]?.requestLine, "GET /a HTTP/1.1");
  },
);

testServer(
  "Connection reports no error when the client ends while content is discarded",
  { handler: ok },
  async ({ errors, connect }) => {
    using client = await connect();
    await client.send(request("POST /", "Content-Length: 1000") + "abc");
    assertEquals((await client.readResponse()).text, "ok");
    await client.endSending();
    assertEquals((await client.readToEnd()).length, 0);
    assertEquals(errors, []);
  },
);

testServer(
  "Connection reports no error when the request that its response streams is malformed",
  { handler: ({ content }) => ({ status: 200, content }) },
  async ({ records, errors, connect }) => {
    using client = await connect();
    await client.send(request("POST /", "Transfer-Encoding: chunked") + "3\r\nabc\r\n");
    assertEquals(toLatin1(await client.read(15)), "HTTP/1.1 200 OK");
    await client.send("xyz\r\n");
    await client.readToEnd();
    assertEquals(errors, []);
    assertEquals(records.length, 1);
  },
);

testServer("Connection reads on what is sent to it after a refusal", {
  handler: ok,
  limits: { lingerTimeout: 0 },
}, async ({ connect }) => {
  using client = await connect();
  await client.send(request("POST /", "Content-Length: 10000000"));
  // A connection that had been closed would answer the first of these with a reset.
  for (let round = 0; round < 20; round++) await client.send(new Uint8Array(10_000));
  assertEquals((await client.readResponse()).text, "ok");
});

testServer(
  "Connection sends no content when a HEAD request is malformed",
  { handler: ok },
  async ({ connect }) => {
    using client = await connect();
    await client.send("HEAD / HTTP/1.1\r\n\r\n");
    assertEquals((await client.readResponse("HEAD")).status, 400);
    assertEquals((await client.readToEnd()).length, 0);
  },
);

testServer(
  "Connection skips empty pieces of content",
  {
    handler: () => ({
      status: 200,
      content: fromStream(
        ReadableStream.from([
          new Uint8Array(0),
          new Uint8Array(2),
          new Uint8Array(0),
          new Uint8Array(3),
        ]),
      ),
    }),
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send(GET + GET);
    assertEquals((await client.readResponse()).content.length, 5);
    assertEquals((await client.readResponse()).content.length, 5);
  },
);

testServer(
  "Connection sends no content with 204, 205 and 304, whatever the handler gives",
  { handler: ({ path }) => ({ status: Number(path.slice(1)), content: "never" }) },
  async ({ connect }) => {
    using client = await connect();
    for (const [status, length] of [[204, undefined], [205, "0"], [304, undefined]] as const) {
      await client.send(request(`GET /${status}`));
      const { fields, text } = await client.readResponse();
      assertEquals([fields.get("content-length"), text], [length, ""]);
    }
  },
);

testServer(
  "Connection keeps the next request from a handler whose read is still pending",
  {
    handler: async ({ content, path }) => {
      if (path !== "/late") return { status: 200, content: path };
      // The handler answers while its read is still pending.
      content.read().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve));
      throw new StatusError(503, "Too slow.");
    },
  },
  async ({ errors, connect }) => {
    using client = await connect();
    await client.send(request("POST /late", "Content-Length: 3"));
    const { status, fields } = await client.readResponse();
    assertEquals([status, fields.get("connection")], [503, "close"]);
    await client.trySend("abc" + request("GET /b") + request("GET /c"));
    assertEquals((await client.readToEnd()).length, 0);
    assertEquals(errors, []);
  },
);

/** Starts the late read of a handler. */
const late = Promise.withResolvers<void>();

testServer(
  "Connection rejects a handler's reads while it discards the content",
  {
    handler: (() => {
      let outcome: Promise<string>;
      return async ({ content, path }: HttpRequest): Promise<HttpResponse> => {
        if (path !== "/late") return { status: 200, content: await outcome };
        outcome = late.promise.then(() => content.read()).then(() => "read", (error) => error.name);
        return { status: 200, content: "at once" };
      };
    })(),
  },
  async ({ server, connect }) => {
    using client = await connect();
    await client.send(request("POST /late", "Content-Length: 30") + "0123456789");
    assertEquals((await client.readResponse()).text, "at once");
    await until(() => server.connections[0]?.state === "reading"); // It discards.
    late.resolve();
    await client.send("x".repeat(20) + request("GET /next") + request("GET /third"));
    assertEquals((await client.readResponse()).text, "TypeError");
    assertEquals((await client.readResponse()).text, "TypeError");
  },
);

testServer(
  "Connection rejects concurrent reads of content, and gives null after the request",
  {
    handler: (() => {
      let kept: Content | null = null;
      return async ({ content, path }: HttpRequest): Promise<HttpResponse> => {
        if (path === "/later") {
          return { status: 200, content: await kept!.read().then(String, String) };
        }
        kept = content;
        const results = await Promise.allSettled([content.read(), content.read()]);
        return { status: 200, content: results.map(({ status }) => status).join() };
      };
    })(),
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /", "Content-Length: 3") + "abc");
    assertEquals((await client.readResponse()).text, "fulfilled,rejected");
    await client.send(request("GET /later"));
    assertEquals((await client.readResponse()).text, "null");
  },
);

testServer(
  "Connection answers 500 when content fails before its head is sent",
  {
    handler: router([
      { method: "GET", path: "/long", handler: () => ({ status: 200, content: tenBytes(5) }) },
      { method: "GET", path: "/nan", handler: () => ({ status: 200, content: tenBytes(NaN) }) },
      {
        method: "GET",
        path: "/none",
        handler: () => ({ status: 200, content: fromStream(ReadableStream.from([]), 5) }),
      },
    ]),
    hasErrors: true,
  },
  async ({ records, errors, connect }) => {
    for (const path of ["/long", "/nan", "/none"]) {
      using client = await connect();
      await client.send(request(`GET ${path}`));
      assertEquals((await client.readResponse()).status, 500, path);
    }
    await until(() => records.length === 3);
    assertEquals(records.map(({ status }) => status), [500, 500, 500]);
    assertEquals(errors.length, 3);
  },
);

testServer(
  "Connection keeps the Content-Type of a StatusError",
  {
    handler: () => {
      throw new StatusError(400, "<p>No.</p>", { "content-type": "text/html" });
    },
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send(GET);
    assertEquals((await client.readResponse()).fields.get("content-type"), "text/html");
  },
);

testServer("Connection counts chunked content against its limit", {
  handler: read,
  limits: { content: 10 },
}, async ({ connect }) => {
  for (
    const content of [
      "Content-Length: 11\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n",
    ]
  ) {
    using client = await connect();
    await client.send(`POST / HTTP/1.1\r\nHost: h\r\n${content}`);
    const { status, fields } = await client.readResponse();
    assertEquals([status, fields.get("connection")], [413, "close"]);
  }
});

const started = Promise.withResolvers<void>();

testServer(
  "Server.close() closes idle and busy connections, and finishes",
  {
    handler: (request) => {
      started.resolve();
      return read(request);
    },
  },
  async ({ server, records, connect }) => {
    using idle = await connect();
    using busy = await connect();
    await busy.send(request("POST /", "Content-Length: 3") + "a");
    await started.promise;
    await server.close();
    await server.finished;
    assertEquals((await idle.readToEnd()).length, 0);
    // The request that was aborted has a record, without a status, and is no error of the program.
    assertEquals(records.map(({ status }) => status), [null]);
  },
);
