// Where a server can be reached: the addresses of both families, and Unix sockets with all that
// can be in their way.

import { assertEquals, assertThrows } from "@std/assert";
import { once } from "node:events";
import { connect } from "node:net"; // Which can reset a connection.
import type { Handler } from "../../lib/http/message.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import { serve } from "../../lib/server/server.ts";
import { ListenerSet, removeStaleSocket } from "../../lib/server/listener.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const GET = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const ok: Handler = ({ client }) => ({ status: 200, content: client });

for (
  const [hostname, addresses, url] of [
    ["localhost", ["127.0.0.1", "::1"], "http://localhost"],
    ["::", ["127.0.0.1", "::1"], "http://localhost"],
    ["0.0.0.0", ["127.0.0.1"], "http://localhost"],
    ["127.0.0.1", ["127.0.0.1"], "http://127.0.0.1"],
    ["::1", ["::1"], "http://[::1]"],
  ] as const
) {
  testWith(["net"], `serve() on ${hostname} is reached by ${addresses.join(" and ")}`, async () => {
    const records: LogRecord[] = [];
    const observer = { onRequest: (record: LogRecord) => records.push(record) };
    const server = serve(ok, { hostname, port: 0, observer });
    try {
      assertEquals(server.url, `${url}:${server.port}/`);
      for (const address of addresses) {
        using client = await RawClient.connect(server.port, address);
        await client.send(GET);
        assertEquals((await client.readResponse()).text, address);
        assertEquals((await client.readToEnd()).length, 0);
      }
      if (addresses.length === 1) {
        const other = addresses[0] === "::1" ? "127.0.0.1" : "::1";
        const refused = await RawClient.connect(server.port, other).catch((error) => error);
        assertEquals(refused instanceof Deno.errors.ConnectionRefused, true);
      }
    } finally {
      await server.close();
    }
    assertEquals(records.map(({ peer }) => peer), [...addresses]);
  });
}

testWith(["net"], "serve() throws AddrInUse for a port that is taken", async () => {
  const server = serve(ok, { port: 0 });
  assertThrows(() => serve(ok, { port: server.port }), Deno.errors.AddrInUse);
  await server.close();
  await serve(ok, { port: server.port }).close();
});

testWith(["net"], "serve() refuses a host name or a port that an endpoint makes void", async () => {
  const endpoint = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  for (const beside of [{ hostname: "127.0.0.1" }, { port: 0 }, { hostname: "::", port: 80 }]) {
    assertThrows(() => serve(ok, { endpoint, ...beside }), TypeError, "An endpoint excludes");
  }
  await serve(ok, { endpoint, hostname: undefined, port: undefined }).close();
});

const FOR_SOCKETS = ["net", "read", "write", "linux"] as const;

testWith(
  FOR_SOCKETS,
  "serve() on a Unix socket sets its mode, and takes it away",
  () =>
    withDirectory(async (folder) => {
      const path = `${folder}/socket`;
      for (const mode of [0o600, 0o660, 0o666]) {
        const server = serve(ok, { endpoint: { transport: "unix", path, mode } });
        try {
          assertEquals([server.url, server.port], [`unix:${path}`, 0]);
          assertEquals((await Deno.lstat(path)).mode! & 0o777, mode);
          using client = new RawClient(await Deno.connect({ transport: "unix", path }));
          await client.send(GET);
          assertEquals((await client.readResponse()).text, "unix");
          assertEquals((await client.readToEnd()).length, 0);
        } finally {
          await server.close();
        }
        await assertGone(path);
      }
    }),
);

async function assertGone(path: string): Promise<void> {
  assertEquals(await Deno.lstat(path).catch((error) => error.name), "NotFound");
}

testWith(
  FOR_SOCKETS,
  "removeStaleSocket() removes what nobody listens on, and nothing else",
  () =>
    withDirectory(async (folder) => {
      const path = `${folder}/socket`;
      await removeStaleSocket(path); // Nothing there is nothing to be done.
      const used = ListenerSet.open({ transport: "unix", path });
      await removeStaleSocket(path);
      assertThrows(() => ListenerSet.open({ transport: "unix", path }), Deno.errors.AddrInUse);
      await Deno.rename(path, `${folder}/stale`); // Closing leaves what is elsewhere.
      used.close();
      await removeStaleSocket(`${folder}/stale`);
      await assertGone(`${folder}/stale`);
      await Deno.writeTextFile(path, "to be kept");
      await removeStaleSocket(path);
      assertThrows(() => ListenerSet.open({ transport: "unix", path }), Deno.errors.AddrInUse);
      assertEquals(await Deno.readTextFile(path), "to be kept");
    }),
);

testWith(
  FOR_SOCKETS,
  "serve() finds a stale socket in its way until removeStaleSocket() has been there",
  () =>
    withDirectory(async (folder) => {
      const path = `${folder}/socket`;
      const endpoint = { transport: "unix", path } as const;
      const former = serve(ok, { endpoint });
      await Deno.rename(path, `${folder}/kept`); // A process that is killed takes nothing away.
      await former.close();
      await Deno.rename(`${folder}/kept`, path);
      assertThrows(() => serve(ok, { endpoint }), Deno.errors.AddrInUse);
      await removeStaleSocket(path);
      await serve(ok, { endpoint }).close();
    }),
);

testWith(["net"], "serve() passes over a client that has left before it was accepted", async () => {
  const errors: unknown[] = [];
  const server = serve(ok, {
    port: 0,
    limits: { connections: 1 },
    observer: { onError: (error) => errors.push(error) },
  });
  try {
    const first = await RawClient.connect(server.port);
    await first.send("GET / HT");
    await until(() => server.connections.length === 1);
    const second = connect(server.port, "127.0.0.1");
    await once(second, "connect");
    second.resetAndDestroy();
    await once(second, "close");
    first.close();
    using third = await RawClient.connect(server.port);
    await third.send(GET);
    assertEquals((await third.readResponse()).status, 200);
  } finally {
    await server.close();
  }
  assertEquals(errors, []);
});
