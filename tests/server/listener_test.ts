// Where a server listens: addresses of both families, and Unix sockets, also where a stale socket
// or another file is in the way.

import { assertEquals, assertThrows } from "@std/assert";
import { once } from "node:events";
import { createConnection } from "node:net"; // Deno cannot reset a connection.
import type { Handler } from "../../lib/http/message.ts";
import { serve } from "../../lib/server/server.ts";
import { ListenerSet, removeStaleSocket } from "../../lib/server/listener.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer, withServer } from "../support/server.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const GET = request("GET /a", "Connection: close");
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
    const endpoint = { transport: "tcp", hostname, port: 0 } as const;
    await withServer({ handler: ok, endpoint }, async ({ server, port }) => {
      assertEquals(server.url, `${url}:${port}/`);
      for (const address of addresses) {
        using client = await RawClient.connect(port, address);
        await client.send(GET);
        assertEquals((await client.readResponse()).text, address);
        assertEquals((await client.readToEnd()).length, 0);
      }
      if (addresses.length === 1) {
        const other = addresses[0] === "::1" ? "127.0.0.1" : "::1";
        const refused = await RawClient.connect(port, other).catch((error) => error);
        assertEquals(refused instanceof Deno.errors.ConnectionRefused, true);
      }
    }, ({ records }) => assertEquals(records.map(({ peer }) => peer), [...addresses]));
  });
}

testWith(["net"], "serve() throws AddrInUse for a port that is taken", async () => {
  const server = serve(ok, { port: 0 });
  assertThrows(() => serve(ok, { port: server.port }), Deno.errors.AddrInUse);
  await server.close();
  await serve(ok, { port: server.port }).close();
});

testWith(
  ["net"],
  "serve() throws TypeError for a host name or a port beside an endpoint",
  async () => {
    const endpoint = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
    for (const beside of [{ hostname: "127.0.0.1" }, { port: 0 }, { hostname: "::", port: 80 }]) {
      assertThrows(() => serve(ok, { endpoint, ...beside }), TypeError, "An endpoint excludes");
    }
    await serve(ok, { endpoint, hostname: undefined, port: undefined }).close();
  },
);

const FOR_SOCKETS = ["net", "read", "write", "linux"] as const;

testWith(
  FOR_SOCKETS,
  "serve() on a Unix socket sets its mode, and removes it at the end",
  () =>
    withDirectory(async (directory) => {
      const path = `${directory}/socket`;
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
  "removeStaleSocket() removes a socket without a listener, and nothing else",
  () =>
    withDirectory(async (directory) => {
      const path = `${directory}/socket`;
      await removeStaleSocket(path); // A path without a socket is no error.
      const used = ListenerSet.open({ transport: "unix", path });
      await removeStaleSocket(path);
      assertThrows(() => ListenerSet.open({ transport: "unix", path }), Deno.errors.AddrInUse);
      await Deno.rename(path, `${directory}/stale`); // close() removes only the path that it opened.
      used.close();
      await removeStaleSocket(`${directory}/stale`);
      await assertGone(`${directory}/stale`);
      await Deno.writeTextFile(path, "kept");
      await removeStaleSocket(path);
      assertThrows(() => ListenerSet.open({ transport: "unix", path }), Deno.errors.AddrInUse);
      assertEquals(await Deno.readTextFile(path), "kept");
    }),
);

testWith(
  FOR_SOCKETS,
  "serve() throws AddrInUse for a stale socket until removeStaleSocket() has removed it",
  () =>
    withDirectory(async (directory) => {
      const path = `${directory}/socket`;
      const endpoint = { transport: "unix", path } as const;
      const former = serve(ok, { endpoint });
      await Deno.rename(path, `${directory}/kept`); // A process that is killed leaves its socket.
      await former.close();
      await Deno.rename(`${directory}/kept`, path);
      assertThrows(() => serve(ok, { endpoint }), Deno.errors.AddrInUse);
      await removeStaleSocket(path);
      await serve(ok, { endpoint }).close();
    }),
);

testServer(
  "serve() ignores a client that reset its connection before it was accepted",
  { handler: ok, limits: { connections: 1 } },
  async ({ server, port, connect }) => {
    const first = await connect();
    await first.send("GET / HT");
    await until(() => server.connections.length === 1);
    const second = createConnection(port, "127.0.0.1");
    await once(second, "connect");
    second.resetAndDestroy();
    await once(second, "close");
    first.close();
    using third = await connect();
    await third.send(GET);
    assertEquals((await third.readResponse()).status, 200);
  },
);
