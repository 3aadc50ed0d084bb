// How long the end of the program takes when nothing is in progress, and what it must not destroy.

import { assert, assertEquals } from "@std/assert";
import { requestsIn } from "../support/json_log.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output, Program, SCRIPT } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

/** Milliseconds from the signal to the end of the process. */
const MAX_STOP = 300;

/** A busy machine may delay a stop, but not this many in a row. */
const ATTEMPTS = 10;

const GET = request("GET /echo/abc");
const LAST = request("GET /echo/abc", "Connection: close");

/** Sends a request and reads the response, and leaves the connection open. */
async function ask(client: RawClient, text: string): Promise<void> {
  await client.send(text);
  await client.readResponse();
}

const CLIENTS: readonly [what: string, use: (client: RawClient) => Promise<void>][] = [
  ["that has sent nothing", () => Promise.resolve()],
  ["that was answered just now", (client) => ask(client, GET)],
  ["that stays open after Connection: close", (client) => ask(client, LAST)],
  ["that stays open after a refusal", (client) => ask(client, "GET /\0 HTTP/1.1\r\n\r\n")],
];

for (const args of [[], ["--admin", "127.0.0.1:0"], ["--workers", "2"]]) {
  testWith(
    FOR_PROGRAM,
    `SIGTERM ends a program with nothing in progress in ${MAX_STOP} ms ${args.join(" ")}`,
    async () => {
      for (const [what, use] of CLIENTS) {
        const times: number[] = [];
        do {
          const program = await Program.start(args);
          using client = await RawClient.connect(program.port);
          await use(client);
          const begun = performance.now();
          assertEquals((await program.stop()).code, 0);
          times.push(performance.now() - begun);
        } while (times.at(-1)! >= MAX_STOP && times.length < ATTEMPTS);
        assert(times.at(-1)! < MAX_STOP, `with a client ${what}: ${times} ms`);
      }
    },
  );
}

testWith(
  FOR_PROGRAM,
  "a client that reads slowly gets its last response whole, though the program has ended",
  () =>
    withDirectory(async (path) => {
      // More than the client has room for: the system has the rest when the program ends.
      const bytes = new Uint8Array(524_288).map((_, at) => at & 0xff);
      await Deno.writeFile(`${path}/file`, bytes);
      const program = await Program.start(["--directory", path]);
      using client = await RawClient.connect(program.port);
      await client.send(request("GET /files/file", "Connection: close"));
      await program.until(/GET \/files\/file/); // All has been sent.
      await program.stop();
      const response = await client.readResponse();
      assert(response.content.every((byte, at) => byte === bytes[at]));
      assertEquals(response.content.length, bytes.length);
      assertEquals((await client.readToEnd()).length, 0);
    }),
);

testWith(
  FOR_PROGRAM,
  "a client that still sends a refused upload gets the refusal, though the program ends",
  async () => {
    const program = await Program.start();
    using client = await RawClient.connect(program.port);
    const piece = new Uint8Array(65_536);
    await client.send(request("POST /echo/a", `Content-Length: ${1000 * piece.length}`));
    await client.send(piece);
    await program.until(/POST/);
    const stopped = program.stop();
    for (let sent = 1; sent < 30; sent++) {
      await client.send(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert((await client.readResponse()).status >= 400);
    client.close();
    assertEquals((await stopped).code, 0);
  },
);

testWith(FOR_PROGRAM, "two SIGTERMs 20 ms apart lose no line of the log", async () => {
  const count = 1500; // Their lines are more than a pipe takes.
  const process = new Deno.Command(SCRIPT, {
    args: ["--port", "0", "--log", "json"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const events = new Output(process.stderr);
  const output = process.stdout.getReader();
  const decoder = new TextDecoder();
  let log = "";
  const read = async () => {
    const { value, done } = await output.read();
    log += decoder.decode(value, { stream: true });
    return !done;
  };
  const [, port] = await events.until(/serving.*:([0-9]+)\//);
  using client = await RawClient.connect(Number(port));
  const upload = request("POST /echo/a", "Content-Length: 9");
  await client.send(`${GET.repeat(count)}${upload}half`);
  for (let response = 0; response < count; response++) await client.readResponse();
  process.kill("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill("SIGTERM");
  // The reader of the log is slow.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await until(async () => !await read());
  assertEquals((await process.status).code, 0);
  assertEquals(requestsIn(log).length, count + 1);
});
