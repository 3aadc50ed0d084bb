// TLS on the same connection loop: real certificates, real clients, peers that speak something
// else, and a certificate that is replaced while connections come in.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { collect, fromStream } from "../../lib/http/content.ts";
import type { Handler } from "../../lib/http/message.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import type { Limits } from "../../lib/server/limits.ts";
import { serve, type Server } from "../../lib/server/server.ts";
import type { Endpoint } from "../../lib/server/listener.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { type Need, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const MiB = 1024 * 1024;
const LARGE = new Uint8Array(10 * MiB).fill(97);
const NEEDS: readonly Need[] = ["net", "read", "write", "run", "env", "openssl"];

/**
 * Milliseconds for a head, and for the handshake, which the tests have to make in time: a program
 * that is held up loses half a second at a time.
 */
const HANDSHAKE = 2000;

interface Bench {
  readonly server: Server;
  readonly port: number;
  readonly certificates: Certificates;
  readonly records: LogRecord[];
  readonly foreign: string[];
  /** The peers of connections that have been closed. */
  readonly closed: string[];
  connect(): Promise<RawClient>;
}

const handler: Handler = async ({ method, path, content }) => {
  if (method === "POST") {
    return { status: 200, content: String((await collect(content, 1 << 30)).length) };
  }
  if (path === "/large") return { status: 200, content: LARGE };
  if (path !== "/stream") return { status: 200, content: "ok" };
  return { status: 200, content: fromStream(new Blob([LARGE]).stream()) };
};

function testTls(
  name: string,
  limits: Partial<Limits>,
  run: (bench: Bench) => Promise<void>,
  isPlain = false,
): void {
  testWith(NEEDS, name, () =>
    withDirectory(async (folder) => {
      const certificates = await makeCertificates(folder);
      const records: LogRecord[] = [];
      const [foreign, closed, errors]: [string[], string[], unknown[]] = [[], [], []];
      const certificate = isPlain ? undefined : certificates.one;
      const server = serve(handler, {
        endpoint: { transport: "tcp", hostname: "localhost", port: 0, isShared: true, certificate },
        limits: { lingerTimeout: 300, ...limits },
        observer: {
          onRequest: (record) => records.push(record),
          onProtocolMismatch: (peer, problem) => foreign.push(`${peer}: ${problem}`),
          onClose: (peer) => closed.push(peer),
          onError: (error) => errors.push(error),
        },
      });
      const { port } = server;
      const caCerts = [certificates.authority];
      const connect = async () =>
        new RawClient(await Deno.connectTls({ hostname: "localhost", port, caCerts }));
      try {
        await run({ server, port, certificates, records, foreign, closed, connect });
      } finally {
        await server.close();
      }
      assertEquals(errors, []);
    }));
}

const GET = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
const POST = "POST /a HTTP/1.1\r\nHost: localhost\r\n";

testTls("TLS carries what TCP carries, to curl and to fetch", {}, async (bench) => {
  const url = bench.server.url;
  assertMatch(url, /^https:\/\/localhost:[0-9]+\/$/);
  const curl = async (...args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command("curl", {
      args: ["-sS", "--cacert", bench.certificates.authorityPath, ...args],
      stdin: "null",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return stdout;
  };
  assertEquals(new TextDecoder().decode(await curl(`${url}a`, `${url}a`)), "okok");
  for (const path of ["large", "stream"]) assertEquals(await curl(`${url}${path}`), LARGE);
  using client = Deno.createHttpClient({ caCerts: [bench.certificates.authority] });
  const response = await fetch(url, { client, method: "POST", body: LARGE });
  assertEquals(await response.text(), String(LARGE.length));
  assertEquals(bench.foreign, []);
});

testTls("TLS: pipelining, 100-continue, half-close, limits and schemes", {
  fieldCount: 4,
}, async ({ connect, records }) => {
  using client = await connect();
  await client.send(
    GET + GET.replace("/a", "https://localhost/a") + POST +
      "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
  );
  for (let i = 0; i < 2; i++) assertEquals((await client.readResponse()).text, "ok");
  assertEquals((await client.readResponse()).status, 100);
  await client.send("abc");
  assertEquals((await client.readResponse()).text, "3");
  await client.send(GET.replace("/a", "/large"));
  await client.endSending();
  assertEquals((await client.readResponse()).content, LARGE);
  assertEquals((await client.readToEnd()).length, 0);
  for (
    const [request, status] of [
      [GET.replace("/a", "http://localhost/a"), 421],
      [GET.replace("\r\n\r\n", "\r\nA: b".repeat(9) + "\r\n\r\n"), 431],
      ["nonsense\r\n\r\n", 400],
    ] as const
  ) {
    using refused = await connect();
    await refused.send(request);
    assertEquals((await refused.readResponse()).status, status);
    assertEquals((await refused.readToEnd()).length, 0);
  }
  assertEquals(records.map(({ id }) => id), ["1-1", "1-2", "1-3", "1-4", "2-1", "3-1", "4-1"]);
});

testTls("TLS: a truncated upload is none, with and without close_notify", {}, async (bench) => {
  const { connect, records } = bench;
  for (
    const [framing, part] of [["Content-Length: 9", "abc"], [
      "Transfer-Encoding: chunked",
      "3\r\nabc\r\n",
    ]]
  ) {
    using polite = await connect();
    await polite.send(`${POST}${framing}\r\n\r\n${part}`);
    await polite.endSending();
    assertEquals((await polite.readResponse()).status, 400);
    await until(() => bench.server.connections.length === 0);
    const count = records.length + 1;
    // openssl leaves without close_notify when it is killed.
    const rude = new Deno.Command("openssl", {
      args: ["s_client", "-quiet", "-connect", `127.0.0.1:${bench.port}`],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const writer = rude.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${POST}${framing}\r\n\r\n${part}`));
    await until(() => bench.server.connections.some(({ exchange }) => exchange?.bytesIn === 3));
    rude.kill("SIGKILL");
    await rude.status;
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
});

testTls("TLS: heads and content that do not come are 408", {
  headerTimeout: HANDSHAKE,
  bodyTimeout: 1,
}, async ({ connect, records }) => {
  for (const part of ["GET /a HTTP/1.1\r\nHo", `${POST}Content-Length: 3\r\n\r\na`]) {
    using client = await connect();
    await client.send(part);
    assertEquals((await client.readResponse()).status, 408);
    assertEquals((await client.readToEnd()).length, 0);
  }
  assertEquals(records.map(({ closeReason }) => closeReason), ["timeout", "timeout"]);
});

testTls("TLS: a peer that speaks something else is told once, and let go", {
  headerTimeout: HANDSHAKE,
}, async ({ port, foreign, closed, records }) => {
  for (
    const said of [GET, "\x00\x01garbage".repeat(50), "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"]
  ) {
    using client = await RawClient.connect(port);
    await client.send(said);
    const alert = await client.readToEnd();
    assert(alert.length <= 7, "An alert and no more");
  }
  assertEquals(foreign.length, 3);
  using silent = await RawClient.connect(port);
  await until(() => foreign.length === 4);
  assertEquals(foreign[3], "127.0.0.1: no TLS: the handshake takes too long");
  silent.close();
  (await RawClient.connect(port)).close();
  await until(() => closed.length === 5);
  for (const line of foreign) assertMatch(line, /^127\.0\.0\.1: no TLS: [ -~]{5,120}$/);
  assertEquals([foreign.length, records], [4, []]);
});

testTls(
  "TLS on a plain port is told once, and let go",
  {},
  async ({ port, certificates, foreign }) => {
    const caCerts = [certificates.authority];
    let isRefused = false;
    try {
      using conn = await Deno.connectTls({ hostname: "localhost", port, caCerts });
      await conn.handshake();
    } catch {
      isRefused = true;
    }
    assert(isRefused);
    assertEquals(foreign, ["127.0.0.1: TLS, which is not spoken here"]);
  },
  true,
);

testTls(
  "Server.replaceCertificate() serves those who have connected, and those who wait",
  {},
  async (bench) => {
    const { server, port, certificates, connect } = bench;
    using open = await connect();
    await open.send(GET);
    await open.readResponse();
    using uploading = await connect();
    await uploading.send(`${POST}Content-Length: 6\r\n\r\nabc`);
    const caCerts = [certificates.authority];
    let count = 0;
    for (let round = 0; round < 6; round++) {
      // They are in the system's queue when the listener is replaced, at least most of them.
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
  "Server.replaceCertificate() refuses where it could not keep its word",
  () =>
    withDirectory(async (folder) => {
      const { one, two } = await makeCertificates(folder);
      const tcp = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
      const endpoints: readonly Endpoint[] = [
        { ...tcp, certificate: one },
        { ...tcp, isShared: true },
        { transport: "unix", path: `${folder}/socket` },
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
