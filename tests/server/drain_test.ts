// The graceful shutdown: requests in progress are answered with `Connection: close`, idle
// connections are closed, what takes too long is aborted, and the backlog is answered as well.

import { assert, assertEquals } from "@std/assert";
import { collect, fromStream } from "../../lib/http/content.ts";
import { errorResponse, type Handler, type HttpResponse } from "../../lib/http/message.ts";
import { Connection } from "../../lib/server/connection.ts";
import { DEFAULT_LIMITS } from "../../lib/server/limits.ts";
import { serve } from "../../lib/server/server.ts";
import type { DeadlineTimer } from "../../lib/server/deadlines.ts";
import { testWith } from "../support/needs.ts";
import { isRefused, RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

const MiB = 1024 * 1024;
const GET = request("GET /a");
const POST = request("POST /a", "Content-Length: 6");

interface DrainTest extends TestServer {
  /** Lets the handler of `/slow` answer. */
  release(): void;
}

function testDrain(name: string, run: (test: DrainTest) => Promise<void>): void {
  testWith(["net"], name, () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const handler: Handler = async ({ method, path, content }) => {
      if (method === "POST") return { status: 200, content: await collect(content, 100) };
      if (path === "/slow") await released;
      if (path !== "/large") return { status: 200, content: "ok" };
      return { status: 200, content: fromStream(new Blob([new Uint8Array(8 * MiB)]).stream()) };
    };
    return withServer({ handler }, (server) => run({ ...server, release }).finally(release));
  });
}

testDrain(
  "Server.drain() answers requests in progress, and closes after them",
  async ({ server, records, connect, release }) => {
    using slow = await connect();
    await slow.send(request("GET /slow") + GET);
    using uploading = await connect();
    await uploading.send(`${POST}abc`);
    using reading = await connect();
    await reading.send("GET /a HTTP/1.1\r\nHo");
    using downloading = await connect();
    await downloading.send(request("GET /large"));
    await downloading.read(17);
    using idle = await connect();
    await idle.send(GET);
    await idle.readResponse();
    using fresh = await connect();
    const states = "answering reading reading answering waiting waiting";
    await until(() => server.connections.map(({ state }) => state).join(" ") === states);

    const drained = server.drain(20_000);
    await until(() => isRefused(connect));
    // Idle connections are closed at once, though others are still being answered.
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
  },
);

testDrain(
  "Server.drain() aborts what takes longer than the grace period",
  async ({ server, records, connect, release }) => {
    using slow = await connect();
    await slow.send(request("GET /slow"));
    using uploading = await connect();
    await uploading.send(`${POST}abc`);
    using downloading = await connect();
    await downloading.send(request("GET /large"));
    await downloading.read(17);
    await until(() => server.connections.filter(({ exchange }) => exchange !== null).length === 3);
    const drained = server.drain(100);
    await until(() => server.connections.length === 1); // A handler cannot be aborted.
    release();
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
  },
);

testDrain(
  "Server.drain() waits without limit when the grace period is Infinity",
  async ({ server, connect, release }) => {
    using slow = await connect();
    await slow.send(request("GET /slow"));
    await until(() => server.connections.some(({ exchange }) => exchange !== null));
    const drained = server.drain(Infinity);
    await until(() => isRefused(connect));
    release();
    assertEquals((await slow.readResponse()).text, "ok");
    await drained;
  },
);

testDrain(
  "Server.drain() answers connections that wait in the backlog",
  async ({ server, connect }) => {
    const clients = await Promise.all(Array.from({ length: 60 }, connect));
    await Promise.all(clients.map((client) => client.send(GET)));
    const drained = server.drain(20_000);
    for (const client of clients) {
      assertEquals((await client.readResponse()).text, "ok");
      assertEquals((await client.readToEnd()).length, 0);
      client.close();
    }
    await drained;
  },
);

testDrain("Server.drain() drains once when it is called twice", async ({ server, connect }) => {
  using client = await connect();
  await client.send(GET);
  await client.readResponse();
  await Promise.all([server.drain(20_000), server.drain(0)]);
  assertEquals(server.connections, []);
});

testWith(["net"], "Server is closed when its `await using` block ends", async () => {
  for (const isClosedBefore of [false, true]) {
    const answered = Promise.withResolvers<HttpResponse>();
    let port: number;
    {
      await using server = serve(() => answered.promise, { port: 0 });
      port = server.port;
      const client = await RawClient.connect(port);
      await client.send(GET);
      await until(() => server.connections[0]?.state === "answering");
      // The handler ends once its connection is aborted, and not before.
      client.readToEnd().then(() => answered.resolve({ status: 204 })).finally(() =>
        client.close()
      );
      if (isClosedBefore) await server.close();
    }
    assert(await isRefused(() => RawClient.connect(port)));
  }
});

Deno.test("Connection.drain() leaves an idle connection open for a whole timer interval", async () => {
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
  const accepted = {
    conn: conn as unknown as Deno.Conn,
    peer: "127.0.0.1",
    peerPort: 1,
    isSecure: false,
  };
  const connection = new Connection(accepted, "1", {
    handler: () => ({ status: 200 }),
    limits: DEFAULT_LIMITS,
    callbacks: {
      errorPage: errorResponse,
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
  // At the first tick, however late, the connection may have been idle for a moment only.
  for (const [step, closes] of [[500, false], [250, true]] as const) {
    connection.onTick(timer.now += step);
    assertEquals(isClosed, closes);
  }
  await served;
});
