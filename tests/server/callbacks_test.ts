// Callbacks and handlers of the program that fail, or return what is no response: the server
// reports each once and goes on.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { NO_CONTENT } from "../../lib/http/content.ts";
import type { Handler } from "../../lib/http/message.ts";
import { router } from "../../lib/router.ts";
import type { ListenAddress, ServeCallbacks } from "../../lib/server/callbacks.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

const ok: Handler = () => ({ status: 200, content: "ok" });

const fail = (name: string) => (): never => {
  throw new Error(`${name} fails`);
};

testWith(["net"], "serve() survives callbacks that all throw", async () => {
  const errors: unknown[] = [];
  const callbacks: ServeCallbacks = {
    onListen: fail("onListen"),
    onOpen: fail("onOpen"),
    onClose: fail("onClose"),
    onRequest: fail("onRequest"),
    onProtocolMismatch: fail("onProtocolMismatch"),
    onError: (error) => void errors.push(error instanceof Error ? error.message : error),
  };
  await using server = serve(ok, { port: 0, ...callbacks });
  assertEquals(errors, ["onListen fails"]);
  for (const sent of [request("GET /", "Connection: close"), "\x16\x03\x01\x00\x01"]) {
    errors.length = 0;
    using client = await RawClient.connect(server.port);
    await client.send(sent);
    const isTls = sent.startsWith("\x16");
    assertEquals((await client.readResponse()).status, isTls ? 400 : 200);
    await client.readToEnd();
    client.close();
    await until(() => errors.includes("onClose fails"));
    const expected = ["onOpen fails", "onRequest fails", "onClose fails"];
    if (isTls) expected.splice(1, 0, "onProtocolMismatch fails");
    assertEquals(errors, expected);
  }
});

testWith(["net"], "serve() survives an onError that throws", async () => {
  const failing = () => Promise.reject(new Error("The handler fails"));
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (...values: unknown[]) => printed.push(...values);
  try {
    await using server = serve(failing, { port: 0, onError: fail("onError") });
    for (let round = 0; round < 2; round++) {
      using client = await RawClient.connect(server.port);
      await client.send(request("GET /"));
      assertEquals((await client.readResponse()).status, 500);
    }
  } finally {
    console.error = error;
  }
  const messages = printed.map((each) => (each as Error).message);
  const once = ["The handler fails", "onError fails"];
  assertEquals(messages, [...once, ...once]);
});

testWith(["net"], "serve() takes the peer for the client where clientOf throws", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const handler: Handler = ({ client }) => ({ status: 200, content: client });
  await using server = serve(handler, { port: 0, onError, clientOf: fail("clientOf") });
  using client = await RawClient.connect(server.port);
  await client.send(request("GET /"));
  assertEquals((await client.readResponse()).text, "127.0.0.1");
  assertMatch(String(errors[0]), /clientOf fails/);
  assertEquals(errors.length, 1);
});

const RETURNED: readonly [name: string, value: unknown, problem: RegExp][] = [
  [
    "a web Response",
    new Response("x"),
    /returned a web Response: .*\{ status, fields, content \}.*fetchHandler\(\)/,
  ],
  ["a string", "text", /returned a string: .*\{ status, fields, content \}/],
  ["nothing", undefined, /returned undefined: /],
  ["null", null, /returned null: /],
  ["a number", 200, /returned 200: /],
  ["an object without a status", {}, /cannot have the status undefined/],
];

for (const [name, value, problem] of RETURNED) {
  for (const later of [false, true]) {
    const handler = (() => later ? Promise.resolve(value) : value) as unknown as Handler;
    testServer(
      `a handler that returns ${name}${later ? " later" : ""} gives a 500 and a sentence`,
      { handler, hasErrors: true },
      async ({ connect, errors }) => {
        for (const sent of [request("GET /"), request("POST /", "Content-Length: 1") + "a"]) {
          errors.length = 0;
          using client = await connect();
          await client.send(sent);
          assertEquals((await client.readResponse()).status, 500);
          assertEquals(errors.length, 1);
          assertMatch(String(errors[0]), problem);
        }
      },
    );
  }
}

const TEXTS: readonly [content: string | Uint8Array, type: string | undefined][] = [
  ["text", "text/plain; charset=utf-8"],
  ["", undefined],
  [new Uint8Array(3), undefined],
];

for (const [content, type] of TEXTS) {
  testServer(
    `serve() sends ${JSON.stringify(content)} with the type ${type}`,
    { handler: () => ({ status: 200, content }) },
    async ({ connect }) => {
      using client = await connect();
      await client.send(request("GET /"));
      assertEquals((await client.readResponse()).fields.get("content-type"), type);
    },
  );
}

testWith(["net"], "serve() tells where it listens, and closes when the signal aborts", async () => {
  const addresses: ListenAddress[] = [];
  const controller = new AbortController();
  const { signal } = controller;
  const onListen = (address: ListenAddress) => void addresses.push(address);
  const server = serve(ok, { port: 0, hostname: "127.0.0.1", signal, onListen });
  assertEquals(addresses, [{ hostname: "127.0.0.1", port: server.port, url: server.url }]);
  using client = await RawClient.connect(server.port);
  controller.abort();
  await server.finished;
  assertEquals((await client.readToEnd()).length, 0);
  await serve(ok, { port: 0, signal }).finished; // It has aborted already.
});

const OPTIONS: readonly [name: string, value: unknown, problem: RegExp][] = [
  ["hostName", "h", /There is no option hostName: the options are hostname, port, /],
  ["observer", {}, /There is no option observer/],
  ["onError", {}, /The option onError is not a function/],
  ["clientOf", "x", /The option clientOf is not a function/],
];

for (const [name, value, problem] of OPTIONS) {
  testWith(["net"], `serve() refuses the option ${name} of ${JSON.stringify(value)}`, () => {
    const error = assertThrows(() => serve(ok, { port: 0, [name]: value }), TypeError);
    assertMatch(error.message, problem);
  });
}

testWith(["net"], "serve() refuses arguments in the wrong order", () => {
  const wrong = serve as unknown as (options: object, handler: Handler) => void;
  assertThrows(() => wrong({ port: 0 }, ok), TypeError, "The first argument is the handler");
});

const teapot = { status: 418, content: "sorry" };

const ANSWERS: readonly [
  name: string,
  onError: unknown,
  status: number,
  text: RegExp,
  reports: number,
][] = [
  ["a response", () => teapot, 418, /^sorry$/, 1],
  ["a promise of a response", () => Promise.resolve(teapot), 418, /^sorry$/, 1],
  ["nothing", () => {}, 500, /has failed/, 1],
  ["a number", () => 3, 500, /has failed/, 1],
  ["a promise of nothing", () => Promise.resolve(), 500, /has failed/, 1],
  ["a web Response", () => new Response("x"), 500, /has failed/, 2],
];

for (const [name, onError, status, text, reports] of ANSWERS) {
  for (const line of ["GET /now", "GET /later", "POST /later"]) {
    testWith(["net"], `onError may answer ${line} with ${name}`, async () => {
      const seen: [unknown, string | undefined][] = [];
      await using server = serve(({ path }) => {
        const error = new Error("fault");
        if (path === "/later") return Promise.reject(error);
        throw error;
      }, {
        port: 0,
        onError: (error, request) => {
          seen.push([error, request?.path]);
          return (onError as () => void)();
        },
      });
      using client = await RawClient.connect(server.port);
      const isPost = line.startsWith("POST");
      await client.send(
        request(line, ...isPost ? ["Content-Length: 1"] : []) + (isPost ? "a" : ""),
      );
      const response = await client.readResponse();
      assertEquals([response.status, seen.length], [status, reports]);
      assertMatch(response.text, text);
      assertEquals([String(seen[0]![0]), seen[0]![1]], ["Error: fault", line.split(" ")[1]]);
    });
  }
}

testWith(["net"], "serve() names the request of an error on stderr", async () => {
  const { error } = console;
  const printed: unknown[][] = [];
  console.error = (...values: unknown[]) => printed.push(values);
  try {
    await using server = serve(() => Promise.reject(new Error("fault")), { port: 0 });
    using client = await RawClient.connect(server.port);
    await client.send(request("GET /a?b"));
    await client.readResponse();
  } finally {
    console.error = error;
  }
  assertEquals(printed.map((values) => values.map(String)), [
    ["wireserve: GET /a (1-1):", "Error: fault"],
  ]);
});

const PAGES: readonly [sent: string, status: number, fields: Record<string, string>][] = [
  ["bad\r\n\r\n", 400, { connection: "close" }],
  [request("GET /missing"), 404, {}],
  [request("DELETE /"), 405, { allow: "GET, HEAD, OPTIONS" }],
  [request("GET /fault"), 500, {}],
  [request("POST /", "Content-Length: 9"), 413, { connection: "close" }],
  [request("POST /unread", "Transfer-Encoding: chunked") + "x\r\n", 400, { connection: "close" }],
];

for (const [sent, status, fields] of PAGES) {
  for (
    const [kind, errorPage] of Object.entries<ServeCallbacks["errorPage"]>({
      html: ({ status, message }, request) => ({
        fields: { "Content-Type": "text/html", "Allow": "none" },
        content: `<h1>${status} ${message} ${request?.path}</h1>`,
      }),
      throws: () => {
        throw new Error("The page fails");
      },
      stream: () => ({ content: NO_CONTENT }),
    })
  ) {
    testServer(
      `errorPage (${kind}) stands for a ${status}`,
      {
        handler: router([
          { method: "GET", path: "/", handler: ok },
          { method: "GET", path: "/fault", handler: fail("The handler") },
          { method: "POST", path: "/unread", handler: ok },
        ]),
        limits: { content: 8 },
        errorPage,
        hasErrors: true,
      },
      async ({ connect, errors }) => {
        using client = await connect();
        await client.send(sent);
        const response = await client.readResponse();
        const isHtml = kind === "html";
        const type = isHtml ? "text/html" : "text/plain";
        assertEquals([response.status, response.fields.get("content-type")], [status, type]);
        assertMatch(response.text, isHtml ? new RegExp(`^<h1>${status} .*</h1>$`) : /^[^<]*\n$/);
        for (const [name, value] of Object.entries(fields)) {
          assertEquals(response.fields.get(name), value);
        }
        assertEquals(errors.length, (isHtml ? 0 : 1) + (status === 500 ? 1 : 0));
      },
    );
  }
}
