// Deadlines and limits on live sockets. The limits are tiny, and the tests wait for what must
// come, however late a busy machine lets it be; that nothing comes early, watch_test.ts shows.
// A deadline that a test itself has to meet is a second: to be held up once takes half of it.

import { assert, assertEquals } from "@std/assert";
import { collect } from "../../lib/http/content.ts";
import type { Handler } from "../../lib/http/message.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import type { Limits } from "../../lib/server/limits.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";

const HEAD = "POST /a HTTP/1.1\r\nHost: h\r\n";

/** Reads the content, and answers with its length. */
const measure: Handler = async ({ content }) => {
  const bytes = await collect(content, 1 << 30);
  return { status: 200, content: String(bytes.length) };
};

function testLimits(
  name: string,
  limits: Partial<Limits>,
  run: (connect: () => Promise<RawClient>, records: LogRecord[]) => Promise<void>,
  handler: Handler = measure,
): void {
  testWith(["net"], name, async () => {
    const records: LogRecord[] = [];
    const errors: unknown[] = [];
    const server = serve(handler, {
      port: 0,
      limits,
      observer: {
        onRequest: (record) => records.push(record),
        onError: (error) => errors.push(error),
      },
    });
    try {
      await run(() => RawClient.connect(server.port), records);
    } finally {
      await server.close();
    }
    assertEquals(errors, []);
  });
}

async function assertRefused(client: RawClient, status: number): Promise<void> {
  const response = await client.readResponse();
  assertEquals([response.status, response.fields.get("connection")], [status, "close"]);
  assertEquals((await client.readToEnd()).length, 0);
}

async function assertClosed(client: RawClient): Promise<void> {
  assertEquals((await client.readToEnd()).length, 0);
}

testLimits(
  "an idle connection is closed silently",
  { idleTimeout: 1000 },
  async (connect, records) => {
    using fresh = await connect();
    await assertClosed(fresh);
    using used = await connect();
    await used.send(`${HEAD}Content-Length: 0\r\n\r\n`);
    assertEquals((await used.readResponse()).text, "0");
    await assertClosed(used);
    assertEquals(records.map(({ status }) => status), [200]);
  },
);

testLimits(
  "a head without its request line is closed silently",
  { headerTimeout: 1 },
  async (connect, records) => {
    for (const part of ["P", "POST /a", "POST /a HTTP/1.1\r"]) {
      using client = await connect();
      await client.send(part);
      await assertClosed(client);
    }
    assertEquals(records, []);
  },
);

testLimits(
  "a head that does not become whole is 408",
  { headerTimeout: 1 },
  async (connect, records) => {
    for (const part of [HEAD, "POST /a HTTP/1.1\r\n", `${HEAD}Content-Length: 3\r\n\r`]) {
      using client = await connect();
      await client.send(part);
      await assertRefused(client, 408);
    }
    assertEquals(records.map(({ requestLine }) => requestLine), Array(3).fill("POST /a HTTP/1.1"));
  },
);

testLimits(
  "a pipelined head that does not become whole is 408",
  { headerTimeout: 1 },
  async (connect) => {
    using client = await connect();
    await client.send(`${HEAD}Content-Length: 0\r\n\r\n${HEAD}`);
    assertEquals((await client.readResponse()).text, "0");
    await assertRefused(client, 408);
  },
);

testLimits("content that stalls is 408", { bodyTimeout: 1 }, async (connect, records) => {
  for (
    const framing of ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc"]
  ) {
    using client = await connect();
    await client.send(HEAD + framing);
    await assertRefused(client, 408);
  }
  assertEquals(records.map(({ status }) => status), [408, 408]);
});

testLimits(
  "content that trickles is 408",
  { rateGrace: 1, minRate: 1 << 30 },
  async (connect) => {
    using client = await connect();
    await client.send(`${HEAD}Content-Length: 1000000\r\n\r\n`);
    let isOver = false;
    const trickle = (async () => {
      while (!isOver) {
        await client.trySend("x");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    assertEquals((await client.readResponse()).status, 408);
    isOver = true;
    await trickle;
  },
);

testLimits(
  "content that nobody wants is not waited for for ever",
  { bodyTimeout: 1 },
  async (connect) => {
    using client = await connect();
    await client.send(`${HEAD}Content-Length: 9\r\n\r\nabc`);
    assertEquals((await client.readResponse()).text, "no, thanks");
    await assertClosed(client);
  },
  () => ({ status: 200, content: "no, thanks" }),
);

testLimits(
  "a peer that does not read its response is closed",
  { rateGrace: 1, minRate: 1 << 30 },
  async (connect, records) => {
    using client = await connect();
    await client.send(`${HEAD}\r\n`);
    await until(() => records.length > 0);
    assertEquals(records[0]!.status, 200);
    assert(records[0]!.bytesOut < 100_000_000);
  },
  () => ({ status: 200, content: new Uint8Array(100_000_000) }),
);

testLimits(
  "a handler may take its time, however short the deadlines are",
  { idleTimeout: 1000, headerTimeout: 1, bodyTimeout: 1, rateGrace: 1 },
  async (connect) => {
    using client = await connect();
    await client.send(`${HEAD}Content-Length: 3\r\n\r\nabc`);
    assertEquals((await client.readResponse()).text, "took its time");
  },
  async () => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return { status: 200, content: "took its time" };
  },
);

testLimits(
  "the last request that is allowed closes its connection",
  { requests: 2 },
  async (connect) => {
    using client = await connect();
    await client.send(`${HEAD}\r\n`.repeat(3));
    assertEquals((await client.readResponse()).fields.get("connection"), undefined);
    assertEquals((await client.readResponse()).fields.get("connection"), "close");
    await assertClosed(client);
  },
);

testLimits(
  "connections beyond the limit wait until one ends",
  { connections: 2 },
  async (connect) => {
    using first = await connect();
    await first.send(HEAD);
    using second = await connect();
    await second.send(`${HEAD}\r\n`);
    assertEquals((await second.readResponse()).text, "0");
    // The third waits in the backlog until the second, which is idle, has been given up for it.
    using third = await connect();
    await third.send(`${HEAD}\r\n`);
    assertEquals((await third.readResponse()).text, "0");
    await assertClosed(second);
    await first.send("\r\n");
    assertEquals((await first.readResponse()).text, "0");
  },
);

testLimits("limits of a message are those that the server is told", {
  requestLine: 20,
  fieldSection: 30,
  fieldCount: 2,
  content: 4,
}, async (connect) => {
  const cases: [sent: string, status: number][] = [
    ["POST /aaaaaa HTTP/1.1\r\n", 414],
    ["POST /aaaaa HTTP/1.1\r\nHost: h\r\n\r\n", 200],
    [`${HEAD}a: ${"b".repeat(20)}\r\n\r\n`, 431],
    [`${HEAD}a: b\r\nc: d\r\n\r\n`, 431],
    [`${HEAD}Content-Length: 5\r\n\r\n`, 413],
  ];
  for (const [sent, status] of cases) {
    using client = await connect();
    await client.send(sent);
    assertEquals((await client.readResponse()).status, status, sent);
  }
});
