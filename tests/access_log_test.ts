import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AccessLog, type LogFormat } from "../lib/access_log.ts";
import type { ExchangeRecord } from "../lib/server/connection.ts";

const RECORD: ExchangeRecord = {
  client: "192.0.2.1",
  requestLine: "GET /a HTTP/1.1",
  status: 200,
  octets: 5,
  startedAt: Date.UTC(2026, 10, 20, 9, 5, 7, 89),
  duration: 1.23456,
};

/** What the log writes of what it is told. */
async function logged(
  format: LogFormat,
  tell: (log: AccessLog) => void,
): Promise<string> {
  let text = "";
  const log = new AccessLog(format, {
    write(octets) {
      const taken = octets.subarray(0, 7); // A sink may take less than it is given.
      text += new TextDecoder().decode(taken);
      return Promise.resolve(taken.length);
    },
  });
  tell(log);
  await log.flush();
  return text;
}

Deno.test("AccessLog writes Common Log Format with the duration behind", async () => {
  assertEquals(
    await logged("common", (log) => log.request(RECORD)),
    '192.0.2.1 - - [20/Nov/2026:09:05:07 +0000] "GET /a HTTP/1.1" 200 5 1.235ms\n',
  );
  assertEquals(
    await logged(
      "common",
      (log) => log.request({ ...RECORD, requestLine: null, status: null }),
    ),
    '192.0.2.1 - - [20/Nov/2026:09:05:07 +0000] "-" - 5 1.235ms\n',
  );
});

Deno.test("AccessLog writes one JSON object a line", async () => {
  assertEquals(JSON.parse(await logged("json", (log) => log.request(RECORD))), {
    time: "2026-11-20T09:05:07.089Z",
    client: "192.0.2.1",
    request: "GET /a HTTP/1.1",
    status: 200,
    octets: 5,
    duration_ms: 1.235,
  });
});

Deno.test("AccessLog writes no requests where it is off, but events all the same", async () => {
  assertEquals(await logged("off", (log) => log.request(RECORD)), "");
  assertMatch(
    await logged("off", (log) => log.event("serving", "x")),
    /^\[.*\] serving x\n$/,
  );
});

Deno.test("AccessLog escapes what could forge a line or move a cursor", async () => {
  const requestLine = 'GET /"\\\n\r\x1b[2J\x7f\xe9\u2028 HTTP/1.1';
  const line = await logged(
    "common",
    (log) => log.request({ ...RECORD, requestLine }),
  );
  assertStringIncludes(
    line,
    '"GET /\\x22\\x5c\\x0a\\x0d\\x1b[2J\\x7f\\xe9\\u2028 HTTP/1.1"',
  );
  assertEquals(line.split("\n").length, 2);
  const json = await logged(
    "json",
    (log) => log.request({ ...RECORD, requestLine }),
  );
  assertEquals(JSON.parse(json).request, requestLine);
  assertMatch(json, /^[\x20-\x7e]*\n$/);
  assertEquals(json.split("\n").length, 2);
});

Deno.test("AccessLog serves on when nobody reads it", async () => {
  const log = new AccessLog("common", {
    write: () => Promise.reject(new Deno.errors.BrokenPipe()),
  });
  log.request(RECORD);
  await log.flush();
  log.request(RECORD);
  await log.flush();
});

Deno.test("AccessLog drops lines, and says how many, while its sink stands still", async () => {
  const stuck = Promise.withResolvers<void>();
  let text = "";
  const log = new AccessLog("common", {
    async write(octets) {
      await stuck.promise;
      text += new TextDecoder().decode(octets);
      return octets.length;
    },
  });
  log.request(RECORD);
  const first = log.flush();
  for (let line = 0; line < 20_000; line++) log.request(RECORD);
  stuck.resolve();
  await first;
  await log.flush();
  await log.flush();
  const kept = text.match(/"GET/g)!.length;
  assertStringIncludes(text, `dropped ${20_001 - kept} lines of the log`);
});
