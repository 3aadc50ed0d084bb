// Frameworks as they are, with middleware of their own, on a live server; and other clients.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Hono } from "npm:hono@4.13.19";
import { basicAuth } from "npm:hono@4.13.19/basic-auth";
import { bodyLimit } from "npm:hono@4.13.19/body-limit";
import { compress } from "npm:hono@4.13.19/compress";
import { getConnInfo, serveStatic } from "npm:hono@4.13.19/deno";
import { etag } from "npm:hono@4.13.19/etag";
import { secureHeaders } from "npm:hono@4.13.19/secure-headers";
import { streamSSE } from "npm:hono@4.13.19/streaming";
import { timeout } from "npm:hono@4.13.19/timeout";
import { H3, readBody } from "npm:h3@2.0.8";
import { fetchHandler } from "../../lib/fetch/mod.ts";
import { withBrowser } from "../support/browser.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import type { RawResponse } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { type TestServer, testServer, withServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

const text = "Hello! ".repeat(500);

let isAborted = false;

/** Handlers that are not done yet. */
let pending = 0;

function honoApp(): Hono {
  const app = new Hono();
  app.use("/compress/*", compress());
  app.use("/etag/*", etag());
  app.use("/limit/*", bodyLimit({ maxSize: 10 }));
  app.use("/auth/*", basicAuth({ username: "ann", password: "secret" }));
  app.use("/secure/*", secureHeaders());
  app.use("/slow/*", timeout(50));
  app.get("/compress/a", (context) => context.text(text));
  app.get("/etag/a", (context) => context.text("abc"));
  app.post("/limit/a", async (context) => context.text(await context.req.text()));
  app.get("/auth/a", (context) => context.text("in"));
  app.get("/secure/a", (context) => context.json({ a: 1 }));
  app.get("/slow/a", async (context) => {
    pending++;
    await new Promise((resolve) => setTimeout(resolve, 300));
    pending--;
    return context.text("late");
  });
  app.get("/cookies", (context) => {
    context.header("Set-Cookie", "a=1", { append: true });
    context.header("Set-Cookie", "b=2", { append: true });
    return context.text("ok");
  });
  app.get("/address", (context) => context.text(getConnInfo(context).remote.address ?? "none"));
  app.get("/events", (context) =>
    streamSSE(context, async (stream) => {
      stream.onAbort(() => void (isAborted = true));
      pending++;
      for (let id = 0; !stream.aborted; id++) {
        await stream.writeSSE({ data: `event ${id}`, id: String(id) });
        await stream.sleep(20);
      }
      pending--;
    }));
  app.get(
    "/static/*",
    serveStatic({ root: "./examples", rewriteRequestPath: (path) => path.slice(7) }),
  );
  app.get("/fault", () => {
    throw new Error("fault");
  });
  app.onError((error, context) => {
    if ("getResponse" in error) return (error as { getResponse(): Response }).getResponse();
    return context.text("Sorry\n", 500);
  });
  return app;
}

interface Case {
  readonly line: string;
  readonly headers?: readonly string[];
  readonly content?: string;
  readonly status: number;
  readonly check?: (response: RawResponse) => void;
}

const HONO: readonly Case[] = [
  {
    line: "GET /compress/a",
    headers: ["Accept-Encoding: gzip"],
    status: 200,
    check: ({ fields, content }) => {
      assertEquals(fields.get("content-encoding"), "gzip");
      assert(content.length < text.length / 10);
    },
  },
  {
    line: "GET /compress/a",
    status: 200,
    check: (response) => assertEquals(response.text, text),
  },
  {
    line: "GET /etag/a",
    status: 200,
    check: ({ fields, text }) => assertMatch(fields.get("etag")! + text, /^".*"abc$/),
  },
  { line: "GET /etag/a", headers: ["If-None-Match: *"], status: 304 },
  { line: "POST /limit/a", content: "short", status: 200 },
  { line: "POST /limit/a", content: "a".repeat(11), status: 413 },
  {
    line: "GET /auth/a",
    status: 401,
    check: ({ fields }) => assertMatch(fields.get("www-authenticate")!, /^Basic /),
  },
  { line: "GET /auth/a", headers: [`Authorization: Basic ${btoa("ann:secret")}`], status: 200 },
  {
    line: "GET /secure/a",
    status: 200,
    check: ({ fields, text }) => {
      assertEquals([fields.get("x-content-type-options"), text], ["nosniff", '{"a":1}']);
    },
  },
  { line: "GET /slow/a", status: 504 },
  {
    line: "GET /cookies",
    status: 200,
    check: ({ fields }) => assertEquals(fields.get("set-cookie"), "a=1, b=2"),
  },
  {
    line: "GET /address",
    status: 200,
    check: ({ text }) => assertEquals(text, "127.0.0.1"),
  },
  {
    line: "GET /static/chat.ts",
    status: 200,
    check: ({ text }) => assertMatch(text, /WebSocket/),
  },
  { line: "HEAD /etag/a", status: 200, check: ({ text }) => assertEquals(text, "") },
  { line: "GET /fault", status: 500, check: ({ text }) => assertEquals(text, "Sorry\n") },
  { line: "GET /nothing", status: 404 },
];

async function run({ connect }: TestServer, { line, headers = [], ...rest }: Case): Promise<void> {
  using client = await connect();
  const { content = "", status, check = () => {} } = rest;
  const length = content === "" ? [] : [`Content-Length: ${content.length}`];
  await client.send(request(line, ...headers, ...length) + content);
  const response = await client.readResponse(line.split(" ")[0]);
  assertEquals(response.status, status, line);
  check(response);
}

testWith(["net", "read"], "a Hono app has its own middleware", async () => {
  await withServer({ handler: fetchHandler(honoApp().fetch) }, async (server) => {
    for (const each of HONO) await run(server, each);
    await until(() => pending === 0);
  });
});

testServer(
  "a Hono app sends events as they come, until the client leaves",
  { handler: fetchHandler(honoApp().fetch) },
  async ({ connect, closed }) => {
    isAborted = false;
    const client = await connect();
    await client.send(request("GET /events"));
    let received = "";
    while (!received.includes("event 2")) {
      received += String.fromCharCode(...await client.read(1));
    }
    assertMatch(received, /text\/event-stream/);
    client.close();
    await until(() => isAborted && closed.length === 1 && pending === 0);
  },
);

testServer(
  "an h3 app is served as it is",
  {
    handler: fetchHandler(
      new H3()
        .get("/hello/:name", (event) => ({ hello: event.context.params!["name"] }))
        .post("/sum", async (event) => {
          const numbers = await readBody<number[]>(event);
          return { sum: numbers!.reduce((sum, each) => sum + each, 0) };
        }).fetch as (request: Request) => Promise<Response>,
    ),
  },
  async (server) => {
    await run(server, {
      line: "GET /hello/ann",
      status: 200,
      check: ({ text }) => assertEquals(JSON.parse(text), { hello: "ann" }),
    });
    await run(server, {
      line: "POST /sum",
      headers: ["Content-Type: application/json"],
      content: "[1,2,3]",
      status: 200,
      check: ({ text }) => assertEquals(JSON.parse(text), { sum: 6 }),
    });
    await run(server, { line: "GET /nothing", status: 404 });
  },
);

const body = "0123456789".repeat(100_000);

type Fetch = (url: string) => Promise<[status: number, text: string]>;

const CLIENTS: Readonly<Record<string, Fetch>> = {
  fetch: async (url) => {
    const response = await fetch(url, { method: "POST", body });
    return [response.status, await response.text()];
  },
  "fetch of Node.js": async (url) => {
    const program = `const body = "0123456789".repeat(100_000);
      const response = await fetch("${url}", { method: "POST", body });
      process.stdout.write(response.status + await response.text());`;
    const { stdout } = await new Deno.Command("node", {
      args: ["--input-type=module", "--eval", program],
    }).output();
    const said = new TextDecoder().decode(stdout);
    return [Number(said.slice(0, 3)), said.slice(3)];
  },
  curl: async (url) => {
    const { stdout } = await new Deno.Command("curl", {
      args: ["-s", "--data-binary", body.slice(0, 100_000), "-w", "%{http_code}", url],
    }).output();
    const said = new TextDecoder().decode(stdout);
    return [Number(said.slice(-3)), said.slice(0, -3)];
  },
};

for (const [name, ask] of Object.entries(CLIENTS)) {
  testWith(
    [...FOR_PROGRAM, "curl", "node"],
    `${name} gets what it has sent, as a stream`,
    async () => {
      const handler = fetchHandler((request) => new Response(request.body, { status: 201 }));
      await withServer({ handler }, async ({ server }) => {
        const [status, received] = await ask(server.url);
        assertEquals([status, received], [201, name === "curl" ? body.slice(0, 100_000) : body]);
      });
    },
  );
}

testWith(
  FOR_PROGRAM,
  "EventSource of a browser gets events, and its close ends the stream",
  async () => {
    isAborted = false;
    const app = honoApp();
    app.get("/", (context) => context.html("<!DOCTYPE html><title>events</title>"));
    await withServer({ handler: fetchHandler(app.fetch) }, async ({ server }) => {
      await withBrowser([], async (browser) => {
        const page = await browser.newPage();
        await page.goto(server.url);
        const data = await page.evaluate(() =>
          new Promise<string[]>((resolve, reject) => {
            const events = new EventSource("/events");
            const received: string[] = [];
            events.onerror = reject;
            events.onmessage = ({ data }) => {
              if (received.push(data) < 3) return;
              events.close();
              resolve(received);
            };
          })
        );
        assertEquals(data, ["event 0", "event 1", "event 2"]);
        await until(() => isAborted && pending === 0);
      });
    });
  },
);
