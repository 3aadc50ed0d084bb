// The command line of the real program: flags, exit statuses, signals, and errors of one line.

import { assertEquals, assertMatch } from "@std/assert";
import { completions } from "../../lib/options/completions.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program, runProgram, SCRIPT, withProgram } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";

const REFUSED: [args: string[], message: RegExp][] = [
  [["--frob"], /unknown flag "--frob"/],
  [["-x"], /unknown flag "-x"/],
  [["--no-port"], /unknown flag "--no-port"/],
  [["here"], /"here" is neither a folder nor a file/],
  [["--", "here"], /"here" is neither a folder nor a file/],
  [["7"], /"7" is neither a folder nor a file/],
  [["--port", "http"], /--port takes a number from 0 to 65535, not "http"/],
  [["--port", "65536"], /--port takes a number/],
  [["--port=-1"], /--port takes a number/],
  [["--port", "4221x"], /--port takes a number/],
  [["-d", ""], /an argument is empty/],
  [["--verbose=no"], /--verbose takes no value/],
  [["-d/srv/a=b"], /unclear argument "-d\/srv\/a=b"/],
  [["--port="], /--port needs a value/],
  [["--port"], /--port needs a value/],
  [["--log", "loud"], /--log takes off, common, combined or json, not "loud"/],
  [["--bind="], /--bind needs a value/],
  [["--tls-cert", "chain.pem"], /--tls-cert needs --tls-key as well \(--help/],
  [["--unix", "s", "--port", "80"], /--unix and --port cannot be used together/],
  [["--max-body-size", "lots"], /--max-body-size takes a number of bytes/],
  [["--max-body-size", "1.5M"], /--max-body-size takes a number of bytes/],
  [
    ["--max-body-size", "99999999999999999"],
    /--max-body-size takes a number of bytes/,
  ],
  [["--max-headers", "0"], /--max-headers takes a number, not "0"/],
  [["--max-headers", "1K"], /--max-headers takes a number, not "1K"/],
  [["--header-timeout", "soon"], /--header-timeout takes a number of seconds, not "soon"/],
  [["--directory"], /--directory needs a value/],
  [
    ["--directory", "/no/such/directory"],
    /"\/no\/such\/directory" is not a directory/,
  ],
  [["--directory", "/etc/passwd"], /"\/etc\/passwd" is not a directory/],
];

testWith(
  FOR_PROGRAM,
  "the program refuses a bad command line in one line, with status 2",
  async () => {
    for (const [args, message] of REFUSED) {
      const { code, stdout, stderr } = await runProgram(args);
      assertEquals({ code, stdout }, { code: 2, stdout: "" }, args.join(" "));
      assertMatch(stderr, /^wireserve: [^\n]+\n$/);
      assertMatch(stderr, message);
    }
  },
);

testWith(
  FOR_PROGRAM,
  "the program ends with status 1 and one line where the port is in use",
  () =>
    withProgram([], async ({ port }) => {
      const { code, stdout, stderr } = await runProgram([
        "--port",
        String(port),
      ]);
      assertEquals({ code, stdout }, { code: 1, stdout: "" });
      assertMatch(
        stderr,
        /^wireserve: cannot listen on localhost, port [0-9]+: [^\n]*in use\n$/,
      );
    }),
);

testWith(
  FOR_PROGRAM,
  "the program ends with status 1 and one line where the host is not its own",
  async () => {
    const { code, stderr } = await runProgram([
      "--bind",
      "192.0.2.1",
      "--port",
      "0",
    ]);
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^wireserve: cannot listen on 192\.0\.2\.1, port 0: [^\n]+\n$/,
    );
  },
);

testWith(FOR_PROGRAM, "the program shows its help and its version", async () => {
  const help = await runProgram(["--help"]);
  assertEquals({ code: help.code, stderr: help.stderr }, {
    code: 0,
    stderr: "",
  });
  for (
    const flag of [
      "--directory",
      "--port",
      "--bind",
      "--log",
      "--verbose",
      "--max-body-size",
    ]
  ) {
    assertMatch(help.stdout, new RegExp(`${flag}\\b`));
  }
  assertEquals((await runProgram(["-h"])).stdout, help.stdout);
  const { code, stdout } = await runProgram(["--version"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^wireserve [0-9]+\.[0-9]+\.[0-9]+\n$/);
});

testWith(FOR_PROGRAM, "the program prints the completions of a shell", async () => {
  const { code, stdout, stderr } = await runProgram(["--completions", "bash"]);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: completions("bash"), stderr: "" });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testWith(
    FOR_PROGRAM,
    `the program ends with status 0 at ${signal}, idle connections or not`,
    async () => {
      const program = await Program.start();
      using client = await RawClient.connect(program.port);
      await client.send(request("GET /"));
      await client.readResponse();
      const { code, signal: killed, stderr } = await program.stop(signal);
      assertEquals({ code, killed, stderr }, {
        code: 0,
        killed: null,
        stderr: "",
      });
      assertEquals((await client.readToEnd()).length, 0);
    },
  );
}

testWith(
  FOR_PROGRAM,
  "the program starts from any working directory, by a link, its directory relative",
  () =>
    withDirectory(async (path) => {
      await Deno.mkdir(`${path}/with space`);
      await Deno.writeTextFile(`${path}/with space/a`, "found");
      await Deno.symlink(SCRIPT, `${path}/link`);
      const program = await Program.start(["-d", "with space"], { cwd: path });
      const response = await fetch(program.url("/files/a"));
      assertEquals(await response.text(), "found");
      await program.stop();
    }),
);

testWith(
  FOR_PROGRAM,
  "the program says where it serves, whatever the log format",
  async () => {
    for (const format of ["off", "common", "json"]) {
      const program = await Program.start(["--log", format]);
      assertMatch(
        program.log,
        new RegExp(`http://localhost:${program.port}/`),
      );
      await program.stop();
    }
  },
);

testWith(FOR_PROGRAM, "the program binds to the address of --bind", async () => {
  const program = await Program.start(["--bind", "::1"]);
  assertMatch(program.log, /http:\/\/\[::1\]:[0-9]+\//);
  (await RawClient.connect(program.port, "::1")).close();
  await program.stop();
});

testWith(
  FOR_PROGRAM,
  "the program logs a request in each format, and events alone where it is off",
  async () => {
    const expected: Record<string, RegExp> = {
      off: /^[^\n]+ serving [^\n]+\n[^\n]+ draining [^\n]+\n$/,
      common: /\n127\.0\.0\.1 - - \[[^\]]+ \+0000\] "GET \/echo\/a HTTP\/1\.1" 200 1 [0-9.]+ms\n/,
      combined: /\n127\.0\.0\.1 [^\n]+ "GET \/echo\/a HTTP\/1\.1" 200 1 "-" "-"\n/,
      json:
        /\n\{"time":"[^"]+Z","id":"1-1","client":"127\.0\.0\.1",[^\n]+"closed":"requested"[^\n]*\}\n/,
    };
    for (const [format, pattern] of Object.entries(expected)) {
      const program = await Program.start(["--log", format]);
      using client = await RawClient.connect(program.port);
      await client.send(
        request("GET /echo/a", "Connection: close"),
      );
      await client.readToEnd();
      const { log, stdout } = await program.stop();
      assertMatch(log, pattern);
      // The access log is alone there.
      assertEquals(stdout.split("\n").length, format === "off" ? 1 : 2, stdout);
    }
  },
);

/** Without Deno on the PATH, npx brings it, or an error says what is missing. */
testWith(
  FOR_PROGRAM,
  "the program gets its Deno by npx where there is none, or says what it needs",
  async () => {
    const without = await runProgram(["--version"], {
      env: { PATH: await pathWithoutDeno([]) },
    });
    assertEquals(without.code, 1);
    assertMatch(
      without.stderr,
      /^wireserve: needs Deno 2\.9 or newer, or Node\.js with npx/,
    );
    if (!await isThere("npx")) {
      return console.warn(
        "npx is not there: that way is not tested",
      );
    }
    const env = { PATH: await pathWithoutDeno(["npx", "node"]) };
    // Where it has to be downloaded first, that may take longer than a start.
    assertEquals((await runProgram(["--version"], { env })).code, 0);
    const program = await Program.start([], { env });
    assertEquals(
      await (await fetch(program.url("/echo/by-npx"))).text(),
      "by-npx",
    );
    const { code, signal } = await program.stop();
    assertEquals({ code, signal }, { code: 0, signal: null });
  },
);

async function isThere(name: string): Promise<boolean> {
  return (await find(name)) !== null;
}

async function find(name: string): Promise<string | null> {
  for (const folder of Deno.env.get("PATH")!.split(":")) {
    try {
      return await Deno.realPath(`${folder}/${name}`) && `${folder}/${name}`;
    } catch {
      continue;
    }
  }
  return null;
}

/** A folder with links to what the script needs, and the programs given. */
async function pathWithoutDeno(programs: readonly string[]): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "wireserve-path-" });
  for (
    const name of ["sh", "dirname", "realpath", "sed", "uname", ...programs]
  ) {
    const path = await find(name);
    if (path !== null) await Deno.symlink(path, `${folder}/${name}`);
  }
  globalThis.addEventListener(
    "unload",
    () => Deno.removeSync(folder, { recursive: true }),
  );
  return folder;
}
