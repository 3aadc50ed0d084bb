// Clients that die, lie and flood: the program serves on, the directory stays clean, memory flat.

import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output, Program, SCRIPT, withProgram } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const MiB = 1024 * 1024;

/** Highest resident memory of a process so far, in bytes. */
async function peakMemory(pid: number): Promise<number> {
  // By cat, since Deno itself wants every permission there is before it reads below /proc.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  return 1024 * Number(/VmHWM:\s+([0-9]+)/.exec(new TextDecoder().decode(stdout))![1]);
}

/** The program after a test's worth of harm: serving, silent, and its directory as expected. */
async function checkUnharmed(
  program: Program,
  path: string,
  files: readonly string[],
) {
  const response = await fetch(program.url("/echo/still-there"));
  assertEquals(await response.text(), "still-there");
  assertEquals(program.stderr, "");
  assertEquals(await listTree(path), files);
}

testWith(
  [...FOR_PROGRAM, "curl"],
  "an upload whose client is killed leaves nothing, and the old file whole",
  () =>
    withDirectory((path) =>
      withProgram(["-d", path, "--verbose"], async (program) => {
        await Deno.writeTextFile(`${path}/old`, "as it was");
        for (const name of ["old", "new", "deep/er/new"]) {
          const client = new Deno.Command("curl", {
            args: [
              "-sS",
              "--limit-rate",
              "2M",
              "-T",
              "/dev/zero",
              "-X",
              "POST",
              program.url(`/files/${name}`),
            ],
            stdout: "null",
            stderr: "null",
          }).spawn();
          await appears(path, /\.part$/);
          client.kill("SIGKILL");
          await client.status;
          await program.until(new RegExp(`"POST /files/${name} `));
        }
        await checkUnharmed(program, path, ["old"]);
        assertEquals(await Deno.readTextFile(`${path}/old`), "as it was");
        assertEquals(program.stdout.match(/"POST /g)?.length, 3);
      })
    ),
);

/** Waits until a file of such a name is there. */
async function appears(path: string, pattern: RegExp): Promise<void> {
  await until(async () => (await listTree(path)).some((name) => pattern.test(name)));
}

testWith(
  [...FOR_PROGRAM, "curl"],
  "a download whose client is killed leaves one line in the log",
  () =>
    withDirectory((path) =>
      withProgram(["-d", path, "--verbose"], async (program) => {
        await Deno.writeFile(`${path}/large`, new Uint8Array(64 * MiB));
        for (const coding of ["identity", "gzip"]) {
          const client = new Deno.Command("curl", {
            args: [
              "-sS",
              "--limit-rate",
              "1K",
              "-H",
              `Accept-Encoding: ${coding}`,
              program.url("/files/large"),
            ],
            stdout: "piped",
            stderr: "null",
          }).spawn();
          const reader = client.stdout.getReader();
          await reader.read();
          client.kill("SIGKILL");
          await Promise.all([client.status, reader.cancel()]);
        }
        await program.until(/closed[^]*closed/);
        await program.until(/"GET [^]*"GET [^]*\n/);
        await checkUnharmed(program, path, ["large"]);
        assertMatch(
          program.stdout,
          /"GET \/files\/large HTTP\/1\.1" 200 [0-9]{1,7} /,
        );
      })
    ),
);

testWith(
  FOR_PROGRAM,
  "an upload that the server's end cuts off leaves nothing",
  () =>
    withDirectory(async (path) => {
      const program = await Program.start(["-d", path, "--grace", "0.2"]);
      using client = await RawClient.connect(program.port);
      await client.send(
        `${request("POST /files/a", "Content-Length: 100")}abc`,
      );
      await appears(path, /\.part$/);
      const { code, stderr } = await program.stop();
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      assertEquals(await listTree(path), []);
    }),
);

testWith(
  FOR_PROGRAM,
  "an upload that ends early, or is malformed, is 400 and leaves nothing",
  () =>
    withDirectory((path) =>
      withProgram(["-d", path], async (program) => {
        const uploads = [
          ["Content-Length: 100", "abc"],
          ["Transfer-Encoding: chunked", "3\r\nabc\r\n"],
          ["Transfer-Encoding: chunked", "3\r\nabc\r\nxyz\r\n"],
        ] as const;
        for (const [framing, content] of uploads) {
          using client = await RawClient.connect(program.port);
          await client.send(request("POST /files/a", framing) + content);
          await client.endSending();
          const { status, fields } = await client.readResponse();
          assertEquals({ status, connection: fields.get("connection") }, {
            status: 400,
            connection: "close",
          });
        }
        await checkUnharmed(program, path, []);
      })
    ),
);

testWith(
  [...FOR_PROGRAM, "linux"],
  "memory stays flat while a GiB comes in and goes out",
  () =>
    withDirectory((path) =>
      withProgram(["-d", path], async (program) => {
        const piece = new Uint8Array(MiB).fill(7);
        // What one MiB has needed, the other 1023 do not add to.
        using first = await RawClient.connect(program.port);
        await first.send(
          request("POST /files/first", `Content-Length: ${MiB}`),
        );
        await first.send(piece);
        assertEquals((await first.readResponse()).status, 201);
        const before = await peakMemory(program.pid);

        using client = await RawClient.connect(program.port);
        await client.send(
          request("POST /files/all", `Content-Length: ${1024 * MiB}`),
        );
        for (let sent = 0; sent < 1024; sent++) await client.send(piece);
        assertEquals((await client.readResponse()).status, 201);
        assertEquals((await Deno.stat(`${path}/all`)).size, 1024 * MiB);

        const response = await fetch(program.url("/files/all"), {
          headers: { "Accept-Encoding": "identity" },
        });
        let received = 0;
        for await (const bytes of response.body!) received += bytes.length;
        assertEquals(received, 1024 * MiB);
        assertLessOrEqual(await peakMemory(program.pid) - before, 64 * MiB);
      })
    ),
);

testWith(
  FOR_PROGRAM,
  "a flood of malformed bytes is answered, and harms no other connection",
  () =>
    withDirectory((path) =>
      withProgram(["-d", path, "--header-timeout", "600"], async (program) => {
        using bystander = await RawClient.connect(program.port);
        await bystander.send("GET /echo/by HTTP/1.1\r\n");
        for (let round = 0; round < 20; round++) {
          using client = await RawClient.connect(program.port);
          await client.trySend(crypto.getRandomValues(new Uint8Array(60_000)));
          const { status } = await client.readResponse();
          assert([400, 414, 431].includes(status), `status ${status}`);
        }
        await bystander.send("Host: localhost\r\n\r\n");
        assertEquals((await bystander.readResponse()).text, "by");
        await checkUnharmed(program, path, []);
      })
    ),
);

testWith(
  [...FOR_PROGRAM, "linux"],
  "files that are sent are closed, coded or not, whole or not",
  () =>
    withDirectory((path) =>
      withProgram(["-d", path], async (program) => {
        await Deno.writeFile(`${path}/small`, new Uint8Array(1000));
        await Deno.writeFile(`${path}/large`, new Uint8Array(MiB));
        const openFiles = async () => {
          const { stdout } = await new Deno.Command("ls", { args: [`/proc/${program.pid}/fd`] })
            .output();
          return new TextDecoder().decode(stdout).split("\n").length;
        };
        const ask = async (line: string) => {
          using client = await RawClient.connect(program.port);
          await client.send(request(line, "Connection: close", "Accept-Encoding: gzip"));
          await client.readToEnd();
        };
        await ask("GET /files/small");
        const before = await openFiles();
        for (let round = 0; round < 20; round++) {
          for (const name of ["small", "large"]) {
            for (const method of ["GET", "HEAD"]) await ask(`${method} /files/${name}`);
          }
        }
        // A connection is closed a moment after its client has left.
        await until(async () => await openFiles() <= before + 4);
      })
    ),
);

testWith(
  [...FOR_PROGRAM, "linux"],
  "without free descriptors the program pauses, and then serves on",
  () =>
    withDirectory(async (path) => {
      await Deno.writeTextFile(`${path}/limited`, `#!/bin/sh\nulimit -n 64\nexec ${SCRIPT} "$@"\n`);
      await Deno.chmod(`${path}/limited`, 0o755);
      const flags = ["-d", path, "--header-timeout", "600"];
      const program = await Program.start(flags, { script: `${path}/limited` });
      const clients: RawClient[] = [];
      for (let count = 0; count < 100; count++) {
        const client = await RawClient.connect(program.port);
        // Half a head: who is idle is given up while others wait.
        await client.send(`GET ${count === 0 ? "/files/limited" : "/echo/at-last"} HTTP/1.1\r\n`);
        clients.push(client);
      }
      // Those that were accepted are served; the others wait until these have gone.
      await clients[0]!.send("Host: localhost\r\n\r\n");
      assert([200, 503].includes((await clients[0]!.readResponse()).status));
      for (const client of clients.slice(0, 80)) client.close();
      const last = clients.at(-1)!;
      await last.send("Host: localhost\r\n\r\n");
      assertEquals((await last.readResponse()).text, "at-last");
      for (const client of clients.slice(80)) client.close();
      const { code, stderr } = await program.stop();
      assertEquals(code, 0);
      // Accepting has stopped before there was none: no accept has failed, and no call of a handler.
      assertMatch(
        stderr,
        /^wireserve: file descriptors are short .*: [0-9]+ connections at most\n$/,
      );
    }),
);

testWith(FOR_PROGRAM, "the program ends even if its log is not read", async () => {
  const program = new Deno.Command(SCRIPT, {
    args: ["--port", "0"],
    env: { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH")}` },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const events = new Output(program.stderr);
  const [, port] = await events.until(/:([0-9]+)\/\n/);
  using client = await RawClient.connect(Number(port));
  for (let round = 0; round < 200; round++) {
    await client.send(request(`GET /${"x".repeat(4000)}`));
    assertEquals((await client.readResponse()).status, 404);
  }
  program.kill("SIGTERM");
  assertEquals((await program.status).code, 0);
  await Promise.all([program.stdout.cancel(), events.done]);
});

const HEAD = "POST /files/a HTTP/1.1\r\nHost: localhost\r\n";
const CHUNKED = request("POST /files/a", "Transfer-Encoding: chunked");

/** Two MiB of one kind of thing each, behind what makes it one. */
const FLOODS: readonly [name: string, start: string, unit: string][] = [
  ["a request line", "GET /", "a"],
  ["a method", "", "A"],
  ["empty lines", "", "\r\n"],
  ["a field name", HEAD, "a"],
  ["a field value", `${HEAD}a: `, "b"],
  ["blanks before a value", `${HEAD}a:`, " "],
  ["fields", HEAD, "a: b\r\n"],
  ["fields without a value", HEAD, "a:\r\n"],
  ["zeros of a chunk size", CHUNKED, "0"],
  ["a chunk extension", `${CHUNKED}1;a=`, "b"],
  ["a quoted chunk extension", `${CHUNKED}1;a="`, "b"],
  ["chunk extensions", CHUNKED, "1;abcdefgh=ijkl\r\nx\r\n"],
  ["tiny chunks", CHUNKED, "1\r\nx\r\n"],
  ["trailers", `${CHUNKED}0\r\n`, "a: b\r\n"],
  ["a trailer", `${CHUNKED}0\r\na: `, "b"],
  [
    "content that no handler reads",
    request("POST /", "Content-Length: 9999999"),
    "x",
  ],
  ["requests whose responses are not read", "", request("GET /echo/a")],
];

testWith(
  [...FOR_PROGRAM, "linux"],
  "a flood of any kind takes little memory, alone or together",
  () =>
    withDirectory((path) =>
      withProgram(["-d", path, "--log", "off"], async (program) => {
        const flood = async ([name, start, unit]: typeof FLOODS[number]) => {
          using client = await RawClient.connect(program.port);
          await client.trySend(start);
          await client.trySend(unit.repeat(2 * MiB / unit.length));
          await (await fetch(program.url("/echo/still-there"))).text();
          assertEquals(program.stderr, "", name);
        };
        // Four of each kind at once are 136 MiB: what a second and a third time add to the memory is
        // the collector's leeway, and no byte that has been kept.
        const floodAll = () =>
          Promise.all(Array.from({ length: 4 }, () => FLOODS).flat().map(flood));
        await floodAll();
        const before = await peakMemory(program.pid);
        await floodAll();
        await floodAll();
        const after = await peakMemory(program.pid);
        assertLessOrEqual(after - before, 64 * MiB);
        assertLessOrEqual(after, 320 * MiB);
        await until(async () => (await listTree(path)).length === 0);
        await checkUnharmed(program, path, []);
      })
    ),
);
