// Deadlines and limits on live sockets. The limits are tiny, and the tests wait for the event,
// however late it comes; deadlines_test.ts shows that none comes early. A deadline that a test
// itself has to meet is a second at least: one delay of the event loop takes half of it.

import { assert, assertEquals } from "@std/assert";
import { collect } from "../../lib/http/content.ts";
import type { Handler } from "../../lib/http/message.ts";
import type { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

/** A head that lacks its last line. */
const HEAD = request("POST /a").slice(0, -2);

const measure: Handler = async ({ content }) => {
  const bytes = await collect(content, 1 << 30);
  return { status: 200, content: String(bytes.length) };
};

async function assertRefused(client: RawClient, status: number): Promise<void> {
  const response = await client.readResponse();
  assertEquals([response.status, response.fields.get("connection")], [status, "close"]);
  assertEquals((await client.readToEnd()).length, 0);
}

async function assertClosed(client: RawClient): Promise<void> {
  assertEquals((await client.readToEnd()).length, 0);
}

testServer(
  "Connection closes without a response when it is idle for too long",
  { handler: measure, limits: { idleTimeout: 1000 } },
  async ({ records, connect }) => {
    using fresh = await connect();
    await assertClosed(fresh);
    using used = await connect();
    await used.send(request("POST /a", "Content-Length: 0"));
    assertEquals((await used.readResponse()).text, "0");
    await assertClosed(used);
    assertEquals(records.map(({ status }) => status), [200]);
  },
);

testServer(
  "Connection closes without a response when a request line is late",
  { handler: measure, limits: { headerTimeout: 1 } },
  async ({ records, connect }) => {
    for (const part of ["P", "POST /a", "POST /a HTTP/1.1\r"]) {
      using client = await connect();
      await client.send(part);
      await assertClosed(client);
    }
    assertEquals(records, []);
  },
);

testServer(
  "Connection answers 408 when a head is late",
  { handler: measure, limits: { headerTimeout: 1 } },
  async ({ records, connect }) => {
    for (const part of [HEAD, "POST /a HTTP/1.1\r\n", `${HEAD}Content-Length: 3\r\n\r`]) {
      using client = await connect();
      await client.send(part);
      await assertRefused(client, 408);
    }
    assertEquals(records.map(({ requestLine }) => requestLine), Array(3).fill("POST /a HTTP/1.1"));
  },
);

testServer(
  "Connection answers 408 when a pipelined head is late",
  { handler: measure, limits: { headerTimeout: 1 } },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /a", "Content-Length: 0") + HEAD);
    assertEquals((await client.readResponse()).text, "0");
    await assertRefused(client, 408);
  },
);

testServer(
  "Connection answers 408 when content stalls",
  { handler: measure, limits: { bodyTimeout: 1 } },
  async ({ records, connect }) => {
    for (
      const framing of [
        "Content-Length: 9\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc",
      ]
    ) {
      using client = await connect();
      await client.send(HEAD + framing);
      await assertRefused(client, 408);
    }
    assertEquals(records.map(({ status }) => status), [408, 408]);
  },
);

testServer(
  "Connection answers 408 when content is slower than the minimum rate",
  { handler: measure, limits: { rateGrace: 1, minRate: 1 << 30 } },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /a", "Content-Length: 1000000"));
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

testServer(
  "Connection closes when content that it discards stalls",
  { handler: () => ({ status: 200, content: "unread" }), limits: { bodyTimeout: 1 } },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /a", "Content-Length: 9") + "abc");
    assertEquals((await client.readResponse()).text, "unread");
    await assertClosed(client);
  },
);

testServer(
  "Connection closes when the client does not read the response",
  {
    handler: () => ({ status: 200, content: new Uint8Array(100_000_000) }),
    limits: { rateGrace: 1, minRate: 1 << 30 },
  },
  async ({ records, connect }) => {
    using client = await connect();
    await client.send(request("POST /a"));
    await until(() => records.length > 0);
    assertEquals(records[0]!.status, 200);
    assert(records[0]!.bytesOut < 100_000_000);
  },
);

testServer(
  "Connection waits for a handler longer than any deadline",
  {
    handler: async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return { status: 200, content: "late" };
    },
    limits: { idleTimeout: 1000, headerTimeout: 1, bodyTimeout: 1, rateGrace: 1 },
  },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /a", "Content-Length: 3") + "abc");
    assertEquals((await client.readResponse()).text, "late");
  },
);

testServer(
  "Connection closes after the last request that is allowed",
  { handler: measure, limits: { requests: 2 } },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("POST /a").repeat(3));
    assertEquals((await client.readResponse()).fields.get("connection"), undefined);
    assertEquals((await client.readResponse()).fields.get("connection"), "close");
    await assertClosed(client);
  },
);

testServer(
  "Server accepts a connection beyond the limit when an idle one is closed for it",
  { handler: measure, limits: { connections: 2 } },
  async ({ connect }) => {
    using first = await connect();
    await first.send(HEAD);
    using second = await connect();
    await second.send(request("POST /a"));
    assertEquals((await second.readResponse()).text, "0");
    // The third waits in the backlog until the second, which is idle, is closed for it.
    using third = await connect();
    await third.send(request("POST /a"));
    assertEquals((await third.readResponse()).text, "0");
    await assertClosed(second);
    await first.send("\r\n");
    assertEquals((await first.readResponse()).text, "0");
  },
);

testServer(
  "serve() applies the limits of messages that it is given",
  {
    handler: measure,
    limits: {
      requestLine: 20,
      fieldSection: 30,
      fieldCount: 2,
      content: 4,
    },
  },
  async ({ connect }) => {
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
  },
);
