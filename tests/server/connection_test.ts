// What a connection does that the wire cases cannot tell: when it invites content, what it does
// with content that nobody wants, how it ends, and what becomes of errors.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Content, fromStream, pieces } from "../../lib/http/content.ts";
import type { Handler, HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import { router } from "../../lib/router.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import type { Limits } from "../../lib/server/limits.ts";
import { serve, type Server } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient, toLatin1 } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";

/** What a test has to do with. */
interface Bench {
  readonly server: Server;
  readonly records: LogRecord[];
  readonly errors: unknown[];
  connect(): Promise<RawClient>;
}

function testConnection(
  name: string,
  handler: Handler,
  run: (bench: Bench) => Promise<void>,
  limits: Partial<Limits> = {},
): void {
  testWith(["net"], name, async () => {
    const records: LogRecord[] = [];
    const errors: unknown[] = [];
    const observer = {
      onRequest: (record: LogRecord) => records.push(record),
      onError: (error: unknown) => errors.push(error),
    };
    const server = serve(handler, { port: 0, limits: { lingerTimeout: 200, ...limits }, observer });
    try {
      await run({ server, records, errors, connect: () => RawClient.connect(server.port) });
    } finally {
      await server.close();
    }
  });
}

const ask = (method: string, path: string, lines = "") =>
  `${method} ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
const GET = ask("GET", "/");
const EXPECTING = "Expect: 100-continue\r\nContent-Length: 3\r\n";

const ok: Handler = () => ({ status: 200, content: "ok" });

async function read({ content }: HttpRequest): Promise<HttpResponse> {
  let text = "";
  for await (const piece of content) text += toLatin1(piece);
  return { status: 200, content: text };
}

testConnection("Connection invites content once the handler reads it", read, async (bench) => {
  using client = await bench.connect();
  await client.send(ask("POST", "/", EXPECTING));
  assertEquals((await client.readResponse()).statusLine, "HTTP/1.1 100 Continue");
  await client.send("abc" + GET);
  assertEquals((await client.readResponse()).text, "abc");
  assertEquals((await client.readResponse()).status, 200);
});

testConnection("Connection does not invite what has begun to come", read, async (bench) => {
  using client = await bench.connect();
  await client.send(ask("POST", "/", EXPECTING) + "abc");
  assertEquals((await client.readResponse()).statusLine, "HTTP/1.1 200 OK");
});

testConnection("Connection does not invite HTTP/1.0", read, async (bench) => {
  using client = await bench.connect();
  await client.send(`POST / HTTP/1.0\r\n${EXPECTING}\r\n`);
  await client.send("abc");
  assertEquals((await client.readResponse()).statusLine, "HTTP/1.1 200 OK");
});

testConnection(
  "Connection closes after a final status that came before the invitation",
  () => Promise.reject(new StatusError(404, "Nothing.")),
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/", EXPECTING));
    const { statusLine, fields } = await client.readResponse();
    assertEquals(statusLine, "HTTP/1.1 404 Not Found");
    assertEquals(fields.get("connection"), "close");
    await client.send("abc" + GET);
    assertEquals((await client.readToEnd()).length, 0);
  },
);

testConnection(
  "Connection sends no invitation once the response has begun",
  ({ content }) => {
    let isFirst = true;
    const mixed: Content = {
      length: null,
      read() {
        if (!isFirst) return content.read();
        isFirst = false;
        return Promise.resolve(new TextEncoder().encode("start "));
      },
      close() {},
      [Symbol.asyncIterator]: () => pieces(mixed),
    };
    return { status: 200, content: mixed };
  },
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/", EXPECTING));
    assertEquals(toLatin1(await client.read(15)), "HTTP/1.1 200 OK");
    await client.send("abc" + ask("POST", "/", EXPECTING + "Connection: close\r\n") + "def");
    const rest = toLatin1(await client.readToEnd());
    assertEquals(rest.match(/start/g)?.length, 2);
    assert(!rest.includes("100 Continue"), rest);
  },
);

testConnection("Connection passes over content that nobody wants", ok, async (bench) => {
  const contents = [
    "Content-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n012345",
    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    `Content-Length: 200000\r\n\r\n${"x".repeat(200_000)}`,
  ];
  using client = await bench.connect();
  for (const content of contents) {
    await client.send(`POST / HTTP/1.1\r\nHost: h\r\n${content}`);
    const { text, fields } = await client.readResponse();
    assertEquals([text, fields.get("connection")], ["ok", undefined]);
  }
  await until(() => bench.records.length === contents.length);
});

testConnection(
  "Connection closes rather than pass over a lot, or over nobody knows what",
  ok,
  async (bench) => {
    const contents = [
      `Content-Length: 300000\r\n\r\n${"x".repeat(1000)}`,
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd",
    ];
    for (const content of contents) {
      using client = await bench.connect();
      await client.send(`POST / HTTP/1.1\r\nHost: h\r\n${content}`);
      const { text, fields } = await client.readResponse();
      assertEquals([text, fields.get("connection")], ["ok", "close"]);
      await client.trySend(GET);
      assertEquals((await client.readToEnd()).length, 0);
    }
    assertEquals(bench.records.length, contents.length);
  },
);

testConnection("Connection answers a peer that has ended its side", ok, async (bench) => {
  using client = await bench.connect();
  await client.send(GET + GET);
  await client.endSending();
  assertEquals((await client.readResponse()).text, "ok");
  assertEquals((await client.readResponse()).text, "ok");
  assertEquals((await client.readToEnd()).length, 0);
  assertEquals(bench.records.length, 2);
});

testConnection(
  "Connection does not lose an error reply to a reset",
  read,
  async (bench) => {
    for (let round = 0; round < 20; round++) {
      using client = await bench.connect();
      // Far more than is read before the refusal: a plain close would reset the connection.
      await client.trySend("BAD\r\n" + "x".repeat(200_000));
      assertEquals((await client.readResponse()).status, 400);
    }
  },
);

testConnection(
  "Connection begins no request before the one ahead is answered",
  (() => {
    let running = 0;
    return async ({ path }: HttpRequest): Promise<HttpResponse> => {
      assertEquals(++running, 1);
      await Promise.resolve();
      await new Promise((resolve) => setTimeout(resolve));
      running--;
      return { status: 200, content: path };
    };
  })(),
  async (bench) => {
    using client = await bench.connect();
    const paths = Array.from({ length: 100 }, (_, each) => `/${each}`);
    await client.send(paths.map((path) => ask("GET", path)).join(""));
    for (const path of paths) assertEquals((await client.readResponse()).text, path);
    assertEquals(bench.errors, []);
  },
);

testConnection(
  "Connection answers 500, once, for a handler that throws, and tells of it",
  router([
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
  async (bench) => {
    const paths = ["/throws", "/rejects", "/splits", "/nothing", "/teapot", "/stream"];
    for (const path of paths) {
      using client = await bench.connect();
      await client.send(ask("GET", path));
      const { status, text } = await client.readResponse();
      assertEquals(status, 500, path);
      assertMatch(text, /^The server has failed to answer the request\.\n$/);
    }
    assertEquals(bench.errors.length, paths.length);
    await until(() => bench.records.length === paths.length);
    assertEquals(bench.records.map(({ status }) => status), paths.map(() => 500));
  },
);

/** A stream that fails after so many pieces. */
function failing(pieces: number, length: number | null = null): Content {
  let count = 0;
  return fromStream(
    new ReadableStream({
      pull(controller) {
        if (count++ < pieces) controller.enqueue(new Uint8Array(10));
        else controller.error(new Error("The source is dry"));
      },
    }),
    length,
  );
}

const short = (told: number) => fromStream(ReadableStream.from([new Uint8Array(10)]), told);

testConnection(
  "Connection is cut where content breaks off behind its head",
  router([
    { method: "GET", path: "/fails", handler: () => ({ status: 200, content: failing(2) }) },
    {
      method: "GET",
      path: "/fails-late",
      handler: () => ({ status: 200, content: failing(2, 30) }),
    },
    { method: "GET", path: "/short", handler: () => ({ status: 200, content: short(11) }) },
  ]),
  async (bench) => {
    for (const path of ["/fails", "/fails-late", "/short"]) {
      using client = await bench.connect();
      await client.send(ask("GET", path));
      const error = await client.readResponse().then(() => null, (error) => error);
      assertMatch(String(error), /Closed/, path);
    }
    assertEquals(bench.errors.length, 3);
    assertEquals(bench.records.map(({ status }) => status), [200, 200, 200]);
  },
);

testConnection(
  "Connection streams a response made of the request's content",
  ({ content }) => ({ status: 200, content }),
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n");
    await client.send("4\r\ndefg\r\n0\r\n\r\n");
    assertEquals((await client.readResponse()).text, "abcdefg");
    await client.send(ask("POST", "/", "Content-Length: 5\r\n") + "hello" + ask("POST", "/"));
    assertEquals((await client.readResponse()).text, "hello");
    assertEquals((await client.readResponse()).text, "");
    assertEquals(bench.errors, []);
  },
);

testConnection(
  "Connection sends HEAD the fields of GET, and closes content that is not sent",
  (() => {
    let closed = 0;
    return (): HttpResponse => {
      const content = short(10);
      return {
        status: 200,
        fields: { "X-Closed": String(closed) },
        content: { ...content, close: () => (closed++, content.close()) },
      };
    };
  })(),
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("HEAD", "/") + ask("HEAD", "/"));
    assertEquals((await client.readResponse("HEAD")).fields.get("x-closed"), "0");
    const { fields } = await client.readResponse("HEAD");
    assertEquals([fields.get("x-closed"), fields.get("content-length")], ["1", "10"]);
  },
);

testConnection(
  "Connection tells HTTP/1.0 that it stays, and ends content of unknown length with its end",
  router([
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
  async (bench) => {
    using client = await bench.connect();
    await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assertEquals((await client.readResponse()).fields.get("connection"), "keep-alive");
    await client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const { fields, content } = await client.readResponse();
    assertEquals([...fields.keys()], ["date", "connection"]);
    assertEquals([fields.get("connection"), content.length], ["close", 3]);
  },
);

testConnection(
  "Connection reports one record a request, with what was really sent",
  read,
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/a?b", "Content-Length: 3\r\n") + "abc" + GET + "BAD\r\n\r\n");
    await client.readToEnd();
    assertEquals(
      bench.records.map((
        { client, requestLine, status, bytesOut },
      ) => [client, requestLine, status, bytesOut]),
      [
        ["127.0.0.1", "POST /a?b HTTP/1.1", 200, 3],
        ["127.0.0.1", "GET / HTTP/1.1", 200, 0],
        ["127.0.0.1", null, 400, 25],
      ],
    );
    assert(bench.records.every(({ startedAt, duration }) => startedAt > 0 && duration >= 0));
  },
);

testConnection(
  "Connection reports the request line of a request that is refused behind it",
  ok,
  async (bench) => {
    using client = await bench.connect();
    await client.send("GET /a HTTP/1.1\r\nBad Field: x\r\n\r\n");
    await client.readToEnd();
    assertEquals(bench.records[0]?.requestLine, "GET /a HTTP/1.1");
  },
);

testConnection("Connection holds no broken drain against the program", ok, async (bench) => {
  using client = await bench.connect();
  await client.send(ask("POST", "/", "Content-Length: 1000\r\n") + "abc");
  assertEquals((await client.readResponse()).text, "ok");
  await client.endSending();
  assertEquals((await client.readToEnd()).length, 0);
  assertEquals(bench.errors, []);
});

testConnection(
  "Connection holds no broken request against the program whose response it streams",
  ({ content }) => ({ status: 200, content }),
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n");
    assertEquals(toLatin1(await client.read(15)), "HTTP/1.1 200 OK");
    await client.send("xyz\r\n");
    await client.readToEnd();
    assertEquals(bench.errors, []);
    assertEquals(bench.records.length, 1);
  },
);

testConnection("Connection takes in what is sent to it after a refusal", ok, async (bench) => {
  using client = await bench.connect();
  await client.send(ask("POST", "/", "Content-Length: 10000000\r\n"));
  // A connection that had been closed would answer the first of these with a reset.
  for (let round = 0; round < 20; round++) await client.send(new Uint8Array(10_000));
  assertEquals((await client.readResponse()).text, "ok");
}, { lingerTimeout: 0 });

testConnection("Connection sends no content to HEAD, however bad", ok, async (bench) => {
  using client = await bench.connect();
  await client.send("HEAD / HTTP/1.1\r\n\r\n");
  assertEquals((await client.readResponse("HEAD")).status, 400);
  assertEquals((await client.readToEnd()).length, 0);
});

testConnection(
  "Connection sends empty pieces as nothing, not as the end",
  () => ({
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
  async (bench) => {
    using client = await bench.connect();
    await client.send(GET + GET);
    assertEquals((await client.readResponse()).content.length, 5);
    assertEquals((await client.readResponse()).content.length, 5);
  },
);

testConnection(
  "Connection sends no content with 204, 205 and 304, whatever the handler gives",
  ({ path }) => ({ status: Number(path.slice(1)), content: "never" }),
  async (bench) => {
    using client = await bench.connect();
    for (const [status, length] of [[204, undefined], [205, "0"], [304, undefined]] as const) {
      await client.send(ask("GET", `/${status}`));
      const { fields, text } = await client.readResponse();
      assertEquals([fields.get("content-length"), text], [length, ""]);
    }
  },
);

testConnection(
  "Connection lets no handler that is late read what belongs to the next request",
  async ({ content, path }) => {
    if (path !== "/late") return { status: 200, content: path };
    // It gives up waiting and answers, while its read still waits.
    content.read().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
    throw new StatusError(503, "Too slow.");
  },
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/late", "Content-Length: 3\r\n"));
    const { status, fields } = await client.readResponse();
    assertEquals([status, fields.get("connection")], [503, "close"]);
    await client.trySend("abc" + ask("GET", "/b") + ask("GET", "/c"));
    assertEquals((await client.readToEnd()).length, 0);
    assertEquals(bench.errors, []);
  },
);

/** Lets a handler read that comes late with it. */
const late = Promise.withResolvers<void>();

testConnection(
  "Connection lets no handler read beside the drain",
  (() => {
    let outcome: Promise<string>;
    return async ({ content, path }: HttpRequest): Promise<HttpResponse> => {
      if (path !== "/late") return { status: 200, content: await outcome };
      outcome = late.promise.then(() => content.read()).then(() => "read", (error) => error.name);
      return { status: 200, content: "at once" };
    };
  })(),
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/late", "Content-Length: 30\r\n") + "0123456789");
    assertEquals((await client.readResponse()).text, "at once");
    await until(() => bench.server.connections[0]?.state === "reading"); // The drain has begun.
    late.resolve();
    await client.send("x".repeat(20) + ask("GET", "/next") + ask("GET", "/third"));
    assertEquals((await client.readResponse()).text, "TypeError");
    assertEquals((await client.readResponse()).text, "TypeError");
  },
);

testConnection(
  "Connection refuses to have content read twice at a time, or after its request",
  (() => {
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
  async (bench) => {
    using client = await bench.connect();
    await client.send(ask("POST", "/", "Content-Length: 3\r\n") + "abc");
    assertEquals((await client.readResponse()).text, "fulfilled,rejected");
    await client.send(ask("GET", "/later"));
    assertEquals((await client.readResponse()).text, "null");
  },
);

testConnection(
  "Connection answers 500 for content that fails before its head has left",
  router([
    { method: "GET", path: "/long", handler: () => ({ status: 200, content: short(5) }) },
    { method: "GET", path: "/nan", handler: () => ({ status: 200, content: short(NaN) }) },
    {
      method: "GET",
      path: "/none",
      handler: () => ({ status: 200, content: fromStream(ReadableStream.from([]), 5) }),
    },
  ]),
  async (bench) => {
    for (const path of ["/long", "/nan", "/none"]) {
      using client = await bench.connect();
      await client.send(ask("GET", path));
      assertEquals((await client.readResponse()).status, 500, path);
    }
    await until(() => bench.records.length === 3);
    assertEquals(bench.records.map(({ status }) => status), [500, 500, 500]);
    assertEquals(bench.errors.length, 3);
  },
);

testConnection(
  "Connection leaves the type of an error to who throws it",
  () => {
    throw new StatusError(400, "<p>No.</p>", { "content-type": "text/html" });
  },
  async (bench) => {
    using client = await bench.connect();
    await client.send(GET);
    assertEquals((await client.readResponse()).fields.get("content-type"), "text/html");
  },
);

testWith(["net"], "serve() reports to an observer that is an object of a class", async () => {
  class Observer {
    readonly seen: string[] = [];
    onRequest({ requestLine }: LogRecord) {
      this.seen.push(requestLine!);
    }
    onError(error: unknown) {
      this.seen.push(String(error));
    }
  }
  const observer = new Observer();
  const server = serve(() => {
    throw new Error("fault");
  }, { port: 0, observer });
  using client = await RawClient.connect(server.port);
  await client.send(GET);
  assertEquals((await client.readResponse()).status, 500);
  await server.close();
  assertEquals(observer.seen, ["Error: fault", "GET / HTTP/1.1"]);
});

testConnection("Connection counts chunked content against its limit", read, async (bench) => {
  for (
    const content of [
      "Content-Length: 11\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n",
    ]
  ) {
    using client = await bench.connect();
    await client.send(`POST / HTTP/1.1\r\nHost: h\r\n${content}`);
    const { status, fields } = await client.readResponse();
    assertEquals([status, fields.get("connection")], [413, "close"]);
  }
}, { content: 10 });

testWith(["net"], "Server closes its connections, idle or busy, and has finished", async () => {
  const records: LogRecord[] = [];
  const errors: unknown[] = [];
  const started = Promise.withResolvers<void>();
  const handler: Handler = (request) => {
    started.resolve();
    return read(request);
  };
  const server = serve(handler, {
    port: 0,
    observer: {
      onRequest: (record) => records.push(record),
      onError: (error) => errors.push(error),
    },
  });
  using idle = await RawClient.connect(server.port);
  using busy = await RawClient.connect(server.port);
  await busy.send(ask("POST", "/", "Content-Length: 3\r\n") + "a");
  await started.promise;
  await server.close();
  await server.finished;
  assertEquals((await idle.readToEnd()).length, 0);
  // The request that was cut off has a record, without a status, and is nobody's fault.
  assertEquals(records.map(({ status }) => status), [null]);
  assertEquals(errors, []);
});
