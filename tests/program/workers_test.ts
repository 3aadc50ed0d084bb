// Several workers in the real program: one port, one log, one drain, limits that add up.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { droppedIn, requestsIn } from "../support/json_log.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program, runProgram, withProgram } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { drive } from "../support/wrk.ts";

const WORKERS = ["--workers", "2"] as const;

/** What the admin listener says, as long as there is one. */
async function adminOf(program: Program): Promise<string> {
  const [, url] = await program.until(/admin (http:\S+)\//);
  return url!;
}

// deno-lint-ignore no-explicit-any -- what is in there is what the tests are about
async function connectionsOf(admin: string): Promise<any[]> {
  return await (await fetch(`${admin}/connections`)).json();
}

testWith(
  [...FOR_PROGRAM, "wrk"],
  "--workers 2 answers from both workers, each request a whole line of one log",
  () =>
    withDirectory(async (path) => {
      const file = `${path}/log`;
      const program = await Program.start([...WORKERS, "--log", "json", "--log-file", file]);
      const connections = 20;
      const { requests, errors } = await drive(program.url("/echo/a"), connections);
      assertEquals(errors, "");
      assertEquals((await program.stop()).code, 0);
      const log = await Deno.readTextFile(file);
      const ids = requestsIn(log).map(({ id }) => id as string);
      // wrk does not count those that were on their way when it left.
      assert(ids.length + droppedIn(log) >= requests && ids.length <= requests + connections);
      assertEquals(new Set(ids).size, ids.length);
      assertEquals(new Set(ids.map((id) => id.slice(0, 3))), new Set(["w1-", "w2-"]));
    }),
);

testWith(
  FOR_PROGRAM,
  "--workers auto serves on both addresses of localhost",
  () =>
    withProgram(["--workers", "auto"], async ({ port }) => {
      for (const address of ["127.0.0.1", "::1"]) {
        using client = await RawClient.connect(port, address);
        await client.send(request("GET /"));
        assertEquals((await client.readResponse()).status, 200);
      }
    }),
);

testWith(FOR_PROGRAM, "--max-connections is a limit for all workers together", () =>
  withProgram(
    [...WORKERS, "--admin", "127.0.0.1:0", "--max-connections", "5"],
    async (program) => {
      const admin = await adminOf(program);
      const clients: RawClient[] = [];
      for (let count = 0; count < 40; count++) {
        const client = await RawClient.connect(program.port);
        // A head that never ends: not idle, and so not given up for those that wait.
        await client.send("GET / HTTP/1.1\r\n");
        clients.push(client);
      }
      await until(async () => (await connectionsOf(admin)).length === 5);
      const ids = (await connectionsOf(admin)).map(({ id }) => id.slice(0, 3)).sort();
      assertEquals(ids, ["w1-", "w1-", "w1-", "w2-", "w2-"]);
      for (const client of clients) client.close();
    },
  ));

testWith(
  FOR_PROGRAM,
  "--workers 2 needs a free port, even from other workers",
  () =>
    withProgram([...WORKERS], async ({ port }) => {
      const args = ["--port", String(port)];
      for (const more of [WORKERS, []]) {
        const { code, stdout, stderr } = await runProgram([...args, ...more]);
        assertEquals({ code, stdout }, { code: 1, stdout: "" });
        assertMatch(stderr, /^wireserve: cannot listen on localhost, port [0-9]+: [^\n]*in use\n$/);
      }
    }),
);

/** Uploads under way in both workers, each half there. */
async function beginUploads(program: Program): Promise<RawClient[]> {
  const admin = await adminOf(program);
  const clients: RawClient[] = [];
  for (let workers = 0; workers < 2;) {
    const client = await RawClient.connect(program.port);
    await client.send(`${request(`PUT /files/${clients.length}`, "Content-Length: 10")}half `);
    clients.push(client);
    await until(async () => {
      const uploads = (await connectionsOf(admin)).filter((each) => each.bytes_in === 5);
      workers = new Set(uploads.map(({ id }) => id.slice(0, 2))).size;
      return uploads.length === clients.length;
    });
  }
  return clients;
}

function start(path: string, grace: string): Promise<Program> {
  const args = [...WORKERS, "--admin", "127.0.0.1:0", "--directory", path, "--grace", grace];
  return Program.start(args);
}

testWith(
  FOR_PROGRAM,
  "SIGTERM lets what is in flight in both workers end",
  () =>
    withDirectory(async (path) => {
      const program = await start(path, "30");
      const clients = await beginUploads(program);
      const ended = program.stop();
      await program.until(/draining/);
      for (const client of clients) {
        using _ = client;
        await client.send("whole");
        assertEquals((await client.readResponse("PUT")).status, 201);
      }
      const { code, stderr } = await ended;
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
    }),
);

testWith(
  FOR_PROGRAM,
  "--grace holds for both workers, and a second signal ends it",
  () =>
    withDirectory(async (path) => {
      for (const [grace, isSignalled] of [["0.1", false], ["600", true]] as const) {
        const program = await start(path, grace);
        const clients = await beginUploads(program);
        const ended = program.stop();
        await program.until(/draining/);
        if (isSignalled) program.signal("SIGTERM");
        assertEquals((await ended).code, 0);
        for (const client of clients) client.close();
        const left = [...Deno.readDirSync(path)].map(({ name }) => name);
        if (!isSignalled) assertEquals(left, [], "the temporary files are gone");
        for (const name of left) await Deno.remove(`${path}/${name}`);
      }
    }),
);

testWith(
  FOR_PROGRAM,
  "--workers are no more than --max-connections",
  () =>
    withProgram([...WORKERS, "--max-connections", "1", "--log", "json"], async (program) => {
      await (await fetch(program.url("/echo/a"))).text();
      await program.until(/"id":"1-1"/);
    }),
);
