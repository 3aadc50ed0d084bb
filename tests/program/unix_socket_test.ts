// The real program on a Unix socket: trusted proxies, and removal of the socket.

import { assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output, SCRIPT } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

/** A program without a port of TCP, which a Unix socket rules out. */
class OnSocket {
  readonly #process: Deno.ChildProcess;
  readonly log: Output;

  constructor(args: readonly string[]) {
    this.#process = new Deno.Command(SCRIPT, { args: [...args], stdout: "piped", stderr: "piped" })
      .spawn();
    this.log = new Output(this.#process.stdout, this.#process.stderr);
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Its exit status, after all of its output. */
  async end(): Promise<number> {
    const { code } = await this.#process.status;
    await this.log.done;
    return code;
  }
}

for (const [trusted, expected] of [["unix", "192.0.2.7"], ["::/0", "unix"]] as const) {
  testWith(
    [...FOR_PROGRAM, "curl"],
    `--trust-proxy ${trusted} takes a client of the socket for ${expected}`,
    () =>
      withDirectory(async (path) => {
        const socket = `${path}/http`;
        const program = new OnSocket([
          ...["--unix", socket, "--log", "json", "--trust-proxy", trusted],
        ]);
        await program.log.until(/"serving"/);
        const field = "X-Forwarded-For: 192.0.2.7";
        await new Deno.Command("curl", {
          args: ["-s", "-H", field, "--unix-socket", socket, "http://h/"],
        }).output();
        const [line = ""] = await program.log.until(/.*"id":.*\n/);
        const { client, peer } = JSON.parse(line);
        assertEquals([client, peer], [expected, "unix"]);
        program.signal("SIGTERM");
        assertEquals(await program.end(), 0);
      }),
  );
}

for (
  const [moment, args] of [["drain_delay", ["--drain-delay", "3600"]], ["draining", []]] as const
) {
  testWith(
    [...FOR_PROGRAM, "curl"],
    `a second signal leaves no socket behind, and logs what it cuts off, while ${moment}`,
    () =>
      withDirectory(async (path) => {
        const [socket, admin] = [`${path}/http`, `${path}/admin`];
        const flags = ["--unix", socket, "--admin", admin, "--grace", "3600", ...args];
        const program = new OnSocket(flags);
        await program.log.until(/serving/);
        const client = await Deno.connect({ transport: "unix", path: socket });
        const upload = `${request("POST /echo/a", "Content-Length: 6")}abc`;
        await client.write(new TextEncoder().encode(upload));
        const connections = ["-s", "--unix-socket", admin, "http://h/connections"];
        await until(async () => {
          const { stdout } = await new Deno.Command("curl", { args: connections }).output();
          return /"state":"reading"/.test(new TextDecoder().decode(stdout));
        });
        program.signal("SIGTERM");
        await program.log.until(new RegExp(moment));
        program.signal("SIGTERM");
        assertEquals(await program.end(), 0);
        client.close();
        assertEquals(await listTree(path), []);
        assertMatch(program.log.text, /"POST \/echo\/a HTTP\/1.1"/);
      }),
  );
}

/** Bytes that a pipe of Linux holds. */
const PIPE = 65536;

testWith(
  [...FOR_PROGRAM, "mkfifo", "linux"],
  "a program whose log blocks from the start completes open requests, and leaves no socket",
  () =>
    withDirectory(async (path) => {
      const [socket, log] = [`${path}/http`, `${path}/log`];
      await new Deno.Command("mkfifo", { args: [log] }).output();
      using pipe = await Deno.open(log, { read: true, write: true });
      assertEquals(await pipe.write(new Uint8Array(PIPE)), PIPE);
      const program = new OnSocket(["--unix", socket, "--log-file", log, "--grace", "3600"]);
      const connect = () => Deno.connect({ transport: "unix", path: socket });
      await until(() => connect().then((conn) => (conn.close(), true), () => false));
      using client = new RawClient(await connect());
      await client.send("GET /echo/abc HTTP/1.1\r\n");
      program.signal("SIGTERM");
      await until(async () => !(await listTree(path)).includes("http"));
      await client.send("Host: localhost\r\n\r\n");
      const { text, fields } = await client.readResponse();
      assertEquals([text, fields.get("connection")], ["abc", "close"]);
      client.close();
      assertEquals(await program.end(), 0);
    }),
);
