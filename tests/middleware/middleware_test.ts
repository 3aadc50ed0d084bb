// Middleware around handlers: on handlers alone, and all of it together on a live socket.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Content, NO_CONTENT } from "../../lib/http/content.ts";
import { Fields } from "../../lib/http/fields.ts";
import {
  type Handler,
  type HttpRequest,
  type HttpResponse,
  ParsedRequest,
} from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import {
  basicAuth,
  chain,
  compression,
  cors,
  credentialsOf,
  etag,
  type Middleware,
  rateLimit,
} from "../../lib/middleware/mod.ts";
import { networkOf } from "../../lib/middleware/rate_limit.ts";
import { headWith } from "../support/exchange.ts";
import { request as requestText } from "../support/request.ts";
import { testServer } from "../support/server.ts";

type Lines = Readonly<Record<string, string>>;

function request(fields: Lines = {}, method = "GET"): HttpRequest {
  const lines = Object.entries(fields).map((line) => line);
  return new ParsedRequest({ ...headWith(), method, fields: new Fields(lines) });
}

async function run(
  middleware: Middleware,
  response: HttpResponse | Error,
  fields: Lines = {},
  method = "GET",
): Promise<HttpResponse> {
  const next: Handler = () => {
    if (response instanceof Error) throw response;
    return response;
  };
  return await middleware(next)(request(fields, method));
}

Deno.test("chain() puts the first middleware outermost", async () => {
  const seen: string[] = [];
  const mark = (name: string): Middleware => (next) => async (request) => {
    seen.push(name);
    const response = await next(request);
    seen.push(`/${name}`);
    return response;
  };
  await chain(() => ({ status: 200 }), mark("a"), mark("b"))(request());
  assertEquals(seen.join(" "), "a b /b /a");
});

const text = "a".repeat(2000);
const gzip = { "Accept-Encoding": "gzip" };
const typed = (type: string, more: Lines = {}): HttpResponse => ({
  status: 200,
  fields: { "Content-Type": type, ...more },
  content: text,
});

const COMPRESSED: readonly [name: string, response: HttpResponse, isCompressed: boolean][] = [
  ["text without a type", { status: 200, content: text }, true],
  ["HTML", typed("text/html; charset=utf-8"), true],
  ["JSON", typed("application/problem+json"), true],
  ["SVG", typed("image/svg+xml"), true],
  ["JavaScript", typed("application/javascript"), true],
  ["a picture", typed("image/png"), false],
  ["bytes without a type", { status: 200, content: new Uint8Array(2000) }, false],
  ["events", typed("text/event-stream"), false],
  ["what is compressed", typed("text/html", { "Content-Encoding": "br" }), false],
  ["no-transform", typed("text/html", { "Cache-Control": "public, no-transform" }), false],
  ["a part", { ...typed("text/html"), status: 206 }, false],
  ["nothing", { status: 204 }, false],
];

for (const [name, response, isCompressed] of COMPRESSED) {
  Deno.test(`compression() ${isCompressed ? "compresses" : "leaves"} ${name}`, async () => {
    const { fields = {}, content } = await run(compression(), response, gzip);
    assertEquals(content !== response.content, isCompressed);
    if (isCompressed) assertEquals(fields["Content-Encoding"], "gzip");
    const plain = await run(compression(), response);
    assertEquals(plain.content, response.content);
    if (isCompressed) assertEquals(plain.fields?.["Vary"], "Accept-Encoding");
  });
}

Deno.test("compression() makes a strong tag weak, and no other", async () => {
  for (const [tag, expected] of [['"a"', 'W/"a"'], ['W/"a"', 'W/"a"']]) {
    const { fields } = await run(compression(), typed("text/css", { etag: tag! }), gzip);
    assertEquals(fields?.["ETag"] ?? fields?.["etag"], expected);
    const { fields: plain } = await run(compression(), typed("text/css", { etag: tag! }));
    assertEquals(plain?.["etag"], tag);
  }
});

Deno.test("etag() gives content a tag, and answers 304 to those who have it", async () => {
  const response = { status: 200, fields: { "Vary": "A", "X-B": "c" }, content: "abc" };
  const first = await run(etag(), response);
  const tag = first.fields!["ETag"] as string;
  assert(/^W\/"[\w-]{43}"$/.test(tag), tag);
  assertEquals(first.content, "abc");
  for (const condition of [tag, tag.slice(2), `"x", ${tag}`, "*"]) {
    const { status, fields, content } = await run(etag(), response, { "If-None-Match": condition });
    assertEquals([status, fields, content], [304, { "Vary": "A", "ETag": tag }, undefined]);
  }
  const since = new Date(0).toUTCString();
  for (const condition of [{ "If-None-Match": '"x"' }, { "If-Unmodified-Since": since }]) {
    assertEquals((await run(etag(), response, condition as Lines)).status, 200);
  }
  const other = await run(etag(), { ...response, content: new Uint8Array([97, 98, 100]) });
  assert(other.fields!["ETag"] !== tag);
});

Deno.test("etag() keeps the handler's tag, and leaves errors, writes and streams", async () => {
  let isClosed = false;
  const stream: Content = { ...NO_CONTENT, length: null, close: () => isClosed = true };
  const own = { status: 200, fields: { "etag": '"own"' }, content: stream };
  assertEquals(await run(etag(), own), own);
  assertEquals((await run(etag(), own, { "If-None-Match": '"own"' })).status, 304);
  assert(isClosed);
  for (
    const [method, response] of [
      ["GET", { status: 200, content: stream }],
      ["GET", { status: 404, content: "x" }],
      ["POST", { status: 200, content: "x" }],
    ] as const
  ) {
    assertEquals(await run(etag(), response, {}, method), response);
  }
});

const SITE = "https://a.example";
const ALLOW = "Access-Control-Allow-Origin";

Deno.test("cors() tells the origins that are allowed, also in errors", async () => {
  const one = cors({ origins: [SITE], exposedFields: ["X-A", "X-B"], credentials: true });
  const ok = { status: 200, fields: { "Vary": "Accept" }, content: "x" };
  assertEquals((await run(one, ok, { "Origin": SITE })).fields, {
    "Vary": "Accept, Origin",
    [ALLOW]: SITE,
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": "X-A, X-B",
  });
  const refused = { "Vary": "Accept, Origin" };
  for (const origin of ["https://a.example.evil", "http://a.example", "null", "*", ""]) {
    assertEquals((await run(one, ok, { "Origin": origin })).fields, refused, origin);
  }
  assertEquals((await run(one, ok)).fields, refused);
  const all = cors({ origins: "*" });
  assertEquals((await run(all, ok)).fields, { "Vary": "Accept", [ALLOW]: "*" });
  const error = new StatusError(404, "It is not there.", { "Allow": "GET" });
  const thrown = await assertRejects(() => run(all, error), StatusError, "It is not there.");
  assertEquals([thrown.status, thrown.fields], [404, { "Allow": "GET", [ALLOW]: "*" }]);
  await assertRejects(() => run(all, new TypeError("fault")), TypeError, "fault");
});

Deno.test("cors() answers preflights of allowed origins", async () => {
  const asked = {
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "x-a, content-type",
  };
  const unused = new Error("The handler is not asked");
  const vary = "Origin, Access-Control-Request-Headers";
  const one = cors({ origins: [SITE], methods: ["PUT"], maxAge: 5 });
  assertEquals(await run(one, unused, { ...asked, "Origin": SITE }, "OPTIONS"), {
    status: 204,
    fields: {
      [ALLOW]: SITE,
      "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT",
      "Access-Control-Allow-Headers": "x-a, content-type",
      "Access-Control-Max-Age": "5",
      "Vary": vary,
    },
  });
  assertEquals(await run(one, unused, { ...asked, "Origin": "https://b.example" }, "OPTIONS"), {
    status: 204,
    fields: { "Vary": vary },
  });
  const fixed = cors({ origins: "*", allowedFields: ["X-B"] });
  const { fields } = await run(fixed, unused, { ...asked, "Origin": SITE }, "OPTIONS");
  assertEquals(fields!["Access-Control-Allow-Headers"], "X-B");
  const plain = await run(one, { status: 204, fields: { "Allow": "GET" } }, {}, "OPTIONS");
  assertEquals(plain.fields!["Allow"], "GET");
});

Deno.test("cors() refuses what cannot be meant", () => {
  assertThrows(() => cors({ origins: "*", credentials: true }), TypeError);
  for (const origin of ["a.example", "https://a.example/", "*", "null", "https://A.example"]) {
    assertThrows(() => cors({ origins: [origin] }), TypeError, "is no origin");
  }
});

const basic = (text: string) => `Basic ${btoa(text)}`;

const LOGINS: readonly [authorization: string | null, isLetIn: boolean][] = [
  [basic("ann:secret"), true],
  [basic("ann:secret").replace("Basic", "bASIC"), true],
  [basic("ann:secret").replace(/=+$/, ""), true],
  [basic("bob:a:b"), true],
  [basic("ann:wrong"), false],
  [basic("ann:"), false],
  [basic("nobody:secret"), false],
  [basic("__proto__:secret"), false],
  [basic("ann"), false],
  ["Basic", false],
  ["Basic ???", false],
  ["Bearer abc", false],
  [`${basic("ann:secret")}, ${basic("ann:secret")}`, false],
  [null, false],
];

for (const [authorization, isLetIn] of LOGINS) {
  Deno.test(`basicAuth() ${isLetIn ? "lets in" : "refuses"} ${authorization}`, async () => {
    const users = { ann: "secret", bob: "a:b" };
    const fields: Lines = authorization === null ? {} : { "Authorization": authorization };
    for (
      const option of [
        users,
        ({ user, password }: { user: string; password: string }) =>
          Promise.resolve(Object.hasOwn(users, user) && users[user as "ann"] === password),
      ]
    ) {
      const got = run(basicAuth({ users: option, realm: "r" }), { status: 200 }, fields);
      if (isLetIn) assertEquals((await got).status, 200);
      else {
        const error = await assertRejects(() => got, StatusError);
        const challenge = { "WWW-Authenticate": 'Basic realm="r", charset="UTF-8"' };
        assertEquals([error.status, error.fields], [401, challenge]);
      }
    }
  });
}

Deno.test("basicAuth() reads UTF-8, and refuses a realm that cannot be sent", () => {
  const token = btoa(String.fromCharCode(...new TextEncoder().encode("\u00fc:\u20ac")));
  const fields = new Fields([["authorization", `Basic ${token}`]]);
  assertEquals(credentialsOf(fields), { user: "\u00fc", password: "\u20ac" });
  for (const realm of ['a"', "a\r\nb", "\u00fc"]) {
    assertThrows(() => basicAuth({ users: {}, realm }), TypeError);
  }
});

Deno.test("rateLimit() lets so many requests pass in a period, evenly after that", async () => {
  let now = 1000;
  const handler = rateLimit({ requests: 3, period: 300, clock: () => now })(() => ({
    status: 200,
  }));
  const status = async (client = "a") => {
    const asked = request() as ParsedRequest;
    asked.client = client;
    try {
      return (await handler(asked)).status;
    } catch (error) {
      assertEquals((error as StatusError).fields, { "Retry-After": "1" });
      return (error as StatusError).status;
    }
  };
  const all = async (count: number) => {
    const seen: number[] = [];
    for (let at = 0; at < count; at++) seen.push(await status());
    return seen;
  };
  assertEquals(await all(5), [200, 200, 200, 429, 429]);
  assertEquals(await status("b"), 200);
  now += 100;
  assertEquals(await all(2), [200, 429]);
  now += 1e6;
  assertEquals(await all(4), [200, 200, 200, 429]);
});

Deno.test("rateLimit() forgets clients beyond its number, and refuses bad numbers", async () => {
  const handler = rateLimit({ requests: 1, clients: 2, clock: () => 5 })(() => ({ status: 200 }));
  for (const client of ["a", "b", "c", "a"]) {
    const asked = request() as ParsedRequest;
    asked.client = client;
    assertEquals((await handler(asked)).status, 200);
  }
  for (const requests of [0, -1, NaN, Infinity]) {
    assertThrows(() => rateLimit({ requests }), RangeError, "requests");
  }
});

for (
  const [client, network] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["1:2:3:4:5::", "1:2:3:4"],
    ["unix", "unix"],
  ] as const
) {
  Deno.test(`networkOf() gives ${network} for ${client}`, () => {
    assertEquals(networkOf({ client }), network);
  });
}

testServer(
  "middleware works together on a socket",
  {
    handler: chain(
      () => ({ status: 200, content: text }),
      cors({ origins: [SITE] }),
      basicAuth({ users: { ann: "secret" } }),
      compression(),
      etag(),
    ),
  },
  async ({ connect }) => {
    using client = await connect();
    const ask = async (...headers: string[]) => {
      await client.send(requestText("GET /", `Origin: ${SITE}`, ...headers));
      return await client.readResponse();
    };
    const refused = await ask();
    assertEquals([refused.status, refused.fields.get("access-control-allow-origin")], [401, SITE]);
    const login = `Authorization: ${basic("ann:secret")}`;
    const found = await ask(login, "Accept-Encoding: gzip");
    assertEquals([found.status, found.fields.get("content-encoding")], [200, "gzip"]);
    const known = await ask(login, `If-None-Match: ${found.fields.get("etag")}`);
    assertEquals([known.status, known.fields.get("vary")], [304, "Origin"]);
  },
);
