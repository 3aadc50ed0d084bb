// The wire cases as `deno task conformance` judges them: Wireserve breaks no MUST, and the judge
// sees what a server that breaks some does.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Root } from "../../lib/files/root.ts";
import { handlersOf } from "../../lib/files/handlers.ts";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { accept, acceptLast, get, must, refuse } from "../wire/case.ts";
import { wireCases } from "../wire/cases.ts";
import { parseResponses } from "./exchange.ts";
import { isAllowed, judge, outcomeOf, sectionOf } from "./judge.ts";
import { parseOptions, UsageError } from "./options.ts";
import { LEVELS, sectionsOf, summary, tally, textReport, titleOf } from "./report.ts";
import { mapped, runCases } from "./run.ts";

testWith(
  ["net", "read", "write"],
  "runCases() finds no MUST that Wireserve breaks, and nothing odd where the RFCs leave a choice",
  () =>
    withDirectory(async (path) => {
      const handlers = handlersOf(new Root(path), DEFAULT_FILE_SETTINGS);
      const server = serve(router(routes(handlers)), { port: 0 });
      const results = await runCases(wireCases, {
        hostname: "127.0.0.1",
        port: server.port,
        isSecure: false,
        profile: { get: "/", post: "/files/p", host: "h" },
      }, 10_000);
      await server.close();
      const broken = results.filter(({ level, verdict }) =>
        level !== "SHOULD" && verdict === "fail"
      );
      assertEquals(broken, []);
      assertEquals(results.length, wireCases.length);
      assertEquals(results.filter(({ verdict }) => verdict === "skip"), []);
    }),
);

/** Answers each connection with the same octets, and closes it if they say so. */
async function withFixedServer(
  response: string,
  closes: boolean,
  run: (port: number) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Promise<void>[] = [];
  const answer = async (conn: Deno.Conn) => {
    try {
      const buffer = new Uint8Array(4096);
      while (await conn.read(buffer) !== null) {
        await conn.write(new TextEncoder().encode(response));
        if (closes) break;
      }
    } catch {
      // The client has closed.
    }
    conn.close();
  };
  const accepting = (async () => {
    for await (const conn of listener) connections.push(answer(conn));
  })();
  try {
    await run(listener.addr.port);
  } finally {
    listener.close();
    await accepting;
    await Promise.all(connections);
  }
}

const GOOD = accept("3 good", get(), "GET /a ");
const BAD = must("400 close")(refuse(400, "6.3 bad", get("Content-Length: x\r\n")));

for (
  const [name, response, closes, verdicts] of [
    [
      "a server that accepts all",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      false,
      "pass fail",
    ],
    [
      "a server that refuses all",
      "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n",
      true,
      "fail pass",
    ],
    [
      "a server that refuses and goes on",
      "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n",
      false,
      "fail fail",
    ],
    ["a server of another protocol", "220 ready\r\n", true, "fail fail"],
    ["a server that closes", "", true, "fail fail"],
  ] as const
) {
  testWith(
    ["net"],
    `runCases() judges ${name}`,
    () =>
      withFixedServer(response, closes, async (port) => {
        const profile = { get: "/", post: null, host: "h" };
        const target = { hostname: "127.0.0.1", port, isSecure: false, profile };
        const results = await runCases([GOOD, BAD], target, 300);
        assertEquals(results.map(({ verdict }) => verdict).join(" "), verdicts);
      }),
  );
}

Deno.test("parseResponses() finds responses by length, by chunks and by the close", () => {
  const sized = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  const chunked = "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const closed = "HTTP/1.0 500 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
  const all = `HTTP/1.1 100 Continue\r\n\r\n${sized}${chunked}${closed}`;
  const expected = { statuses: [200, 404, 500], closes: true, isOther: false };
  assertEquals(parseResponses(all, true), expected);
  assertEquals(parseResponses(sized + chunked, false).statuses, [200, 404]);
  assertEquals(parseResponses(sized.slice(0, -1), false).statuses, []);
  for (let at = 0; at < sized.length; at++) {
    assertEquals(parseResponses(sized.slice(0, at), false).isOther, false, `${at}`);
  }
  assert(parseResponses("hello", false).isOther);
});

Deno.test("outcomeOf() names what became of the last request", () => {
  const seen = (
    statuses: number[],
    fate: "keep" | "close" | "open" = "close",
    isOther = false,
  ) => ({
    statuses,
    fate,
    isOther,
    isReset: false,
  });
  const two = accept("9.3 two", get() + get(), "GET /a ", "GET /a ");
  const second = refuse(400, "9.3.2 second", get() + "BAD\r\n\r\n", "GET /a ");
  assertEquals(outcomeOf(two, seen([200, 404, 200], "keep")).answer, "accept");
  assertEquals(outcomeOf(two, seen([200])).answer, "accept", "a server may close at any time");
  assertEquals(outcomeOf(two, seen([200, 200, 200, 200], "keep")).answer, "split");
  assertEquals(outcomeOf(two, seen([200, 400])).answer, "late reject");
  assertEquals(outcomeOf(two, seen([400])).answer, "reject");
  assertEquals(outcomeOf(two, seen([])).answer, "none");
  assertEquals(outcomeOf(two, seen([], "open", true)).answer, "other");
  assertEquals(outcomeOf(second, seen([200, 400])).status, 400);
  assertEquals(outcomeOf(second, seen([200])).answer, "none");
});

Deno.test("isAllowed() compares answers, statuses and what becomes of the connection", () => {
  const outcome = { answer: "reject", status: 431, fate: "close", isReset: false } as const;
  for (const allowed of ["reject", "4xx", "431", "431 close", "4xx close"] as const) {
    assert(isAllowed(outcome, [allowed]), allowed);
  }
  for (const allowed of ["accept", "400", "431 keep", "reject open", "none"] as const) {
    assert(!isAllowed(outcome, [allowed]), allowed);
  }
  assert(!isAllowed({ ...outcome, answer: "split", status: 200 }, ["accept", "200"]));
});

Deno.test("mapped() puts in the paths and the host of a server", () => {
  const profile = { get: "/index?a", post: "/in", host: "example.com" };
  assertEquals(mapped(get(), profile), "GET /index?a HTTP/1.1\r\nHost: example.com\r\n\r\n");
  const post = "POST /p HTTP/1.1\r\nHost: h\r\n\r\n";
  assertEquals(mapped(post, profile), "POST /in HTTP/1.1\r\nHost: example.com\r\n\r\n");
  assertEquals(mapped(post, { ...profile, post: null }), null);
});

Deno.test("every case has a section with a title, and something that is allowed", () => {
  for (const row of wireCases) {
    assert(titleOf(sectionOf(row)) !== "", row.name);
    assert(row.allowed.length > 0, row.name);
  }
  assertEquals(new Set(wireCases.map(({ name }) => name)).size, wireCases.length, "names differ");
});

Deno.test("textReport() has a row for each section, the failures, and ends with the sums", () => {
  const observed = { statuses: [200, 200], fate: "keep", isOther: false, isReset: false } as const;
  const last = must("accept close")(acceptLast("9.6 last", get(), "GET /a "));
  const results = [judge(GOOD, observed), judge(BAD, observed), judge(last, null)];
  assertEquals(sectionsOf(results), ["RFC 9112 3", "RFC 9112 6.3", "RFC 9112 9.6"]);
  assertEquals(LEVELS.map((level) => tally(results, level).run), [2, 0, 0]);
  const text = textReport({ name: "x", version: "1.0", results });
  assert(text.includes("allowed: 400 close. Outcome: accepted (200), persists"), text);
  assert(text.includes("1 cases with content were skipped"), text);
  assert(text.endsWith(summary(results)), text);
});

Deno.test("parseOptions() takes a URL and its profile, and refuses what cannot be meant", () => {
  const { target } = parseOptions(["http://[::1]:8080", "--post", "/up", "--host", "a"]);
  assertEquals(target, {
    hostname: "::1",
    port: 8080,
    isSecure: false,
    profile: { get: "/", post: "/up", host: "a" },
  });
  assertEquals(parseOptions(["https://a.test"]).target?.port, 443);
  for (
    const args of [
      "ftp://a",
      "x y",
      "--post /up",
      "--peers http://a",
      "--docs",
      "--timeout 0",
      "--x",
    ]
  ) {
    assertThrows(() => parseOptions(args.split(" ")), UsageError, "", args);
  }
});
