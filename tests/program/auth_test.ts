// Passwords, asked of the real program: what is open without one, and the ways around it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { bcrypt } from "hash-wasm";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program, runProgram } from "../support/program.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { localRequest } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

interface Site {
  readonly program: Program;
  readonly directory: string;
  ask(line: string, ...headers: readonly string[]): Promise<RawResponse>;
}

function authorization(user: string, password: string): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Authorization: Basic ${bytes.toBase64()}`;
}

const ALICE = authorization("alice", "wonder:land");
const BOB = authorization("bob", "builder");
const USERS = ["--auth", "alice:wonder:land", "--auth", "bob:builder"];

async function withSite(
  flags: readonly string[],
  run: (site: Site) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    for (const folder of ["in", "private", "public"]) {
      await Deno.mkdir(`${directory}/${folder}`);
      await Deno.writeTextFile(`${directory}/${folder}/file`, folder);
    }
    await Deno.writeTextFile(`${directory}/file`, "file");
    const program = await Program.start(flags.map((flag) => flag === "DIR" ? directory : flag));
    const ask = async (line: string, ...headers: readonly string[]) => {
      using client = await RawClient.connect(program.port);
      const length = /^P/.test(line) ? ["Content-Length: 0"] : [];
      await client.trySend(localRequest(line, "Connection: close", ...length, ...headers));
      return await client.readResponse(line.split(" ")[0]);
    };
    try {
      await run({ program, directory, ask });
    } finally {
      await program.stop();
    }
  });
}

testWith(
  FOR_PROGRAM,
  "every way to a file needs the password",
  () =>
    withSite(["-w", "--allow-delete", ...USERS, "DIR"], async ({ ask, directory, program }) => {
      const lines = [
        ...["/", "/file", "/%66ile", "/in/", "/in", "/?q=f", "/?zip", "/?count", "/in/?tar"],
        ...[
          "//file",
          "/./file",
          "/in/../file",
          "/FILE",
          "/%2e/file",
          "/missing",
          "/in/%2e%2e/file",
        ],
        ...["http://localhost/file", "HTTP://LOCALHOST:80/file", "/file?download", "/\\file"],
        ...["/.wireserve/sign-out", "/.wireserve/../../file", "/.wireserve/file"],
      ].flatMap((path) => [`GET ${path}`, `HEAD ${path}`]);
      const writes = [
        "PUT /new",
        "POST /new",
        "POST /",
        "DELETE /file",
        "DELETE /in",
        "MKCOL /new",
      ];
      for (const line of [...lines, ...writes, "MOVE /file"]) {
        for (const headers of [[], ["Authorization: Basic"], ["Authorization: Bearer x"]]) {
          const { status, fields } = await ask(line, "Destination: /moved", ...headers);
          assertEquals(status, 401, line);
          assertEquals(fields.get("www-authenticate"), 'Basic realm="files", charset="UTF-8"');
        }
      }
      for (const line of ["OPTIONS /file", "OPTIONS *"]) {
        assertEquals((await ask(line)).status, 204);
      }
      for (const line of ["get /file", "PROPFIND /", "TRACE /file"]) {
        assert([405, 501].includes((await ask(line)).status), line);
      }
      assertEquals([...Deno.readDirSync(directory)].length, 4);
      assertEquals((await ask("GET /file", ALICE)).text, "file");
      assertEquals((await ask("GET /file", BOB, ALICE)).status, 401); // two headers
      assertEquals((await ask("GET /.wireserve/sign-in")).fields.get("location"), "/?sign-in");
      assertEquals((await ask("GET /?sign-in")).status, 401);
      assertEquals((await ask("GET /?sign-in", ALICE)).fields.get("location"), "./");
      assertEquals((await ask("GET //evil.example/?sign-in", ALICE)).fields.get("location"), "./");
      assertEquals((await ask("GET /.wireserve/sign-out", ALICE)).status, 401);
      assertEquals((await ask("PUT /new", BOB)).status, 201);
      await program.until(/ - alice \[[^\]]*\] "GET \/file HTTP/);
      await program.until(/ - - \[[^\]]*\] "GET \/file HTTP/);
    }),
);

testWith(
  FOR_PROGRAM,
  "the password is asked for before content",
  () =>
    withSite(["-d", "DIR", ...USERS], async ({ ask }) => {
      const put = ["Content-Length: 5", "Expect: 100-continue"];
      assertEquals((await ask("MKCOL /files/x")).status, 501);
      for (const method of ["PUT", "POST"]) {
        const { status, statusLine } = await ask(`${method} /files/new`, ...put.slice(1));
        assertEquals([status, statusLine], [401, "HTTP/1.1 401 Unauthorized"]);
      }
      // What is no file is the challenge's.
      for (const path of ["/", "/echo/a"]) assertEquals((await ask(`GET ${path}`)).status, 200);
      assertEquals(
        (await ask("GET /files/.wireserve/sign-in", BOB)).fields.get("location"),
        "/files/?sign-in",
      );
    }),
);

testWith(
  FOR_PROGRAM,
  "--auth-scope write lets all read, and asks for the password to write",
  () =>
    withSite(["-w", "--auth-scope", "write", ...USERS, "DIR"], async ({ ask }) => {
      assertEquals((await ask("GET /file")).status, 200);
      assertEquals((await ask("GET /?q=file")).status, 200);
      assertEquals((await ask("PUT /new")).status, 401);
      assertEquals((await ask("PUT /new", ALICE)).status, 201);
      assertEquals((await ask("GET /file", authorization("alice", "x"))).status, 401);
    }),
);

const RULES = [
  ...["alice:ro:/", "alice:rw:/in", "bob:rw:/", "bob:none:/private", "*:ro:/public"],
].flatMap((rule) => ["--auth-rule", rule]);

/** Who asks for what, a destination, and the status. */
const CASES: [who: string | null, line: string, destination: string, status: number][] = [
  [null, "GET /file", "", 401],
  [null, "GET /public/file", "", 200],
  [null, "PUT /public/file", "", 401],
  [null, "GET /PUBLIC/file", "", 401],
  [null, "GET /public/../file", "", 404],
  [null, "GET /in/../public/file", "", 401],
  [ALICE, "GET /private/file", "", 200],
  [ALICE, "PUT /private/new", "", 403],
  [ALICE, "PUT /in/new", "", 201],
  [ALICE, "PUT /IN/new", "", 403],
  [ALICE, "MOVE /in/new", "/private/new", 403],
  [ALICE, "MOVE /in/new", "http://localhost/private/new", 403],
  [ALICE, "MOVE /in/new", "/in/%2e%2e/new", 400],
  [ALICE, "MOVE /file", "/in/file2", 403],
  [ALICE, "MOVE /in/new", "/in/newer", 201],
  [ALICE, "DELETE /in/newer", "", 204],
  [ALICE, "DELETE /file", "", 403],
  [BOB, "GET /file", "", 200],
  [BOB, "GET /private/file", "", 403],
  [BOB, "HEAD /private/file", "", 403],
  [BOB, "GET /%70rivate/file", "", 403],
  [BOB, "GET /PRIVATE/file", "", 403],
  [BOB, "GET /private/", "", 403],
  [BOB, "GET /private", "", 403],
  [BOB, "GET /", "", 200],
  [BOB, "GET /?q=file", "", 403],
  [BOB, "GET /?zip", "", 403],
  [BOB, "GET /?tar", "", 403],
  [BOB, "GET /?a&zip=1", "", 403],
  [BOB, "GET /?%7aip", "", 403],
  [BOB, "GET /?count", "", 403],
  [BOB, "GET /in/?zip", "", 200],
  [BOB, "MOVE /private", "/mine", 403],
  [BOB, "MOVE /in", "/private/in", 403],
  [BOB, "DELETE /private/", "", 403],
  [BOB, "DELETE /private/file", "", 403],
  [BOB, "PUT /new", "", 201],
];

testWith(
  FOR_PROGRAM,
  "--auth-rule allows what the rules say, whatever the path looks like",
  () =>
    withSite(["-w", "--allow-delete", ...USERS, ...RULES, "DIR"], async ({ ask }) => {
      for (const [who, line, destination, status] of CASES) {
        const headers = destination === "" ? [] : [`Destination: ${destination}`];
        if (who !== null) headers.push(who);
        assertEquals((await ask(line, ...headers)).status, status, `${line} ${destination}`);
      }
    }),
);

testWith(FOR_PROGRAM, "rules are below --base-path", () => {
  const flags = ["-w", "--allow-delete", "--base-path", "/x", ...USERS, ...RULES, "DIR"];
  return withSite(flags, async ({ ask }) => {
    assertEquals((await ask("GET /x/private/file", BOB)).status, 403);
    assertEquals((await ask("GET /x")).status, 401);
    assertEquals((await ask("MOVE /x/in/file", BOB, "Destination: /x/private/f")).status, 403);
    assertEquals((await ask("MOVE /x/in/file", BOB, "Destination: /x/in/f")).status, 201);
    assertEquals(
      (await ask("GET /x/.wireserve/sign-in", BOB)).fields.get("location"),
      "/x/?sign-in",
    );
  });
});

testWith(
  FOR_PROGRAM,
  "wrong passwords are answered with 429, and those who are in stay in",
  () =>
    withSite([...USERS, "DIR"], async ({ ask }) => {
      assertEquals((await ask("GET /file", ALICE)).status, 200);
      const wrong = (index: number) => authorization("alice", `guess ${index}`);
      const statuses = await Promise.all(
        Array.from(
          { length: 40 },
          async (_, index) => (await ask("GET /file", wrong(index))).status,
        ),
      );
      assertEquals(statuses.filter((status) => status === 401).length, 5, statuses.join());
      assertEquals(statuses.filter((status) => status === 429).length, 35);
      const late = await ask("GET /file", BOB);
      assertEquals([late.status, late.fields.get("retry-after")], [429, "1"]);
      assertEquals((await ask("GET /file", ALICE)).status, 200);
      assertEquals((await ask("GET /file")).status, 401);
    }),
);

for (const workers of ["1", "2"]) {
  testWith(
    FOR_PROGRAM,
    `--auth-file is read again by SIGHUP (${workers} workers)`,
    () =>
      withDirectory(async (folder) => {
        const file = `${folder}/users`;
        const install = async (password: string) => {
          const salt = crypto.getRandomValues(new Uint8Array(16));
          const hash = await bcrypt({ password, salt, costFactor: 5, outputType: "encoded" });
          await Deno.writeTextFile(file, `alice:${hash}\n`);
        };
        await install("one");
        const flags = ["--auth-file", file, "--workers", workers, "DIR"];
        await withSite(flags, async ({ ask, program }) => {
          const one = authorization("alice", "one");
          const two = authorization("alice", "two");
          for (let round = 0; round < 4; round++) {
            assertEquals((await ask("GET /file", one)).status, 200);
          }
          await install("two");
          program.signal("SIGHUP");
          await program.until(/reloaded .*the users/);
          await until(async () => (await ask("GET /file", two)).status === 200);
          await until(async () => (await ask("GET /file", one)).status === 401);
          await Deno.writeTextFile(file, "alice:plain\n");
          program.signal("SIGHUP");
          await until(() => /cannot reload the users: .*line 1 is not/.test(program.stderr));
          assertEquals((await ask("GET /file", two)).status, 200);
        });
      }),
  );
}

testWith(
  FOR_PROGRAM,
  "passwords without TLS for other machines are refused, unless allowed",
  async () => {
    const refused = await runProgram(["-b", "0.0.0.0", "--auth", "a:b", "."]);
    assertEquals(refused.code, 2);
    assertMatch(refused.stderr, /--auth-insecure/);
    const flags = ["-b", "0.0.0.0", "-w", "--auth-insecure", ...USERS, "DIR"];
    await withSite(flags, async ({ program, ask }) => {
      assertEquals((await ask("GET /file", ALICE)).status, 200);
      assert(!/warning other machines/.test(program.log));
    });
  },
);

testWith(
  FOR_PROGRAM,
  "--spa shows its page only to those who may read it",
  () =>
    withSite(
      ["--spa", ...USERS, ..."--auth-rule bob:ro:/in --auth-rule alice:ro:/".split(" "), "DIR"],
      async ({ ask, directory }) => {
        await Deno.writeTextFile(`${directory}/index.html`, "page");
        assertEquals((await ask("GET /in/route", ALICE)).text, "page");
        assertEquals((await ask("GET /in/route", BOB)).status, 404);
        assertEquals((await ask("GET /in/file", BOB)).status, 200);
      },
    ),
);

testWith(
  FOR_PROGRAM,
  "a page shows no README.md, and no other file, that its reader may not read",
  () =>
    withSite(
      [...USERS, ..."--auth-rule bob:ro:/ --auth-rule bob:none:/in/README.md".split(" "), "DIR"],
      async ({ ask, directory }) => {
        await Deno.writeTextFile(`${directory}/in/README.md`, "# Secret");
        await Deno.writeTextFile(`${directory}/in/other.md`, "# Other");
        await Deno.writeTextFile(`${directory}/in/.hidden.md`, "# Hidden");
        const shown = async (query: string, user: string) => {
          const { status, content } = await ask(`GET /in/${query}`, user, "Accept: text/html");
          assertEquals(status, 200);
          return /<h1>(Secret|Other|Hidden|file)/.exec(new TextDecoder().decode(content))?.[1];
        };
        assertEquals(await shown("", ALICE), "Secret");
        assertEquals(await shown("", BOB), undefined);
        assertEquals(await shown("?readme=README.md", BOB), undefined);
        assertEquals(await shown("?readme=README%2emd&limit=0", BOB), undefined);
        assertEquals(await shown("?readme=other.md&limit=0", BOB), "Other");
        for (const name of [".hidden.md", "../in/other.md", "./other.md", "missing", "..", ""]) {
          assertEquals(await shown(`?readme=${encodeURIComponent(name)}`, ALICE), undefined, name);
        }
      },
    ),
);
