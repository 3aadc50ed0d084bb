// Web handlers over live sockets: what they see of a request, and what becomes of what they return.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fetchHandler, type RequestInfo } from "../../lib/fetch/mod.ts";
import { StatusError } from "../../lib/http/status.ts";
import { toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

/** What a handler returns, and what a client gets. A message of null means no error report. */
interface Case {
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- handlers written in JavaScript return anything
  readonly handler: (request: Request, info: RequestInfo) => any;
  readonly line?: string;
  readonly content?: string;
  readonly status: number;
  readonly text?: string;
  readonly fields?: Readonly<Record<string, string | undefined>>;
  readonly reported?: RegExp;
}

async function used(): Promise<Response> {
  const response = new Response("abc");
  await response.text();
  return response;
}

function locked(): Response {
  const response = new Response(new ReadableStream());
  response.body!.getReader();
  return response;
}

function streamOf(...pieces: unknown[]): ReadableStream<unknown> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

function withHeaders(init: [string, string][], body: BodyInit | null = "abc", status = 200) {
  return () => new Response(body, { status, headers: init });
}

const bytes = (text: string) => new TextEncoder().encode(text);

const CASES: readonly Case[] = [
  {
    name: "text",
    handler: () => new Response("h\u00e9llo"),
    status: 200,
    text: "h\u00c3\u00a9llo",
    fields: { "content-length": "6", "content-type": "text/plain;charset=UTF-8" },
  },
  {
    name: "a promise of JSON",
    handler: () => Promise.resolve(Response.json({ a: 1 })),
    status: 200,
    text: '{"a":1}',
    fields: { "content-length": "7", "content-type": "application/json" },
  },
  {
    name: "bytes",
    handler: () => new Response(bytes("abc")),
    status: 200,
    text: "abc",
    fields: { "content-length": "3", "content-type": undefined },
  },
  {
    name: "text without a type",
    handler: () => {
      const response = new Response("abc");
      response.headers.delete("Content-Type");
      return response;
    },
    status: 200,
    text: "abc",
    fields: { "content-type": undefined },
  },
  {
    name: "nothing",
    handler: () => new Response(),
    status: 200,
    text: "",
    fields: { "content-length": "0" },
  },
  {
    name: "a redirect",
    handler: () => Response.redirect("http://h/b", 303),
    status: 303,
    text: "",
    fields: { location: "http://h/b" },
  },
  {
    name: "a stream",
    handler: () => new Response(streamOf(bytes("ab"), bytes(""), bytes("c")) as ReadableStream),
    status: 200,
    text: "abc",
    fields: { "transfer-encoding": "chunked", "content-length": undefined },
  },
  {
    name: "a stream of a known length",
    handler: () =>
      new Response(streamOf(bytes("abc")) as ReadableStream, {
        headers: { "Content-Length": "3" },
      }),
    status: 200,
    text: "abc",
    fields: { "transfer-encoding": undefined, "content-length": "3" },
  },
  {
    name: "cookies",
    handler: withHeaders([["Set-Cookie", "a=1, 2"], ["Set-Cookie", "b=2"], ["X-A", "1"], [
      "x-a",
      "2",
    ]]),
    status: 200,
    text: "abc",
    fields: { "set-cookie": "a=1, 2, b=2", "x-a": "1, 2" },
  },
  {
    name: "fields of the server",
    handler: withHeaders([
      ["Connection", "close"],
      ["Keep-Alive", "timeout=5"],
      ["Transfer-Encoding", "chunked"],
      ["Content-Length", "3"],
    ]),
    status: 200,
    text: "abc",
    fields: { "connection": undefined, "keep-alive": undefined, "transfer-encoding": undefined },
  },
  {
    name: "HEAD of text",
    handler: () => new Response("abc"),
    line: "HEAD /",
    status: 200,
    text: "",
    fields: { "content-length": "3" },
  },
  {
    name: "HEAD of a length without a body",
    handler: withHeaders([["Content-Length", "5"]], null),
    line: "HEAD /",
    status: 200,
    text: "",
    fields: { "content-length": "5" },
  },
  {
    name: "HEAD without a length",
    handler: () => new Response(null),
    line: "HEAD /",
    status: 200,
    text: "",
    fields: { "content-length": undefined },
  },
  {
    name: "204",
    handler: () => new Response(null, { status: 204 }),
    status: 204,
    text: "",
    fields: { "content-length": undefined, "transfer-encoding": undefined },
  },
  {
    name: "304 with the length of the representation",
    handler: withHeaders([["Content-Length", "9"], ["ETag", '"a"']], null, 304),
    status: 304,
    text: "",
    fields: { "transfer-encoding": undefined, etag: '"a"' },
  },
  { name: "205", handler: () => new Response(null, { status: 205 }), status: 205, text: "" },
  {
    name: "an error with a status",
    handler: () => {
      throw new StatusError(409, "It is there already.");
    },
    status: 409,
    text: "It is there already.\n",
  },
  {
    name: "the same response for each request",
    handler: ((response) => () => response)(new Response("abc")),
    status: 200,
    text: "abc",
  },
  // What cannot be sent.
  { name: "undefined", handler: () => {}, status: 500, reported: /returned undefined/ },
  { name: "a string", handler: () => "abc", status: 500, reported: /returned a string/ },
  { name: "a number", handler: () => 200, status: 500, reported: /returned 200/ },
  {
    name: "a native response",
    handler: () => ({ status: 200, content: "abc" }),
    status: 500,
    reported: /a native response: it returns a web Response/,
  },
  { name: "a promise of null", handler: async () => await null, status: 500, reported: /null/ },
  {
    name: "Response.error()",
    handler: () => Response.error(),
    status: 500,
    reported: /Response.error\(\)/,
  },
  { name: "a used body", handler: used, status: 500, reported: /has been read already/ },
  { name: "a locked body", handler: locked, status: 500, reported: /locked/ },
  {
    name: "a length that is wrong",
    handler: withHeaders([["Content-Length", "4"]]),
    status: 500,
    reported: /3 bytes, and its Content-Length is 4/,
  },
  {
    name: "a length that is no number",
    handler: withHeaders([["Content-Length", "4, 4"]]),
    status: 500,
    reported: /Content-Length of the response is "4, 4"/,
  },
  {
    name: "CR LF in a field",
    handler: withHeaders([["X-A", "1\r\nX-B: 2"]]),
    status: 500,
    reported: /./,
  },
  {
    name: "a status of 101",
    handler: () => ({ headers: new Headers(), status: 101, body: null, type: "default" }),
    status: 500,
    reported: /cannot have the status 101/,
  },
  {
    name: "a stream of text",
    handler: () => new Response(streamOf("abc") as ReadableStream),
    status: 500,
    reported: /yields something other than Uint8Array/,
  },
  {
    name: "a stream that fails with undefined",
    handler: () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.error(undefined),
        }),
      ),
    status: 500,
    reported: /The stream failed: undefined/,
  },
  {
    name: "a thrown value that is no error",
    handler: () => {
      throw null;
    },
    status: 500,
    reported: /null/,
  },
  // What a handler sees of the request.
  {
    name: "a URL",
    handler: ({ url, method }) => new Response(`${method} ${url}`),
    line: "DELETE /a%20b?c=d",
    status: 200,
    text: "DELETE http://h/a%20b?c=d",
  },
  {
    name: "a URL with dots",
    handler: ({ url }) => new Response(url),
    line: "GET /a/../../b/%2e%2E/c|d?e=../f",
    status: 200,
    text: "http://h/c|d?e=../f",
  },
  {
    name: "an absolute target",
    handler: ({ url }) => new Response(url),
    line: "GET http://EXAMPLE.com:80/a",
    status: 200,
    text: "http://example.com/a",
  },
  {
    name: "the asterisk",
    handler: ({ url }) => new Response(url),
    line: "OPTIONS *",
    status: 200,
    text: "http://h/*",
  },
  {
    name: "TRACE",
    handler: (request) => new Response(`${request.method} ${new Request(request).method}`),
    line: "TRACE /",
    status: 200,
    text: "TRACE GET",
  },
  {
    name: "headers",
    handler: ({ headers }) => new Response(`${headers.get("host")} ${headers.get("x-a")}`),
    line: "GET /",
    status: 200,
    text: "h 1, 2",
  },
  {
    name: "its class",
    handler: (request) => new Response(`${request instanceof Request} ${request.redirect}`),
    status: 200,
    text: "true follow",
  },
  {
    name: "facts beside it",
    handler: (_, { client, peer, id, request, remoteAddr }) =>
      Response.json([client, peer, /^1-1$/.test(id), request.path, {
        ...remoteAddr,
        port: "port" in remoteAddr && remoteAddr.port === request.peerPort && remoteAddr.port > 0,
      }]),
    status: 200,
    text: '["127.0.0.1","127.0.0.1",true,"/",' +
      '{"transport":"tcp","hostname":"127.0.0.1","port":true}]',
  },
  {
    name: "no body of GET",
    handler: async (request) => new Response(`${request.body} ${await request.text()}`),
    content: "abc",
    status: 200,
    text: "null ",
  },
  ...(["text", "json", "bytes", "arrayBuffer", "blob"] as const).map((method): Case => ({
    name: `${method}()`,
    handler: async (request) => {
      const value = await request[method]();
      const again = await request[method]().then(() => "read twice", (error) => error.name);
      return new Response(
        `${await new Response(value as BodyInit).text()} ${again} ${request.bodyUsed}`,
      );
    },
    line: "POST /",
    content: "123",
    status: 200,
    text: "123 TypeError true",
  })),
  {
    name: "a form",
    handler: async (request) => new Response((await request.formData()).get("a") as string),
    line: "POST /form",
    content: "a=b",
    status: 200,
    text: "b",
  },
  {
    name: "a stream of its body",
    handler: (request) => new Response(request.body),
    line: "POST /",
    content: "abc",
    status: 200,
    text: "abc",
  },
  {
    name: "a clone",
    handler: async (request) => {
      const clone = request.clone();
      return new Response(await request.text() + await clone.text());
    },
    line: "POST /",
    content: "abc",
    status: 200,
    text: "abcabc",
  },
  {
    name: "a copy",
    handler: async (request) => {
      const copy = new Request(request, { method: "PUT" });
      return new Response(`${copy.method} ${copy.url} ${await copy.text()}`);
    },
    line: "POST /a",
    content: "abc",
    status: 200,
    text: "PUT http://h/a abc",
  },
  {
    name: "JSON that is broken",
    handler: (request) => request.json(),
    line: "POST /",
    content: "{",
    status: 500,
    reported: /JSON/,
  },
  {
    name: "content over the limit",
    handler: async (request) => new Response(await request.text()),
    line: "POST /",
    content: "a".repeat(101),
    status: 413,
  },
  {
    name: "content over the limit, for a framework",
    handler: async (request) => {
      try {
        return new Response(await request.text());
      } catch (error) {
        return (error as { getResponse(): Response }).getResponse();
      }
    },
    line: "POST /",
    content: "a".repeat(101),
    status: 413,
    text: "The content is larger than this server takes.\n",
  },
];

for (const { name, handler, line = "GET /", content = "", ...expected } of CASES) {
  testServer(
    `fetchHandler() answers as it should when there is ${name}`,
    { handler: fetchHandler(handler), limits: { content: 100 }, hasErrors: true },
    async ({ connect, errors }) => {
      using client = await connect();
      const headers = ["X-A: 1", "X-A: 2"];
      if (content !== "") headers.push(`Content-Length: ${content.length}`);
      if (line.endsWith("/form")) headers.push("Content-Type: application/x-www-form-urlencoded");
      await client.send(request(line, ...headers) + content);
      const response = await client.readResponse(line.split(" ")[0]);
      assertEquals([response.status, errors.length], [expected.status, expected.reported ? 1 : 0]);
      if (expected.text !== undefined) assertEquals(response.text, expected.text);
      for (const [name, value] of Object.entries(expected.fields ?? {})) {
        assertEquals(response.fields.get(name), value, name);
      }
      if (expected.reported) assertMatch(String(errors[0]), expected.reported);
    },
  );
}

testServer(
  "fetchHandler() answers 100 Continue when the body is read, and not before",
  {
    handler: fetchHandler(async (request) => {
      assert(request.body !== null);
      if (request.url.endsWith("/no")) return new Response("no");
      return new Response(await request.text());
    }),
  },
  async ({ connect }) => {
    for (const path of ["/no", "/yes"]) {
      using client = await connect();
      await client.send(request(`POST ${path}`, "Content-Length: 3", "Expect: 100-continue"));
      const first = await client.readResponse();
      assertEquals([first.status, first.text], path === "/no" ? [200, "no"] : [100, ""]);
      if (path === "/no") continue;
      await client.send("abc");
      assertEquals((await client.readResponse()).text, "abc");
    }
  },
);

const cancelled: unknown[] = [];
testServer(
  "fetchHandler() aborts the signal and cancels the stream when the client leaves",
  {
    handler: fetchHandler(({ signal }) => {
      signal.addEventListener("abort", () => cancelled.push("signal"));
      const cancel = (reason: DOMException) => void cancelled.push(reason.name);
      return new Response(new ReadableStream({ cancel }));
    }),
  },
  async ({ connect, closed }) => {
    const client = await connect();
    await client.send(request("GET /"));
    await client.read(15); // The head leaves before the first piece.
    client.close();
    await until(() => closed.length === 1);
    assertEquals(cancelled.sort(), ["AbortError", "signal"]);
  },
);

const signals: AbortSignal[] = [];
testServer(
  "fetchHandler() does not abort the signal when the response has been sent",
  {
    handler: fetchHandler(({ signal }) => {
      signals.push(signal);
      return new Response("abc");
    }),
  },
  async ({ connect, closed }) => {
    const client = await connect();
    await client.send(request("GET /"));
    await client.readResponse();
    client.close();
    await until(() => closed.length === 1);
    assertEquals(signals.map(({ aborted }) => aborted), [false]);
  },
);

testServer(
  "fetchHandler() cuts the connection and reports once when a stream fails",
  {
    handler: fetchHandler(() => {
      let count = 0;
      const pull = async (controller: ReadableStreamDefaultController) => {
        await new Promise((resolve) => setTimeout(resolve));
        if (++count === 3) throw new Error("The disk is gone");
        controller.enqueue(bytes("abc"));
      };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
    }),
    hasErrors: true,
  },
  async ({ connect, errors, records }) => {
    using client = await connect();
    await client.send(request("GET /"));
    assertMatch(toLatin1(await client.readToEnd()), /3\r\nabc\r\n3\r\nabc\r\n$/);
    await until(() => records.length === 1);
    assertEquals([errors.map(String), records[0]!.isComplete], [
      ["Error: The disk is gone"],
      false,
    ]);
  },
);

let pulled = 0;
testServer(
  "fetchHandler() asks a stream for no more than the client reads",
  {
    handler: fetchHandler(() => {
      const pull = (controller: ReadableStreamDefaultController) => {
        pulled++;
        controller.enqueue(new Uint8Array(1 << 20));
      };
      return new Response(new ReadableStream({ pull }));
    }),
  },
  async ({ connect }) => {
    const client = await connect();
    await client.send(request("GET /"));
    await until(() => pulled > 1);
    let last = -1;
    await until(async () => {
      const before = last;
      last = pulled;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return before === pulled;
    });
    assert(pulled < 64, `${pulled} MiB were read ahead`);
    client.close();
  },
);
