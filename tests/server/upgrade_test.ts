// Connections that change hands after 101: what the program gets, and what the server still does.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Handler } from "../../lib/http/message.ts";
import type { UpgradedConnection } from "../../lib/http/upgrade.ts";
import { upgrade } from "../../lib/server/upgrade.ts";
import { toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

const UPGRADE = request("GET /", "Connection: keep-alive, Upgrade", "Upgrade: echo/1, other");

const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo/1\r\nConnection: Upgrade\r\n\r\n";

async function echo(connection: UpgradedConnection): Promise<void> {
  for (let piece = await connection.read(); piece !== null; piece = await connection.read()) {
    await connection.write(piece);
  }
}

const echoing: Handler = (request) => upgrade(request, echo);

const later: Handler = async (request) => {
  await new Promise((resolve) => setTimeout(resolve, 600)); // The input is read ahead meanwhile.
  return upgrade(request, echo);
};

for (const [name, handler] of Object.entries({ "at once": echoing, "after a while": later })) {
  testServer(
    `upgrade() hands the connection over ${name}, with what came behind the request`,
    { handler },
    async ({ connect, records, closed }) => {
      using client = await connect();
      await client.send(`${UPGRADE}early`);
      assertEquals(toLatin1(await client.read(SWITCHED.length + 5)), `${SWITCHED}early`);
      await client.send("late");
      assertEquals(toLatin1(await client.read(4)), "late");
      await client.endSending();
      assertEquals((await client.readToEnd()).length, 0);
      await until(() => closed.length === 1);
      const { status, bytesIn, bytesOut, isComplete, closeReason } = records[0]!;
      assertEquals([status, bytesIn, bytesOut], [101, 9, 9]);
      assertEquals([isComplete, closeReason], [true, "upgraded"]);
    },
  );
}

testServer(
  "upgrade() answers earlier requests first",
  { handler: (request) => request.path === "/" ? echoing(request) : { status: 200, content: "a" } },
  async ({ connect }) => {
    using client = await connect();
    await client.send(`${request("GET /a")}${UPGRADE}b`);
    assertEquals((await client.readResponse()).text, "a");
    assertEquals(toLatin1(await client.read(SWITCHED.length + 1)), `${SWITCHED}b`);
  },
);

testServer(
  "upgrade() has the streams of a tunnel, each side of which ends alone",
  { handler: (request) => upgrade(request, ({ readable, writable }) => readable.pipeTo(writable)) },
  async ({ connect, records }) => {
    using client = await connect();
    await client.send(UPGRADE);
    await client.read(SWITCHED.length);
    const sent = "0123456789".repeat(100_000);
    const received = client.readToEnd();
    await client.send(sent);
    await client.endSending();
    assertEquals(toLatin1(await received), sent);
    await until(() => records.length === 1);
    assertEquals([records[0]!.bytesIn, records[0]!.isComplete], [sent.length, true]);
  },
);

testServer(
  "upgrade() keeps a connection whose handler returns nothing until it is closed",
  {
    handler: (request) =>
      upgrade(request, (connection) => {
        echo(connection).then(() => connection.write(new TextEncoder().encode("end")))
          .then(() => connection.closeWrite());
      }),
  },
  async ({ connect, server, closed }) => {
    using client = await connect();
    await client.send(`${UPGRADE}a`);
    await client.read(SWITCHED.length + 1);
    assertEquals(server.connections[0]!.state, "upgraded");
    await client.endSending();
    assertEquals(toLatin1(await client.readToEnd()), "end");
    await until(() => closed.length === 1);
  },
);

testServer(
  "upgrade() has no deadlines",
  { handler: echoing, limits: { idleTimeout: 1, headerTimeout: 1, bodyTimeout: 1, rateGrace: 1 } },
  async ({ connect }) => {
    using client = await connect();
    await client.send(UPGRADE);
    await client.read(SWITCHED.length);
    await new Promise((resolve) => setTimeout(resolve, 800)); // Three ticks of the timer.
    await client.send("a");
    assertEquals(toLatin1(await client.read(1)), "a");
  },
);

const REFUSED: readonly [
  name: string,
  sent: string,
  status: number,
  upgrade: string | undefined,
][] = [
  ["no Upgrade", request("GET /", "Connection: Upgrade"), 426, "echo/1"],
  ["no Connection", request("GET /", "Upgrade: echo/1"), 426, "echo/1"],
  ["another protocol", request("GET /", "Connection: Upgrade", "Upgrade: b"), 426, "echo/1"],
  ["HTTP/1.0", UPGRADE.replace("HTTP/1.1", "HTTP/1.0"), 426, "echo/1"],
  [
    "content",
    request("POST /", "Connection: Upgrade", "Upgrade: echo/1", "Content-Length: 1") + "a",
    400,
    undefined,
  ],
];

for (const [name, sent, status, offered] of REFUSED) {
  testServer(
    `upgrade() refuses a request with ${name}`,
    { handler: (request) => upgrade(request, echo, { protocol: "echo/1" }) },
    async ({ connect }) => {
      using client = await connect();
      await client.send(sent);
      const response = await client.readResponse();
      assertEquals([response.status, response.fields.get("upgrade")], [status, offered]);
      assertEquals(/upgrade/i.test(response.fields.get("connection") ?? ""), offered !== undefined);
    },
  );
}

testServer(
  "a handler that returns 101 without upgrade() gives a 500",
  { handler: () => ({ status: 101 }), hasErrors: true },
  async ({ connect, errors }) => {
    using client = await connect();
    await client.send(UPGRADE);
    assertEquals((await client.readResponse()).status, 500);
    assertMatch(String(errors[0]), /cannot have the status 101/);
  },
);

testServer(
  "upgrade() refuses fields that break out of their line",
  {
    handler: (request) => upgrade(request, echo, { fields: { "X-A": "1\r\nX-B: 2" } }),
    hasErrors: true,
  },
  async ({ connect, errors }) => {
    using client = await connect();
    await client.send(UPGRADE);
    assertEquals((await client.readResponse()).status, 500);
    assertMatch(String(errors[0]), /X-A cannot have the value/);
  },
);

for (
  const fail of [() => Promise.reject(new Error("fault")), () => {
    throw new Error("fault");
  }]
) {
  testServer(
    `upgrade() reports what its handler throws, and closes (${fail})`,
    { handler: (request) => upgrade(request, fail), hasErrors: true },
    async ({ connect, errors, records }) => {
      using client = await connect();
      await client.send(UPGRADE);
      assertEquals(toLatin1(await client.readToEnd()), SWITCHED);
      await until(() => records.length === 1);
      assertEquals([errors.map(String), records[0]!.isComplete], [["Error: fault"], false]);
    },
  );
}

let reasons: unknown[] = [];
testServer(
  "upgrade() tells a drain, and closes what does not end",
  {
    handler: (request) =>
      upgrade(request, async (connection) => {
        connection.signal.addEventListener("abort", () => {
          reasons.push(connection.signal.reason.message);
          if (request.query === "polite") connection.close();
        });
        await echo(connection).catch((error) => reasons.push(error.name));
      }),
  },
  async ({ connect, server, records }) => {
    const clients = [await connect(), await connect()];
    for (const [at, path] of ["/", "/?polite"].entries()) {
      const client = clients[at]!;
      await client.send(UPGRADE.replace("/", path) + "a");
      await client.read(SWITCHED.length + 1);
    }
    reasons = [];
    await server.drain(100);
    await until(() => reasons.length === 4);
    for (const client of clients) client.close();
    const told = "The server is shutting down";
    assertEquals(reasons.toSorted(), ["ConnectionLost", "ConnectionLost", told, told]);
    assertEquals(records.map(({ closeReason }) => closeReason).toSorted(), ["drain", "upgraded"]);
  },
);

testServer(
  "upgrade() notices a peer that vanishes, and bounds what is sent to one that does not read",
  {
    handler: (request) =>
      upgrade(request, async (connection) => {
        const piece = new Uint8Array(1 << 20);
        for (sent = 0; sent < 256; sent++) await connection.write(piece);
      }),
  },
  async ({ connect, closed, records }) => {
    const client = await connect();
    await client.send(UPGRADE);
    let last = -1;
    await until(async () => {
      const before = last;
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return sent > 0 && before === sent;
    });
    assert(sent < 64, `${sent} MiB were accepted`);
    client.close();
    await until(() => closed.length === 1);
    assertEquals([records[0]!.isComplete, records[0]!.closeReason], [false, "client-gone"]);
  },
);
let sent = 0;
