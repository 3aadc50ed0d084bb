// The end of a server: what is under way is answered and told to close, what is idle is closed,
// what takes too long is cut; and nobody who has been let in is left without an answer.

import { assert, assertEquals } from "@std/assert";
import { collect, fromStream } from "../../lib/http/content.ts";
import type { Handler, HttpResponse } from "../../lib/http/message.ts";
import { Connection } from "../../lib/server/connection.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import { DEFAULT_LIMITS } from "../../lib/server/limits.ts";
import { serve, type Server } from "../../lib/server/server.ts";
import type { DeadlineTimer } from "../../lib/server/deadlines.ts";
import { testWith } from "../support/needs.ts";
import { isRefused, RawClient } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";

const MiB = 1024 * 1024;
const GET = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const POST = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n";

interface Bench {
  readonly server: Server;
  readonly records: LogRecord[];
  /** Lets `/slow` be answered. */
  release(): void;
  connect(): Promise<RawClient>;
}

function testDrain(name: string, run: (bench: Bench) => Promise<void>): void {
  testWith(["net"], name, async () => {
    const records: LogRecord[] = [];
    const released = Promise.withResolvers<void>();
    const handler: Handler = async ({ method, path, content }) => {
      if (method === "POST") {
        return { status: 200, content: await collect(content, 100) };
      }
      if (path === "/slow") await released.promise;
      if (path !== "/large") return { status: 200, content: "ok" };
      return { status: 200, content: fromStream(new Blob([new Uint8Array(8 * MiB)]).stream()) };
    };
    const server = serve(handler, {
      port: 0,
      observer: { onRequest: (record) => records.push(record) },
    });
    const connect = () => RawClient.connect(server.port);
    try {
      await run({ server, records, connect, release: released.resolve });
    } finally {
      released.resolve();
      await server.close();
    }
  });
}

testDrain("Server.drain() answers what is under way, and closes after it", async (bench) => {
  const { server, records, connect, release } = bench;
  using slow = await connect();
  await slow.send(GET.replace("/a", "/slow") + GET);
  using uploading = await connect();
  await uploading.send(`${POST}abc`);
  using reading = await connect();
  await reading.send("GET /a HTTP/1.1\r\nHo");
  using downloading = await connect();
  await downloading.send(GET.replace("/a", "/large"));
  await downloading.read(17);
  using idle = await connect();
  await idle.send(GET);
  await idle.readResponse();
  using fresh = await connect();
  const states = "answering reading reading answering waiting waiting";
  await until(() => server.connections.map(({ state }) => state).join(" ") === states);

  const drained = server.drain(20_000);
  await until(() => isRefused(connect));
  // They do not wait for those who are being answered, which go on below.
  assertEquals((await idle.readToEnd()).length, 0);
  assertEquals((await fresh.readToEnd()).length, 0);

  release();
  const first = await slow.readResponse();
  assertEquals([first.text, first.fields.get("connection")], ["ok", undefined]);
  const second = await slow.readResponse();
  assertEquals([second.text, second.fields.get("connection")], ["ok", "close"]);
  await uploading.send("def");
  const third = await uploading.readResponse();
  assertEquals([third.text, third.fields.get("connection")], ["abcdef", "close"]);
  await reading.send("st: h\r\n\r\n");
  assertEquals((await reading.readResponse()).fields.get("connection"), "close");
  for (const client of [slow, uploading, reading]) {
    assertEquals((await client.readToEnd()).length, 0);
    client.close();
  }
  assert((await downloading.readToEnd()).length > 8 * MiB);
  downloading.close();
  await drained;
  assert(records.every(({ isComplete }) => isComplete));
});

testDrain("Server.drain() cuts what takes longer than the grace", async (bench) => {
  const { server, records, connect } = bench;
  using slow = await connect();
  await slow.send(GET.replace("/a", "/slow"));
  using uploading = await connect();
  await uploading.send(`${POST}abc`);
  using downloading = await connect();
  await downloading.send(GET.replace("/a", "/large"));
  await downloading.read(17);
  await until(() => server.connections.filter(({ exchange }) => exchange !== null).length === 3);
  const drained = server.drain(100);
  await until(() => server.connections.length === 1); // The handler is left, who nobody can end.
  bench.release();
  await drained;
  assertEquals(
    records.map(({ id, status, isComplete, closeReason }) => [
      id,
      status,
      isComplete,
      closeReason,
    ]).sort(),
    [["1-1", null, false, "drain"], ["2-1", null, false, "drain"], ["3-1", 200, false, "drain"]],
  );
  assert((await downloading.readToEnd().catch(() => new Uint8Array(0))).length < 8 * MiB);
});

testDrain("Server.drain() lets what is under way take as long as it wants", async (bench) => {
  using slow = await bench.connect();
  await slow.send(GET.replace("/a", "/slow"));
  await until(() => bench.server.connections.some(({ exchange }) => exchange !== null));
  const drained = bench.server.drain(Infinity);
  await until(() => isRefused(bench.connect));
  bench.release();
  assertEquals((await slow.readResponse()).text, "ok");
  await drained;
});

testDrain("Server.drain() takes in those who wait to be accepted", async (bench) => {
  const clients = await Promise.all(Array.from({ length: 60 }, bench.connect));
  await Promise.all(clients.map((client) => client.send(GET)));
  const drained = bench.server.drain(20_000);
  for (const client of clients) {
    assertEquals((await client.readResponse()).text, "ok");
    assertEquals((await client.readToEnd()).length, 0);
    client.close();
  }
  await drained;
});

testDrain("Server.drain() twice is once", async ({ server, connect }) => {
  using client = await connect();
  await client.send(GET);
  await client.readResponse();
  await Promise.all([server.drain(20_000), server.drain(0)]);
  assertEquals(server.connections, []);
});

testWith(["net"], "Server is closed where an `await using` block ends, if not before", async () => {
  for (const isClosedBefore of [false, true]) {
    const answered = Promise.withResolvers<HttpResponse>();
    let port: number;
    {
      await using server = serve(() => answered.promise, { port: 0 });
      port = server.port;
      const client = await RawClient.connect(port);
      await client.send(GET);
      await until(() => server.connections[0]?.state === "answering");
      // The handler ends once its connection has been cut, and not before.
      client.readToEnd().then(() => answered.resolve({ status: 204 })).finally(() =>
        client.close()
      );
      if (isClosedBefore) await server.close();
    }
    assert(await isRefused(() => RawClient.connect(port)));
  }
});

Deno.test("Connection.drain() leaves a peer a whole interval of the timer to ask again", async () => {
  let isClosed = false;
  const left = Promise.withResolvers<never>();
  const conn = {
    read: () => left.promise,
    close() {
      isClosed = true;
      left.reject(new Deno.errors.Interrupted());
    },
  };
  const timer = { now: 0, add() {}, delete() {} };
  const accepted = { conn: conn as unknown as Deno.Conn, peer: "127.0.0.1", isSecure: false };
  const connection = new Connection(accepted, "1", {
    handler: () => ({ status: 200 }),
    limits: DEFAULT_LIMITS,
    observer: {
      onRequest: null,
      onError: (error) => assert(!error),
      onProtocolMismatch: (_, problem) => assert(!problem),
    },
    timer: timer as unknown as DeadlineTimer,
    isAtCapacity: () => false,
    clientOf: null,
  });
  const served = connection.serve();
  connection.drain();
  // When the first onTick comes, however late, it may have waited for a moment only.
  for (const [step, closes] of [[500, false], [250, true]] as const) {
    connection.onTick(timer.now += step);
    assertEquals(isClosed, closes);
  }
  await served;
});
