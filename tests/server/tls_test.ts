// TLS on the same connection loop: real certificates, real clients, peers that speak another
// protocol, and a certificate that is replaced while connections arrive.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { collect, fromStream } from "../../lib/http/content.ts";
import type { Handler } from "../../lib/http/message.ts";
import type { Limits } from "../../lib/server/limits.ts";
import { serve } from "../../lib/server/server.ts";
import type { Endpoint } from "../../lib/server/listener.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { type Need, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { type TestServer, withServer } from "../support/server.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const MiB = 1024 * 1024;
const LARGE = new Uint8Array(10 * MiB).fill(97);
const NEEDS: readonly Need[] = ["net", "read", "write", "run", "env", "openssl"];

/**
 * Milliseconds for a head, and for the handshake, which the tests themselves have to finish in
 * time: each delay of the event loop takes half a second of it.
 */
const HANDSHAKE = 2000;

interface TlsTest extends TestServer {
  readonly certificates: Certificates;
}

const handler: Handler = async ({ method, path, content }) => {
  if (method === "POST") {
    return { status: 200, content: String((await collect(content, 1 << 30)).length) };
  }
  if (path === "/large") return { status: 200, content: LARGE };
  if (path !== "/stream") return { status: 200, content: "ok" };
  return { status: 200, content: fromStream(new Blob([LARGE]).stream()) };
};

/**
 * Registers a test of a server on a shared port.
 *
 * @param isPlain Whether the server has no certificate.
 */
function testTls(
  name: string,
  limits: Partial<Limits>,
  run: (test: TlsTest) => Promise<void>,
  isPlain = false,
): void {
  testWith(NEEDS, name, () =>
    withDirectory(async (directory) => {
      const certificates = await makeCertificates(directory);
      const certificate = isPlain ? undefined : certificates.one;
      const tcp = { transport: "tcp", hostname: "localhost", port: 0 } as const;
      const endpoint = { ...tcp, isShared: true, certificate };
      await withServer({ handler, limits, endpoint }, async (server) => {
        const caCerts = [certificates.authority];
        const connect = async () =>
          new RawClient(
            await Deno.connectTls({ hostname: "localhost", port: server.port, caCerts }),
          );
        await run({ ...server, certificates, connect });
      });
    }));
}

const GET = request("GET /a");

testTls(
  "TLS serves curl and fetch as TCP does",
  {},
  async ({ server, mismatches, certificates }) => {
    const url = server.url;
    assertMatch(url, /^https:\/\/localhost:[0-9]+\/$/);
    const curl = async (...args: string[]) => {
      const { success, stdout, stderr } = await new Deno.Command("curl", {
        args: ["-sS", "--cacert", certificates.authorityPath, ...args],
        stdin: "null",
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      return stdout;
    };
    assertEquals(new TextDecoder().decode(await curl(`${url}a`, `${url}a`)), "okok");
    for (const path of ["large", "stream"]) assertEquals(await curl(`${url}${path}`), LARGE);
    using client = Deno.createHttpClient({ caCerts: [certificates.authority] });
    const response = await fetch(url, { client, method: "POST", body: LARGE });
    assertEquals(await response.text(), String(LARGE.length));
    assertEquals(mismatches, []);
  },
);

testTls("TLS supports pipelining, 100-continue, half-close, limits and schemes", {
  fieldCount: 4,
}, async ({ connect, records }) => {
  using client = await connect();
  await client.send(
    GET + request("GET https://h/a") +
      request("POST /a", "Expect: 100-continue", "Content-Length: 3"),
  );
  for (let i = 0; i < 2; i++) assertEquals((await client.readResponse()).text, "ok");
  assertEquals((await client.readResponse()).status, 100);
  await client.send("abc");
  assertEquals((await client.readResponse()).text, "3");
  await client.send(request("GET /large"));
  await client.endSending();
  assertEquals((await client.readResponse()).content, LARGE);
  assertEquals((await client.readToEnd()).length, 0);
  for (
    const [sent, status] of [
      [request("GET http://h/a"), 421],
      [request("GET /a", ...Array(9).fill("A: b")), 431],
      ["nonsense\r\n\r\n", 400],
    ] as const
  ) {
    using refused = await connect();
    await refused.send(sent);
    assertEquals((await refused.readResponse()).status, status);
    assertEquals((await refused.readToEnd()).length, 0);
  }
  assertEquals(records.map(({ id }) => id), ["1-1", "1-2", "1-3", "1-4", "2-1", "3-1", "4-1"]);
});

testTls(
  "TLS refuses a truncated upload, with and without close_notify",
  {},
  async ({ server, port, records, connect }) => {
    for (
      const upload of [
        request("POST /a", "Content-Length: 9") + "abc",
        request("POST /a", "Transfer-Encoding: chunked") + "3\r\nabc\r\n",
      ]
    ) {
      using closing = await connect();
      await closing.send(upload);
      await closing.endSending();
      assertEquals((await closing.readResponse()).status, 400);
      await until(() => server.connections.length === 0);
      const count = records.length + 1;
      // openssl sends no close_notify when it is killed.
      const killed = new Deno.Command("openssl", {
        args: ["s_client", "-quiet", "-connect", `127.0.0.1:${port}`],
        stdin: "piped",
        stdout: "null",
        stderr: "null",
      }).spawn();
      const writer = killed.stdin.getWriter();
      await writer.write(new TextEncoder().encode(upload));
      await until(() => server.connections.some(({ exchange }) => exchange?.bytesIn === 3));
      killed.kill("SIGKILL");
      await killed.status;
      await writer.close().catch(() => {});
      await until(() => records.length === count);
    }
    assertEquals(
      records.map(({ status, bytesIn, closeReason }) => [status, bytesIn, closeReason]),
      [
        [400, 3, "bad-request"],
        [null, 3, "client-gone"],
        [400, 3, "bad-request"],
        [null, 3, "client-gone"],
      ],
    );
  },
);

testTls("TLS answers 408 when a head or content is late", {
  headerTimeout: HANDSHAKE,
  bodyTimeout: 1,
}, async ({ connect, records }) => {
  for (const part of ["GET /a HTTP/1.1\r\nHo", request("POST /a", "Content-Length: 3") + "a"]) {
    using client = await connect();
    await client.send(part);
    assertEquals((await client.readResponse()).status, 408);
    assertEquals((await client.readToEnd()).length, 0);
  }
  assertEquals(records.map(({ closeReason }) => closeReason), ["timeout", "timeout"]);
});

testTls("TLS reports a peer that speaks another protocol, once, and closes", {
  headerTimeout: HANDSHAKE,
}, async ({ port, mismatches, closed, records }) => {
  for (
    const sent of [GET, "\x00\x01garbage".repeat(50), "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"]
  ) {
    using client = await RawClient.connect(port);
    await client.send(sent);
    const alert = await client.readToEnd();
    assert(alert.length <= 7, "An alert and no more");
  }
  assertEquals(mismatches.length, 3);
  using silent = await RawClient.connect(port);
  await until(() => mismatches.length === 4);
  assertEquals(mismatches[3], "127.0.0.1: no TLS: the handshake takes too long");
  silent.close();
  (await RawClient.connect(port)).close();
  await until(() => closed.length === 5);
  for (const line of mismatches) assertMatch(line, /^127\.0\.0\.1: no TLS: [ -~]{5,120}$/);
  assertEquals([mismatches.length, records], [4, []]);
});

testTls(
  "Server reports a peer that speaks TLS to a plain port, once, and closes",
  {},
  async ({ port, certificates, mismatches }) => {
    const caCerts = [certificates.authority];
    let isRefused = false;
    try {
      using conn = await Deno.connectTls({ hostname: "localhost", port, caCerts });
      await conn.handshake();
    } catch {
      isRefused = true;
    }
    assert(isRefused);
    assertEquals(mismatches, ["127.0.0.1: TLS, which is not spoken here"]);
  },
  true,
);

testTls(
  "Server.replaceCertificate() keeps connections that are open or in the backlog",
  {},
  async ({ server, port, certificates, connect }) => {
    using open = await connect();
    await open.send(GET);
    await open.readResponse();
    using uploading = await connect();
    await uploading.send(request("POST /a", "Content-Length: 6") + "abc");
    const caCerts = [certificates.authority];
    let count = 0;
    for (let round = 0; round < 6; round++) {
      // Most of them are in the backlog when the listener is replaced.
      const waiting = await Promise.all(
        Array.from({ length: 40 }, () => Deno.connectTls({ hostname: "localhost", port, caCerts })),
      );
      server.replaceCertificate(round % 2 === 0 ? certificates.two : certificates.one);
      await Promise.all(waiting.map(async (conn) => {
        using client = new RawClient(conn);
        await client.send(GET);
        if ((await client.readResponse()).text === "ok") count++;
      }));
    }
    assertEquals(count, 240);
    let isRefused = false;
    try {
      server.replaceCertificate({ cert: "none", key: "none" });
    } catch {
      isRefused = true;
    }
    assert(isRefused);
    await uploading.send("def");
    assertEquals((await uploading.readResponse()).text, "6");
    await open.send(GET);
    assertEquals((await open.readResponse()).text, "ok");
  },
);

testWith(
  NEEDS,
  "Server.replaceCertificate() throws TypeError when the port is not shared or not TLS",
  () =>
    withDirectory(async (directory) => {
      const { one, two } = await makeCertificates(directory);
      const tcp = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
      const endpoints: readonly Endpoint[] = [
        { ...tcp, certificate: one },
        { ...tcp, isShared: true },
        { transport: "unix", path: `${directory}/socket` },
      ];
      for (const endpoint of endpoints) {
        const server = serve(handler, { endpoint });
        try {
          assertThrows(() => server.replaceCertificate(two), TypeError, "shared");
        } finally {
          await server.close();
        }
      }
    }),
);
