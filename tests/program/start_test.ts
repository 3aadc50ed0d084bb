// A client that connects all the time while the program starts, as the checker of the challenge
// does: it is refused until the program serves, and then answered. It is never reset.

import { assertEquals } from "@std/assert";
import { makeCertificates } from "../support/certificates.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { freePort } from "../support/ports.ts";
import { Output, SCRIPT } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";

/** Starts of each test. More by hand: WIRESERVE_STARTS=200. */
const STARTS = Number(
  Deno.permissions.querySync({ name: "env" }).state === "granted" &&
      Deno.env.get("WIRESERVE_STARTS") || 5,
);

/** Milliseconds between two attempts to connect. */
const INTERVAL = 0.5;

/** Connections after the first one that the program accepts. */
const CONNECTIONS = 20;

type Connect = (port: number) => Promise<Deno.Conn>;

/** What became of the attempts, in their order; one entry for several of a kind in a row. */
async function outcomesOfStart(args: readonly string[], connect: Connect): Promise<string[]> {
  const port = freePort();
  const process = new Deno.Command(SCRIPT, {
    args: ["--port", String(port), "--log", "off", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = [new Output(process.stdout), new Output(process.stderr)];
  const outcomes: string[] = [];
  for (let answered = 0; answered < CONNECTIONS;) {
    const outcome = await attempt(port, connect);
    if (outcome === "200") answered++;
    if (outcomes.at(-1) !== outcome) outcomes.push(outcome);
    const next = performance.now() + INTERVAL;
    while (performance.now() < next) await new Promise((resolve) => setTimeout(resolve));
    if (outcomes.length > 10) break;
  }
  process.kill("SIGTERM");
  await Promise.all(output.map(({ done }) => done));
  assertEquals((await process.status).code, 0);
  return outcomes;
}

async function attempt(port: number, connect: Connect): Promise<string> {
  try {
    using client = new RawClient(await connect(port));
    await client.send(request("GET /", "Connection: close"));
    const { status } = await client.readResponse();
    return String(status);
  } catch (error) {
    return (error as Error).name;
  }
}

const PLAIN: Connect = (port) => Deno.connect({ hostname: "127.0.0.1", port });

for (const args of [[], ["--workers", "2"]]) {
  testWith(FOR_PROGRAM, `a start resets no client ${args.join(" ")}`, async () => {
    for (let start = 0; start < STARTS; start++) {
      assertEquals(await outcomesOfStart(args, PLAIN), ["ConnectionRefused", "200"]);
    }
  });
}

testWith(
  [...FOR_PROGRAM, "openssl"],
  "a start resets no client with TLS",
  () =>
    withDirectory(async (path) => {
      const { authority } = await makeCertificates(path);
      const args = ["--tls-cert", `${path}/one.pem`, "--tls-key", `${path}/one.key`];
      const connect: Connect = (port) =>
        Deno.connectTls({ hostname: "localhost", port, caCerts: [authority] });
      for (let start = 0; start < STARTS; start++) {
        assertEquals(await outcomesOfStart(args, connect), ["ConnectionRefused", "200"]);
      }
    }),
);

testWith(
  FOR_PROGRAM,
  "a port of another program is in use, even if that would share it",
  async () => {
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
    const accepting = other.accept().then((conn) => conn.close(), () => {});
    const { port } = other.addr as Deno.NetAddr;
    const { code, stderr } = await new Deno.Command(SCRIPT, {
      args: ["--port", String(port), "--workers", "2"],
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(10_000),
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 1);
    assertEquals(said, `wireserve: cannot listen on localhost, port ${port}: the port is in use\n`);
    await accepting;
  },
);
