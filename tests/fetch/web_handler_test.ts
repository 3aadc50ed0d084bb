// Native handlers as web handlers: alone, and mounted in a framework on a live server.

import { assertEquals, assertRejects } from "@std/assert";
import { Hono } from "npm:hono@4.13.19";
import { fetchHandler, webHandler } from "../../lib/fetch/mod.ts";
import { serveDirectory } from "../../lib/files/mod.ts";
import { collect, fromStream } from "../../lib/http/content.ts";
import type { Handler } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import { upgrade } from "../../lib/server/upgrade.ts";
import { testWith } from "../support/needs.ts";
import { request } from "../support/request.ts";
import { testServer, withServer } from "../support/server.ts";
import { withDirectory } from "../support/temp.ts";

const bytes = new TextEncoder().encode("abc");

const HANDLERS: Readonly<Record<string, Handler>> = {
  text: () => ({ status: 200, content: "abc" }),
  bytes: () => ({ status: 200, content: bytes }),
  stream: () => ({ status: 200, content: fromStream(new Blob([bytes]).stream(), 3) }),
  nothing: () => ({ status: 200 }),
  "no content": () => ({ status: 204 }),
  "not modified": () => ({ status: 304, fields: { "ETag": '"a"' } }),
  cookies: () => ({ status: 200, fields: { "Set-Cookie": ["a=1", "b=2"] }, content: "abc" }),
  echo: async ({ method, target, authority, fields, content }) => ({
    status: 200,
    content: `${method} ${target} ${authority} ${fields.get("x-a")} ` +
      new TextDecoder().decode(await collect(content, 99)),
  }),
  error: () => {
    throw new StatusError(405, "No.", { "Allow": "GET" });
  },
};

const EXPECTED: Readonly<Record<string, [status: number, text: string, headers: HeadersInit]>> = {
  text: [200, "abc", { "Content-Type": "text/plain; charset=utf-8", "Content-Length": "3" }],
  bytes: [200, "abc", { "Content-Length": "3" }],
  stream: [200, "abc", { "Content-Length": "3" }],
  nothing: [200, "", { "Content-Length": "0" }],
  "no content": [204, "", {}],
  "not modified": [304, "", { "ETag": '"a"' }],
  cookies: [200, "abc", [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", "3"],
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
  ]],
  echo: [200, "POST /a?b h x sent", {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": "18",
  }],
  error: [405, "No.\n", { "Content-Type": "text/plain", "Content-Length": "4", "Allow": "GET" }],
};

for (const [name, [status, text, headers]] of Object.entries(EXPECTED)) {
  Deno.test(`webHandler() makes a Response of ${name}`, async () => {
    const request = new Request("http://h/a?b", {
      method: "POST",
      headers: { "X-A": "x" },
      body: "sent",
    });
    const response = await webHandler(HANDLERS[name]!)(request);
    assertEquals([response.status, await response.text()], [status, text]);
    assertEquals([...response.headers], [...new Headers(headers)]);
  });
}

Deno.test("webHandler() lets other errors through, and HEAD has no body", async () => {
  const fail = webHandler(() => Promise.reject(new TypeError("fault")));
  await assertRejects(() => fail(new Request("http://h/")), TypeError, "fault");
  for (const name of ["text", "stream"]) {
    const head = new Request("http://h/", { method: "HEAD" });
    const { body, headers } = await webHandler(HANDLERS[name]!)(head);
    assertEquals([body, headers.get("Content-Length")], [null, "3"]);
  }
});

testServer(
  "webHandler() and fetchHandler() together change nothing, also an upgrade",
  {
    handler: fetchHandler(webHandler((request) =>
      upgrade(request, async (connection) => {
        await connection.write(bytes);
      })
    )),
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("GET /", "Connection: Upgrade", "Upgrade: x"));
    assertEquals((await client.readResponse()).status, 101);
    assertEquals((await client.readToEnd()).length, 3);
  },
);

testWith(["net", "read", "write"], "a Hono app mounts a folder", async () => {
  await withDirectory(async (path) => {
    await Deno.writeTextFile(`${path}/a.txt`, "0123456789");
    const app = new Hono();
    const files = webHandler(serveDirectory(path, { base: "/static/" }));
    app.use("/static/*", async (context, next) => {
      await next();
      context.res.headers.set("X-App", "yes");
    });
    app.all("/static/*", (context) => files(context.req.raw));
    await withServer({ handler: fetchHandler(app.fetch) }, async ({ connect }) => {
      using client = await connect();
      for (
        const [line, headers, status, text] of [
          ["GET /static/a.txt", [], 200, "0123456789"],
          ["GET /static/a.txt", ["Range: bytes=2-3"], 206, "23"],
          ["HEAD /static/a.txt", [], 200, ""],
          ["GET /static/b.txt", [], 404, "This file does not exist.\n"],
        ] as const
      ) {
        await client.send(request(line, ...headers));
        const response = await client.readResponse(line.split(" ")[0]);
        assertEquals([response.status, response.fields.get("x-app")], [status, "yes"]);
        if (status !== 404) assertEquals(response.text, text);
      }
    });
  });
});
