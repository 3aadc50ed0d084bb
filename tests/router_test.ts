import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { collect } from "../lib/http/content.ts";
import { type HttpRequest, type HttpResponse, ParsedRequest } from "../lib/http/message.ts";
import { StatusError } from "../lib/http/status.ts";
import { type Route, router } from "../lib/router.ts";
import { headWith } from "./support/exchange.ts";
import { request as requestText } from "./support/request.ts";
import { testServer } from "./support/server.ts";

/** A request as a handler gets it, without a socket. */
function request(method: string, path: string): HttpRequest {
  return new ParsedRequest({ ...headWith(), method, path, target: path });
}

const show = (mark: string) => ({ parameters }: HttpRequest): HttpResponse => ({
  status: 200,
  content: `${mark} ${JSON.stringify(parameters)}`,
});

const TABLE: readonly Route[] = [
  { method: "GET", path: "/", handler: show("root") },
  { method: "GET", path: "/a.b", handler: show("literal") },
  { method: "GET", path: "/users/{id}", handler: show("user") },
  { method: "DELETE", path: "/users/{id}", handler: show("delete") },
  {
    method: "GET",
    path: "/users/{id}/posts/{post}.json",
    handler: show("post"),
  },
  { method: "GET", path: "/rest/{all...}", handler: show("rest") },
  { method: "POST", path: "/rest/{all...}", handler: show("store") },
];

const route = router(TABLE);

/** The content of the response, or the status and fields of the error. */
function ask(method: string, path: string): unknown {
  try {
    const { content, status, fields } = route(
      request(method, path),
    ) as HttpResponse;
    return content ?? [status, fields];
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return Object.keys(error.fields).length > 0 ? [error.status, error.fields] : error.status;
  }
}

const CASES: [method: string, path: string, expected: unknown][] = [
  ["GET", "/", "root {}"],
  ["HEAD", "/", "root {}"],
  ["GET", "/a.b", "literal {}"],
  ["GET", "/axb", 404],
  ["GET", "//", 404],
  ["GET", "/users/7", 'user {"id":"7"}'],
  ["GET", "/users/", 404],
  ["GET", "/users/7/", 404],
  ["GET", "/users/a%2Fb%20c", 'user {"id":"a/b c"}'],
  ["GET", "/%75sers/%41", 'user {"id":"A"}'],
  ["GET", "/users%2F7", 404],
  ["GET", "/users/%2525", 'user {"id":"%25"}'],
  ["GET", "/users/%C3%A9", 'user {"id":"é"}'],
  ["DELETE", "/users/7", 'delete {"id":"7"}'],
  ["GET", "/users/7/posts/8.json", 'post {"id":"7","post":"8"}'],
  ["GET", "/users/7/posts/8xjson", 404],
  ["GET", "/rest/", 'rest {"all":""}'],
  ["GET", "/rest/a//b/", 'rest {"all":"a//b/"}'],
  ["GET", "/rest", 404],
  ["POST", "/rest/a", 'store {"all":"a"}'],
  ["POST", "/", [405, { "Allow": "GET, HEAD, OPTIONS" }]],
  ["PUT", "/rest/a", [405, { "Allow": "GET, HEAD, POST, OPTIONS" }]],
  ["TRACE", "/", [405, { "Allow": "GET, HEAD, OPTIONS" }]],
  ["PATCH", "/nothing", 404],
  ["OPTIONS", "/users/7", [204, { "Allow": "GET, HEAD, DELETE, OPTIONS" }]],
  ["OPTIONS", "/nothing", 404],
  ["OPTIONS", "*", [204, { "Allow": "GET, HEAD, DELETE, POST, OPTIONS" }]],
  ["BREW", "/", 501],
  ["BREW", "/nothing", 501],
  ["get", "/", 501],
];

Deno.test("router() answers by method and path", () => {
  for (const [method, path, expected] of CASES) {
    assertEquals(ask(method, path), expected, `${method} ${path}`);
  }
});

Deno.test("router() answers extension methods of its table, and HEAD", () => {
  const own = router([
    { method: "PROPFIND", path: "/a", handler: show("found") },
    { method: "HEAD", path: "/b", handler: show("head") },
    { method: "GET", path: "/b", handler: show("get") },
    { method: "GET", path: "/caf%C3%A9", handler: show("café") },
  ]);
  const content = (method: string, path: string) =>
    (own(request(method, path)) as HttpResponse).content;
  assertEquals(content("PROPFIND", "/a"), "found {}");
  assertEquals(content("HEAD", "/b"), "head {}");
  assertEquals(content("GET", "/b"), "get {}");
  assertEquals(content("GET", "/caf%c3%a9"), "café {}");
});

Deno.test("router() names in a 405 what the path allows, or the hint of a method that is off", () => {
  const table = router([
    { method: "GET", path: "/a", handler: show("get") },
    { method: "DELETE", path: "/a", handler: null, hint: "Deleting is turned off." },
    { method: "PUT", path: "/a", handler: null },
    { method: "LOCK", path: "/b", handler: null, hint: "Locking is turned off." },
  ]);
  const refusal = (method: string, path: string) => {
    const { status, message, fields } = assertThrows(
      () => table(request(method, path)),
      StatusError,
    );
    return [status, message, fields];
  };
  const fields = { "Allow": "GET, HEAD, OPTIONS" };
  const allowed = "This path allows GET, HEAD and OPTIONS only.";
  assertEquals(refusal("POST", "/a"), [405, allowed, fields]);
  assertEquals(refusal("PUT", "/a"), [405, allowed, fields]);
  assertEquals(refusal("DELETE", "/a"), [405, "Deleting is turned off.", fields]);
  assertEquals(refusal("LOCK", "/b"), [405, "Locking is turned off.", { "Allow": "OPTIONS" }]);
  assertEquals(refusal("GET", "/b")[1], "This path allows OPTIONS only.");
  for (const path of ["/a", "*"]) {
    assertEquals(table(request("OPTIONS", path)), { status: 204, fields });
  }
});

Deno.test("router() refuses a bad table", () => {
  const handler = show("x");
  const bad: Route[][] = [
    [{ method: "GET", path: "a", handler }],
    [{ method: "GET", path: "/{all...}/more", handler }],
    [{ method: "GET", path: "/{", handler }],
    [{ method: "GET", path: "/{}", handler }],
    [{ method: "GET", path: "/{a b}", handler }],
    [{ method: "GET", path: "/a b", handler }],
    [{ method: "GET", path: "/a?b", handler }],
    [{ method: "GET", path: "/a#b", handler }],
    [{ method: "GET", path: "/caf%c3", handler }],
    [{ method: "GET", path: "/{a}/{a}", handler }],
  ];
  for (const table of bad) assertThrows(() => router(table), TypeError, table[0]!.path);
  const spaced = [{ method: "G T", path: "/", handler }];
  assertThrows(() => router(spaced), TypeError, "The method G T of the route / is malformed");
  const twice = Array(2).fill({ method: "GET", path: "/", handler });
  assertThrows(() => router(twice), TypeError, "The route GET / is defined twice");
});

/** A pattern as a regular expression, written another way. */
function referenceOf(pattern: string): RegExp {
  const source = pattern.split(/(\{[^}]*\})/).map((part) => {
    if (!part.startsWith("{")) return RegExp.escape(part);
    return part.endsWith("...}") ? "(.*)" : "([^/]+)";
  });
  return new RegExp(`^${source.join("")}$`);
}

Deno.test("router() matches any path as the pattern's regular expression does", () => {
  const piece = fc.constantFrom("a", "b", "/", "//", ".", "*", "+", "$", "(", "~", "-x");
  const literal = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
  const patterns = fc.tuple(fc.array(literal, { minLength: 1, maxLength: 4 }), fc.nat(2)).map(
    ([literals, end]) => {
      const inner = literals.map((each, at) => at === 0 ? each : `{p${at}}${each}`).join("");
      return `/${inner}${["", "{last}", "{last...}"][end]}`;
    },
  ).filter((pattern) => !pattern.endsWith("/*"));
  const paths = literal.map((path) => `/${path}`);
  // A path made from the pattern matches it, or nearly.
  const near = fc.tuple(patterns, fc.array(literal, { minLength: 4, maxLength: 4 }), fc.boolean())
    .map(([pattern, values, isLonger]) => {
      let next = 0;
      const path = pattern.replace(/\{[^}]*\}/g, () => values[next++ % values.length]!);
      return [pattern, path + (isLonger ? "a" : "")] as const;
    });
  let matches = 0;
  fc.assert(
    fc.property(fc.oneof(near, fc.tuple(patterns, paths)), ([pattern, path]) => {
      const one = router([{ method: "GET", path: pattern, handler: show("") }]);
      const expected = referenceOf(pattern).exec(path);
      const names = [...pattern.matchAll(/\{([a-z0-9]+)/g)].map(([, name]) => name!);
      let found: string | null = null;
      try {
        found = (one(request("GET", path)) as HttpResponse).content as string;
      } catch (error) {
        assertEquals((error as StatusError).status, 404);
      }
      const values = expected?.slice(1);
      const parameters = Object.fromEntries(names.map((name, at) => [name, values?.[at]]));
      assertEquals(found, expected === null ? null : ` ${JSON.stringify(parameters)}`, pattern);
      matches += expected === null ? 0 : 1;
    }),
    { numRuns: 3000 },
  );
  assert(matches > 300, `${matches} of them match`);
});

Deno.test("router() tries patterns in the order of its table", () => {
  const first = router(
    ["/a/{x}/c", "/a/{x...}", "/a/b", "/{x...}"].map((path) => ({
      method: "GET",
      path,
      handler: show(path),
    })),
  );
  const asked = (path: string) => (first(request("GET", path)) as HttpResponse).content;
  assertEquals(asked("/a/b/c"), '/a/{x}/c {"x":"b"}');
  assertEquals(asked("/a/b"), '/a/{x...} {"x":"b"}');
  assertEquals(asked("/a"), '/{x...} {"x":"a"}');
});

const FOREIGN: readonly [method: string, path: string, problem: string][] = [
  ["get", "/", "Methods are case-sensitive: get of the route / is GET"],
  ["GET", "/:id", "In the path /:id, write {id} for :id"],
  ["GET", "/a/:user_id/b", "write {user_id} for :user_id"],
  ["GET", "/a/*", "write {rest...} for *"],
  ["GET", "*", "write {rest...} for *"],
];

for (const [method, path, problem] of FOREIGN) {
  Deno.test(`router() refuses ${method} ${path}, which is written for another router`, () => {
    const handler = () => ({ status: 200 });
    assertThrows(() => router([{ method, path, handler }]), TypeError, problem);
  });
}

for (const content of [-1, 1.5, NaN, Infinity]) {
  Deno.test(`router() refuses a limit of ${content} bytes`, () => {
    const route = { method: "POST", path: "/", handler: () => ({ status: 200 }) };
    assertThrows(() => router([{ ...route, limits: { content } }]), RangeError, `${content}`);
  });
}

const LIMITED: readonly [headers: string, content: string, status: number][] = [
  ["Content-Length: 4", "abcd", 200],
  ["Content-Length: 5", "", 413],
  ["Content-Length: 5\r\nExpect: 100-continue", "", 413],
  ["Transfer-Encoding: chunked", "4\r\nabcd\r\n0\r\n\r\n", 200],
  ["Transfer-Encoding: chunked", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 413],
];

for (const [headers, content, status] of LIMITED) {
  testServer(
    `router() limits the content of a route (${JSON.stringify(headers + content)})`,
    {
      handler: router([{
        method: "POST",
        path: "/",
        limits: { content: 4 },
        handler: async (request) => ({ status: 200, content: await collect(request.content, 9) }),
      }]),
    },
    async ({ connect }) => {
      using client = await connect();
      await client.send(requestText("POST /", ...headers.split("\r\n")) + content);
      assertEquals((await client.readResponse()).status, status);
    },
  );
}
