// The lines of the log: as a table, and with everything that a client could try to forge one.

import { assertEquals, assertMatch } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import {
  formatEvent,
  formatExchange,
  JSON_FIELD_NAMES,
  LOG_FORMATS,
  type LogFormat,
} from "../../lib/access_log/format.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import { exchangeWith, headWith } from "../support/exchange.ts";
import { testWith } from "../support/needs.ts";

const COMMON = '192.0.2.1 - - [20/Nov/2026:09:05:07 +0000] "GET /a HTTP/1.1" 200 5';

const CASES: readonly [LogFormat, Partial<LogRecord>, line: string | null][] = [
  ["off", {}, null],
  ["common", {}, `${COMMON} 1.235ms`],
  ["common", { status: null }, `${COMMON.replace(" 200 ", " - ")} 1.235ms`],
  [
    "common",
    { head: null, requestLine: null },
    `${COMMON.replace("GET /a HTTP/1.1", "-")} 1.235ms`,
  ],
  ["combined", {}, `${COMMON} "http://h/b" "me/1.0"`],
  ["combined", { head: headWith() }, `${COMMON} "-" "-"`],
  ["combined", { head: null }, `${COMMON} "-" "-"`],
  [
    "combined",
    { head: headWith([["User-Agent", 'a"b\\c\xe9\t']]) },
    `${COMMON} "-" "a\\x22b\\x5cc\\xe9\\x09"`,
  ],
];

Deno.test("formatExchange() writes Common Log Format with the duration behind, and combined", () => {
  for (const [format, changes, line] of CASES) {
    assertEquals(formatExchange(format, exchangeWith(changes)), line);
  }
});

function json(changes: Partial<LogRecord>): Record<string, unknown> {
  return JSON.parse(formatExchange("json", exchangeWith(changes))!);
}

const AS_JSON = {
  time: "2026-11-20T09:05:07.089Z",
  id: "17-3",
  client: "192.0.2.1",
  peer: "127.0.0.1",
  user: null,
  method: "GET",
  target: "/a",
  status: 200,
  bytes_in: 3,
  bytes_out: 5,
  duration_ms: 1.235,
  complete: true,
  closed: null,
  referer: "http://h/b",
  user_agent: "me/1.0",
};

Deno.test("formatExchange() writes one JSON object with every field, whatever is known", () => {
  assertEquals(json({}), AS_JSON);
  assertEquals(Object.keys(json({})), JSON_FIELD_NAMES);
  assertEquals(json({ isComplete: false, status: null, closeReason: "client-gone" }), {
    ...AS_JSON,
    complete: false,
    status: null,
    closed: "client-gone",
  });
  const unread = { ...AS_JSON, referer: null, user_agent: null };
  assertEquals(json({ head: null }), unread);
  assertEquals(json({ head: null, requestLine: "PUT /b HTTP/2.0" }), {
    ...unread,
    method: "PUT",
    target: "/b",
  });
  assertEquals(json({ head: null, requestLine: null }), { ...unread, method: null, target: null });
});

Deno.test("formatExchange() names the user, as one word of visible ASCII", () => {
  assertEquals(json({ user: 'a "b' })["user"], 'a "b');
  for (const [user, written] of [["a", "a"], ["a b", "a\\x20b"], ['"ü', "\\x22\\xfc"]] as const) {
    const line = formatExchange("common", exchangeWith({ user }))!;
    assertEquals(
      line.split(" ").slice(0, 4).join(" "),
      `192.0.2.1 - ${written} [20/Nov/2026:09:05:07`,
    );
  }
});

Deno.test("formatExchange() formats moments in any order", () => {
  const timeAt = (startedAt: number) => json({ startedAt })["time"];
  const start = Date.UTC(2026, 10, 20, 9, 5, 7);
  for (const offset of [0, 999, 1000, 999, -1, 0.7, 86_400_000]) {
    assertEquals(timeAt(start + offset), new Date(start + offset).toISOString());
  }
});

Deno.test("formatEvent() writes what has happened to whom", () => {
  const moment = Date.UTC(2026, 10, 20, 9, 5, 7, 89);
  for (const format of ["off", "common", "combined"] as const) {
    assertEquals(
      formatEvent(format, "connection_opened", "a\nb", moment),
      "[20/Nov/2026:09:05:07 +0000] connection_opened a\\x0ab",
    );
  }
  assertEquals(
    formatEvent("json", "connection_opened", "a\nb", moment),
    '{"time":"2026-11-20T09:05:07.089Z","event":"connection_opened","detail":"a\\nb"}',
  );
});

const ENEMY = fc.string({ unit: "binary" });

Deno.test("formatExchange() makes one line of visible ASCII of whatever clients send", () => {
  fc.assert(fc.property(ENEMY, ENEMY, ENEMY, (target, agent, requestLine) => {
    const head = { ...headWith([["User-Agent", agent], ["Referer", agent]]), target };
    for (const format of LOG_FORMATS) {
      const line = formatExchange(format, exchangeWith({ head, requestLine })) ?? "";
      assertMatch(line, /^[\x20-\x7e]*$/);
      if (format === "combined") assertMatch(line, /^[^"]*"[^"]*"[^"]*"[^"]*" "[^"]*"$/);
    }
    const line = json({ head });
    assertEquals([line.user_agent, line.target], [agent, target]);
  }));
});

testWith(
  ["read"],
  "docs/observability.md describes every field of the JSON, in order",
  async () => {
    const path = new URL("../../docs/observability.md", import.meta.url).pathname;
    const [, section = ""] = (await Deno.readTextFile(path)).split("### Fields of the JSON");
    const rows = section.split("\n#")[0]!.matchAll(/^\| `([a-z_]+)` /gm);
    assertEquals([...rows].map(([, name]) => name), [...JSON_FIELD_NAMES]);
  },
);
