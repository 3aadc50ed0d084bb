// Callbacks and handlers of the program that fail, or return what is no response: the server
// reports each once and goes on.

import { assertEquals, assertMatch } from "@std/assert";
import type { Handler } from "../../lib/http/message.ts";
import type { ServerObserver } from "../../lib/server/observer.ts";
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

testWith(["net"], "serve() survives an observer whose every callback throws", async () => {
  const errors: unknown[] = [];
  const observer: Partial<ServerObserver> = {
    onOpen: fail("onOpen"),
    onClose: fail("onClose"),
    onRequest: fail("onRequest"),
    onProtocolMismatch: fail("onProtocolMismatch"),
    onError: (error) => errors.push(error instanceof Error ? error.message : error),
  };
  await using server = serve(ok, { port: 0, observer });
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
    await using server = serve(failing, { port: 0, observer: { onError: fail("onError") } });
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
  const observer = { onError: (error: unknown) => errors.push(error) };
  const handler: Handler = ({ client }) => ({ status: 200, content: client });
  await using server = serve(handler, { port: 0, observer, clientOf: fail("clientOf") });
  using client = await RawClient.connect(server.port);
  await client.send(request("GET /"));
  assertEquals((await client.readResponse()).text, "127.0.0.1");
  assertMatch(String(errors[0]), /clientOf fails/);
  assertEquals(errors.length, 1);
});

const RETURNED: readonly [name: string, value: unknown, problem: RegExp][] = [
  ["a web Response", new Response("x"), /returned a web Response: .*\{ status, fields, content \}/],
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
