// Bursts of requests that fail: slow handlers, streams that fail, responses that close, incomplete
// heads, clients that disconnect, and a server that is closed.

import { assert, assertEquals } from "@std/assert";
import { fromStream } from "../../lib/http/content.ts";
import { errorResponse, type Handler } from "../../lib/http/message.ts";
import { Connection } from "../../lib/server/connection.ts";
import { DEFAULT_LIMITS } from "../../lib/server/limits.ts";
import type { Server } from "../../lib/server/server.ts";
import { DeadlineTimer } from "../../lib/server/deadlines.ts";
import { fromLatin1, toLatin1 } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";
import { expectedFor, handler, KINDS, sentFor, testPipeline, turn } from "./bursts.ts";

const gate = { opened: Promise.withResolvers<void>(), entered: Promise.withResolvers<void>() };

/** A gate that each test has for itself. */
function resetGate(): void {
  gate.opened = Promise.withResolvers();
  gate.entered = Promise.withResolvers();
}

/** Its calls, by path. */
const calls: string[] = [];

const gated: Handler = async (request) => {
  gate.entered.resolve();
  await gate.opened.promise;
  return await handler({ ...request, path: request.path.slice(5) });
};

/** `/gate/...` waits for the gate, `/fails` is a stream that fails before its first byte. */
const mixed: Handler = (request) => {
  calls.push(request.path);
  if (request.path.startsWith("/gate")) return gated(request);
  if (request.path !== "/fails") return handler(request);
  const source = new ReadableStream({ pull: (controller) => controller.error(new Error("Dry")) });
  return { status: 200, content: fromStream(source) };
};

const askFor = (path: string, lines = "") => `GET ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;

testPipeline(
  "Connection sends earlier responses while a later handler works",
  async ({ connect }) => {
    for (const name of ["sync", "bytes16", "text100"]) {
      resetGate();
      using client = await connect();
      await client.send(sentFor(name) + sentFor(name) + askFor("/gate/sync"));
      const expected = expectedFor(name) + expectedFor(name);
      assert(toLatin1(await client.read(expected.length)) === expected);
      gate.opened.resolve();
      assertEquals((await client.readResponse()).text, "sync");
    }
  },
  {},
  mixed,
);

testPipeline(
  "Connection answers 500 when a stream fails at once, after any earlier responses",
  async ({ connect, records, errors }) => {
    using client = await connect();
    await client.send(sentFor("sync") + sentFor("latin") + askFor("/fails"));
    assertEquals((await client.readResponse()).text, "sync");
    assertEquals((await client.readResponse()).text, "ascii");
    assertEquals((await client.readResponse()).status, 500);
    assertEquals((await client.readToEnd()).length, 0);
    assertEquals(errors.length, 1);
    const reported = records.map(({ status, bytesOut }) => [status, bytesOut]);
    assertEquals(reported, [[200, 4], [200, 5], [500, 45]]);
  },
  {},
  mixed,
);

testPipeline("Connection sends 100 Continue only after earlier responses", async ({ connect }) => {
  for (const name of ["sync", "async", "bytes100"]) {
    using client = await connect();
    const expecting = "POST /content HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n";
    await client.send(sentFor(name) + expecting + "Content-Length: 3\r\n\r\n");
    const expected = expectedFor(name);
    assert(toLatin1(await client.read(expected.length)) === expected);
    assertEquals((await client.readResponse()).status, 100);
    await client.send("abc" + sentFor("sync"));
    assertEquals((await client.readResponse()).text, "abc");
    assertEquals((await client.readResponse()).text, "sync");
  }
});

testPipeline("Connection answers nothing after a response that closes", async (bench) => {
  for (const before of [[], ["sync"], ["async", "sync"], ["streamed"]]) {
    bench.records.length = 0;
    using client = await bench.connect();
    const rest = sentFor("sync") + sentFor("content") + "BAD\r\n\r\n";
    await client.send(
      before.map(sentFor).join("") + askFor("/sync", "Connection: close\r\n") + rest,
    );
    for (const name of before) {
      assertEquals(toLatin1(await client.read(expectedFor(name).length)), expectedFor(name));
    }
    assertEquals((await client.readResponse()).fields.get("connection"), "close");
    assertEquals((await client.readToEnd()).length, 0);
    assertEquals(bench.records.length, before.length + 1);
  }
});

/** What comes last while the peer goes away, with the request that it begins. */
const LAST = ["sync", "async", "streamed", "content", "missing", "throws", "bytes100"];

for (const isReset of [true, false]) {
  const what = isReset ? "the peer has gone away" : "the server is closed";
  testPipeline(
    `Connection reports each request that it has begun, once, when ${what}`,
    async ({ server, connect, records, errors }) => {
      for (const last of isReset ? LAST : [LAST[4]!]) {
        resetGate();
        records.length = calls.length = 0;
        const client = await connect();
        await client.send(sentFor("sync"));
        await until(() => records.length === 1);
        const names = ["sync", last, "sync", "sync"];
        await client.send(askFor("/gate/sync") + names.map(sentFor).join(""));
        await gate.entered.promise;
        client.close(); // With bytes unread: that is a reset.
        if (!isReset) server.close();
        gate.opened.resolve();
        await until(() => server.connections.length === 0);
        // What waits in the buffer may be lost together with requests behind, but never alone.
        assert(records.length >= 2);
        const begun = records.map(({ requestLine }) => requestLine!.split(" ")[1]);
        const asked = ["/sync", "/gate/sync", ...names.map((name) => `/${name}`)];
        assertEquals(begun, asked.slice(0, begun.length), last);
        assert(calls.length <= begun.length, `${calls} but ${begun}`);
        const reported = records.slice(1).map(({ status, bytesOut }) => [status, bytesOut]);
        assertEquals(reported, reported.map(() => [null, 0]), last);
        if (!isReset) assertEquals(calls, ["/sync", "/gate/sync"]);
      }
      assert(errors.every((error) => error instanceof Error && error.message === "A fault"));
    },
    {},
    mixed,
  );
}

/** Closes the server from within, and fails. */
let closing: Server | null = null;

testPipeline(
  "Connection reports earlier responses when the next handler closes the server and fails",
  async ({ server, connect, records, errors }) => {
    closing = server;
    using client = await connect();
    await client.send(sentFor("sync") + sentFor("sync") + askFor("/close") + sentFor("sync"));
    await until(() => records.length === 3);
    await server.close();
    const reported = records.map(({ requestLine, status }) => [requestLine!.split(" ")[1], status]);
    assertEquals(reported.sort(), [["/close", null], ["/sync", null], ["/sync", null]]);
    assertEquals(errors, []);
  },
  {},
  (request) => {
    if (request.path !== "/close") return handler(request);
    closing!.close();
    throw new Error("Closed");
  },
);

testPipeline(
  "Connection answers a slow head once, even when its rest arrives later",
  async ({ connect, records, errors }) => {
    const parts = ["X-A: b\r\n\r\n", "\r\n" + sentFor("sync"), "\0\0\r\n\r\n", "X".repeat(50_000)];
    for (const late of parts) {
      records.length = 0;
      using client = await connect();
      await client.send(sentFor("sync") + "GET /sync HTTP/1.1\r\nHost: h\r\n");
      assertEquals((await client.readResponse()).text, "sync");
      assertEquals((await client.readResponse()).status, 408);
      await client.trySend(late);
      assertEquals((await client.readToEnd()).length, 0);
      assertEquals(records.map(({ status }) => status), [200, 408]);
    }
    assertEquals(errors, []);
  },
  { headerTimeout: 1 },
);

testPipeline(
  "Connection answers a head once, whenever its rest arrives",
  async ({ connect, records, errors }) => {
    const statuses = await Promise.all(
      Array.from({ length: 80 }, async (_, index) => {
        using client = await connect();
        await client.send("GET /sync HTTP/1.1\r\nHost: h\r\n");
        // Some arrive before the tick that answers 408, some with it, some after it, one never.
        if (index < 79) {
          await new Promise((resolve) => setTimeout(resolve, 5 * index));
          await client.trySend("Connection: close\r\n\r\n" + sentFor("sync"));
        }
        const { status } = await client.readResponse();
        assertEquals((await client.readToEnd()).length, 0);
        return status;
      }),
    );
    assertEquals(records.map(({ status }) => status).sort(), statuses.sort());
    assert(statuses.includes(408));
    assertEquals(errors, []);
  },
  { headerTimeout: 1 },
);

testPipeline(
  "Connection ends after a 408 when the client does not close",
  async ({ connect, records, server }) => {
    const clients = await Promise.all(Array.from({ length: 5 }, connect));
    for (const client of clients) await client.send("GET /sync HTTP/1.1\r\nHost: h\r\n");
    await until(() => records.length === clients.length);
    await server.close();
    for (const client of clients) client.close();
    assertEquals(records.map(({ status }) => status), Array(5).fill(408));
  },
  { headerTimeout: 1, lingerTimeout: 60_000 },
);

testPipeline(
  "Server.close() ends all connections during bursts",
  async ({ connect, server, errors }) => {
    const small = Object.keys(KINDS).filter((name) => !/1024|throws|rejects/.test(name));
    const clients = await Promise.all(Array.from({ length: 30 }, connect));
    for (const [index, client] of clients.entries()) {
      const names = Array.from({ length: 40 }, (_, at) => small[(at * 5 + index) % small.length]!);
      await client.trySend(names.map(sentFor).join(""));
    }
    await server.close();
    for (const client of clients) client.close();
    assertEquals(errors, []);
  },
);

/** A client that sends requests without end and reads nothing. */
class GreedyClient {
  reads = 0;
  readonly #request = fromLatin1(sentFor("sync"));
  #at = 0;
  readonly #closed = Promise.withResolvers<never>();

  read(into: Uint8Array): Promise<number> {
    this.reads++;
    for (let at = 0; at < into.length; at++) {
      into[at] = this.#request[this.#at++ % this.#request.length]!;
    }
    return Promise.resolve(into.length);
  }

  write(): Promise<number> {
    return this.#closed.promise;
  }

  close(): void {
    this.#closed.reject(new Deno.errors.Interrupted("closed"));
  }
}

Deno.test("Connection reads nothing more from a client that reads no responses", async () => {
  let answered = 0;
  const records: unknown[] = [];
  const client = new GreedyClient();
  const accepted = {
    conn: client as unknown as Deno.Conn,
    peer: "127.0.0.1",
    peerPort: 1,
    isSecure: false,
  };
  const connection = new Connection(accepted, "1", {
    handler: () => (answered++, { status: 200, content: "x".repeat(1000) }),
    limits: DEFAULT_LIMITS,
    callbacks: {
      errorPage: errorResponse,
      onRequest: (record) => records.push(record),
      onError: (error) => assert(!error),
      onProtocolMismatch: (_, problem) => assert(!problem),
    },
    timer: new DeadlineTimer(),
    isAtCapacity: () => false,
    clientOf: null,
  });
  const served = connection.serve();
  await until(() => answered > 0);
  for (let round = 0; round < 50; round++) await turn();
  assert(client.reads === 1 && answered < 20, `${client.reads} reads, ${answered} answers`);
  connection.close();
  await served;
  assertEquals(records.length, answered);
});
