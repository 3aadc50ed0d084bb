// What pages of other sites can do to the program: nothing. Raw requests here; a real browser in
// browser_attacks_test.ts.

import { assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";

/** Sends a head, and returns the response's status line and text. */
async function ask(port: number, ...lines: readonly string[]): Promise<[number, string]> {
  using client = await RawClient.connect(port);
  await client.send([...lines, "Connection: close", "", ""].join("\r\n"));
  const { status, text } = await client.readResponse(lines[0]!.split(" ")[0]!);
  return [status, text];
}

async function withFiles(
  flags: readonly string[],
  run: (program: Program, directory: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/secret`, "secret");
    const program = await Program.start(["--directory", directory, ...flags]);
    try {
      await run(program, directory);
    } finally {
      await program.stop();
    }
  });
}

const POST = ["POST /files/new HTTP/1.1", "Host: localhost", "Content-Length: 0"] as const;

testWith(
  FOR_PROGRAM,
  "the program refuses writing by pages of other sites",
  () =>
    withFiles(["--allow-delete", "--cors", "https://app.example"], async ({ port }, directory) => {
      const foreign = [["Sec-Fetch-Site: cross-site"], ["Origin: https://evil.example"]];
      for (const lines of foreign) {
        const [status, text] = await ask(port, ...POST, ...lines);
        assertEquals(status, 403);
        assertMatch(text, /page of another site .*--cors ORIGIN/);
        const remove = ["DELETE /files/secret HTTP/1.1", "Host: localhost", ...lines];
        assertEquals((await ask(port, ...remove))[0], 403);
      }
      assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["secret"]);
      const named = ["Origin: https://app.example", "Sec-Fetch-Site: cross-site"];
      assertEquals((await ask(port, ...POST, ...named))[0], 201);
      assertEquals((await ask(port, ...POST))[0], 201);
    }),
);

testWith(
  FOR_PROGRAM,
  "the program answers 403 before content is asked for",
  () =>
    withFiles([], async ({ port }) => {
      const head = ["PUT /files/new HTTP/1.1", "Host: localhost", "Content-Length: 5"];
      const [status] = await ask(port, ...head, "Origin: null", "Expect: 100-continue");
      assertEquals(status, 403);
    }),
);

const GET = "GET /files/secret HTTP/1.1";

testWith(
  FOR_PROGRAM,
  "the program answers for names of this machine alone",
  () =>
    withFiles(["--allow-host", "files.example"], async ({ port }) => {
      for (const host of ["localhost", "127.0.0.1:1", "[::1]", "a.localhost", "FILES.example."]) {
        assertEquals(await ask(port, GET, `Host: ${host}`), [200, "secret"], host);
      }
      for (const host of ["evil.example", "192.168.0.1", "localhost.evil.example"]) {
        const [status, text] = await ask(port, GET, `Host: ${host}`);
        assertEquals(status, 421, host);
        assertMatch(text, /--allow-host NAME/);
      }
      // Without a host, and with one in the target, which counts alone.
      assertEquals(await ask(port, "GET /files/secret HTTP/1.0"), [200, "secret"]);
      const absolute = (host: string) => `GET http://${host}/files/secret HTTP/1.1`;
      assertEquals((await ask(port, absolute("evil.example"), "Host: localhost"))[0], 421);
      assertEquals((await ask(port, absolute("localhost"), "Host: evil.example"))[0], 200);
      // What is no file stays as the challenge has it.
      assertEquals(await ask(port, "GET /echo/a HTTP/1.1", "Host: h"), [200, "a"]);
    }),
);

testWith(
  FOR_PROGRAM,
  "the program answers for every name with --allow-host '*'",
  () =>
    withFiles(["--allow-host", "*"], async ({ port }) => {
      assertEquals(await ask(port, GET, "Host: evil.example"), [200, "secret"]);
    }),
);

testWith(
  FOR_PROGRAM,
  "the program answers a trusted proxy for every name",
  () =>
    withFiles(["--trust-proxy", "127.0.0.1,::1"], async ({ port }) => {
      assertEquals(await ask(port, GET, "Host: files.example"), [200, "secret"]);
    }),
);

testWith(
  FOR_PROGRAM,
  "the program answers for addresses of this machine where it listens",
  () =>
    withFiles(["--bind", "0.0.0.0"], async ({ port }) => {
      const own = Deno.networkInterfaces().map(({ address, family }) =>
        family === "IPv6" ? `[${address}]` : address
      );
      for (const host of [...own, Deno.hostname(), `${Deno.hostname()}.local`, "0.0.0.0"]) {
        assertEquals(await ask(port, GET, `Host: ${host}`), [200, "secret"], host);
      }
      for (const host of ["evil.example", "192.0.2.1", "[2001:db8::1]"]) {
        assertEquals((await ask(port, GET, `Host: ${host}`))[0], 421, host);
      }
    }),
);

testWith(
  FOR_PROGRAM,
  "GET / of the program is a page for browsers, and empty for others",
  () =>
    withFiles([], async ({ port }) => {
      const html = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
      const [status, page] = await ask(port, "GET / HTTP/1.1", "Host: localhost", html);
      assertEquals(status, 200);
      assertMatch(page, /<a href="files\/">/);
      for (const accept of [[], ["Accept: */*"], ["Accept: text/plain, text/html"]]) {
        assertEquals(await ask(port, "GET / HTTP/1.1", "Host: localhost", ...accept), [200, ""]);
      }
    }),
);
