// The log, the admin listener and trusted proxies in the real program.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { JSON_FIELD_NAMES } from "../../lib/access_log/format.ts";
import { droppedIn, requestsIn } from "../support/json_log.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output, Program, runProgram, SCRIPT, withProgram } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { drive, driveOn } from "../support/wrk.ts";

async function adminOf(program: Program): Promise<string> {
  const [, url] = await program.until(/admin (http:\S+)\//);
  return url!;
}

async function metricOf(admin: string, name: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, "m").exec(text)?.[1]);
}

for (const workers of ["1", "2"]) {
  testWith(
    [...FOR_PROGRAM, "wrk"],
    `SIGHUP moves the log under load, no request lost or twice (${workers} workers)`,
    () =>
      withDirectory(async (path) => {
        const file = `${path}/log`;
        const flags = ["--workers", workers, "--log", "json", "--log-file", file];
        const program = await Program.start(flags);
        const stopLoad = driveOn(program.url("/echo/a"), 20);
        const isLong = () => Deno.stat(file).then(({ size }) => size > 100_000, () => false);
        const files: string[] = [];
        await until(isLong);
        for (let turn = 1; turn <= 3; turn++) {
          await Deno.rename(file, `${file}.${turn}`);
          files.push(`${file}.${turn}`);
          program.signal("SIGHUP");
          await until(isLong);
        }
        const { requests, errors } = await stopLoad();
        assertEquals(errors, "");
        assertEquals((await program.stop()).code, 0);
        const ids: string[] = [];
        let dropped = 0;
        for (const each of [...files, file]) {
          const log = await Deno.readTextFile(each);
          const lines = requestsIn(log);
          assert(lines.length > 0, each);
          ids.push(...lines.map(({ id }) => id));
          dropped += droppedIn(log);
        }
        assertEquals(new Set(ids).size, ids.length, "each in one file");
        assert(ids.length + dropped >= requests && ids.length <= requests + 20);
      }),
  );
}

testWith(FOR_PROGRAM, "the program ends with one line where it cannot write the log", async () => {
  for (const path of ["/no/such/folder/log", "/"]) {
    const { code, stdout, stderr } = await runProgram(["--port", "0", "--log-file", path]);
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertMatch(stderr, /^wireserve: cannot write the log "[^\n]+\n$/);
  }
});

testWith(
  FOR_PROGRAM,
  "a log that cannot be opened anew goes on in the old file",
  () =>
    withDirectory(async (path) => {
      const file = `${path}/log`;
      const program = await Program.start(["--log", "json", "--log-file", file]);
      await Deno.rename(file, `${path}/old`);
      await Deno.mkdir(file);
      program.signal("SIGHUP");
      await until(() => program.stderr !== "");
      assertMatch(program.stderr, /^wireserve: cannot reload the log: [^\n]+\n$/);
      await (await fetch(program.url("/echo/a"))).text();
      await program.stop();
      assertEquals(requestsIn(await Deno.readTextFile(`${path}/old`)).length, 1);
    }),
);

testWith(
  [...FOR_PROGRAM, "wrk"],
  "the program serves while its log is not read, and counts the dropped lines",
  async () => {
    const flags = ["--port", "0", "--admin", "127.0.0.1:0", "--log", "json"];
    const process = new Deno.Command(SCRIPT, {
      args: flags,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const events = new Output(process.stderr);
    try {
      const { input: start } = await events.until(/"serving".*\n/);
      const [, admin = ""] = /"admin","detail":"(http:\S+)\/"/.exec(start)!;
      const [, url = ""] = /"serving","detail":".* at (http:\S+)\/"/.exec(start)!;
      let requests = 0;
      // 4 MiB wait beside what is in the pipe: some 20,000 lines.
      while (await metricOf(admin, "wireserve_log_lines_dropped_total") === 0) {
        const load = await drive(`${url}/echo/${"a".repeat(1000)}`, 20);
        assertEquals(load.errors, "");
        requests += load.requests;
      }
      assert(requests > 0);
      await process.stdout.cancel(); // It will never be read.
      const { errors } = await drive(`${url}/echo/a`, 20);
      assertEquals(errors, "");
    } finally {
      process.kill("SIGTERM");
    }
    assertEquals((await process.status).code, 0);
  },
);

testWith(
  FOR_PROGRAM,
  "a line in JSON has the fields that the documentation has",
  () =>
    withProgram(["--log", "json"], async (program) => {
      const documentation = await Deno.readTextFile(
        new URL("../../docs/observability.md", import.meta.url),
      );
      using raw = await RawClient.connect(program.port);
      await raw.send(request("GET /echo/a?b", "Referer: http://r/"));
      await raw.readResponse();
      await program.until(/"id":.*\n/);
      const [line] = requestsIn(program.stdout);
      assertEquals(Object.keys(line), [...JSON_FIELD_NAMES]);
      for (const name of Object.keys(line)) assert(documentation.includes(`\n| \`${name}\``), name);
      const { id, client, peer, method, target, status, bytes_in, bytes_out, complete } = line;
      assertEquals({ id, client, peer, method, target, status, bytes_in, bytes_out, complete }, {
        id: "1-1",
        client: "127.0.0.1",
        peer: "127.0.0.1",
        method: "GET",
        target: "/echo/a?b",
        status: 200,
        bytes_in: 0,
        bytes_out: 1,
        complete: true,
      });
    }),
);

/** Bytes of a file: more than the buffers of a connection. */
const LARGE = 64 << 20;

for (const workers of ["1", "2"]) {
  testWith(
    FOR_PROGRAM,
    `--admin lists transfers, and is not ready while draining (${workers} workers)`,
    () =>
      withDirectory(async (path) => {
        await Deno.writeFile(`${path}/large`, new Uint8Array(LARGE));
        const program = await Program.start([
          ...["--directory", path, "--admin", "127.0.0.1:0", "--workers", workers],
          ...["--grace", "600"],
        ]);
        const admin = await adminOf(program);
        assertEquals(await statusOf(`${admin}/readyz`), 200);
        for (const name of ["readyz", "healthz", "metrics", "connections"]) {
          assertEquals(await statusOf(program.url(`/${name}`)), 404);
        }
        const download = await Deno.connect({ hostname: "127.0.0.1", port: program.port });
        await download.write(
          new TextEncoder().encode(request("GET /files/large")),
        );
        using upload = await RawClient.connect(program.port);
        await upload.send(`${request("PUT /files/new", "Content-Length: 9")}half`);
        await until(async () => {
          const all = await (await fetch(`${admin}/connections`)).json();
          // deno-lint-ignore no-explicit-any -- as above
          const of = (target: string) => all.find((each: any) => each.target === target);
          const [down, up] = [of("/files/large"), of("/files/new")];
          return down?.method === "GET" && down.bytes_out > 0 && down.state === "answering" &&
            up?.method === "PUT" && up.bytes_in === 4 && up.state === "reading";
        });
        const ended = program.stop();
        await program.until(/draining/);
        assertEquals(await statusOf(`${admin}/readyz`), 503);
        assertEquals(await statusOf(`${admin}/healthz`), 200);
        // Those that are idle go.
        await until(async () => await metricOf(admin, "wireserve_connections") === 2);
        await upload.send("whole");
        assertEquals((await upload.readResponse("PUT")).status, 201);
        let received = 0;
        for await (const piece of download.readable) received += piece.length;
        assert(received > LARGE && received < LARGE + 1000, `${received}`);
        assertEquals((await ended).code, 0);
      }),
  );
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

testWith(
  [...FOR_PROGRAM, "wrk"],
  "--admin answers under load, and what it counts adds up",
  () =>
    withProgram(["--admin", "127.0.0.1:0", "--workers", "2", "--log", "off"], async (program) => {
      const admin = await adminOf(program);
      const load = drive(program.url("/echo/a"), 20);
      let before = 0;
      let isOver = false;
      load.then(() => isOver = true);
      while (!isOver) {
        const now = await metricOf(admin, "wireserve_requests_total") || 0;
        assert(now >= before, `${now} after ${before}`);
        before = now;
      }
      const { requests } = await load;
      await until(async () => await metricOf(admin, "wireserve_connections") === 0);
      const counted = await metricOf(admin, "wireserve_requests_total");
      assert(counted >= requests && counted <= requests + 20);
    }),
);

testWith(
  [...FOR_PROGRAM, "curl"],
  "--admin listens on a Unix socket, and says when it cannot",
  () =>
    withDirectory(async (path) => {
      const socket = `${path}/admin`;
      await withProgram(["--admin", socket], async (program) => {
        const { stdout } = await new Deno.Command("curl", {
          args: ["-s", "--unix-socket", socket, "http://h/readyz"],
        }).output();
        assertEquals(new TextDecoder().decode(stdout), "ready\n");
        for (const address of [socket, `127.0.0.1:${program.port}`]) {
          for (const workers of ["1", "2"]) {
            const flags = ["--port", "0", "--admin", address, "--workers", workers];
            const { code, stderr } = await runProgram(flags);
            assertEquals(code, 1);
            assertMatch(stderr, /^wireserve: cannot listen on [^\n]+ is in use\n$/);
          }
        }
      });
    }),
);

const HOPS: readonly [fields: string, client: string][] = [
  ["Forwarded: for=192.0.2.7", "192.0.2.7"],
  ["X-Forwarded-For: 198.51.100.1, 192.0.2.8", "192.0.2.8"],
  ['Forwarded: for="[2001:db8::1]"', "2001:db8::1"],
  ["Accept: */*", "127.0.0.1"],
];

testWith(
  FOR_PROGRAM,
  "--trust-proxy takes the client from the fields of those peers only",
  async () => {
    for (
      const [trusted, isTrusted] of [["127.0.0.0/8", true], ["10.0.0.0/8,::1", false]] as const
    ) {
      for (const workers of ["1", "2"]) {
        const flags = ["--log", "json", "--trust-proxy", trusted, "--workers", workers];
        const program = await Program.start(flags);
        for (const [fields] of HOPS) {
          using client = await RawClient.connect(program.port);
          await client.send(request("GET /", "Connection: close", fields));
          await client.readToEnd();
        }
        const { stdout } = await program.stop();
        const requests = requestsIn(stdout);
        assertEquals(
          requests.map(({ client }) => client).sort(),
          HOPS.map(([, client]) => isTrusted ? client : "127.0.0.1").sort(),
        );
        assert(requests.every(({ peer }) => peer === "127.0.0.1"));
      }
    }
  },
);
