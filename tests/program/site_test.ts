// `wireserve PATH`: the real program as a file server, asked by raw requests.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program, runProgram } from "../support/program.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { localRequest } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

const HTML = "Accept: text/html";
const TEXT = "User-Agent: curl/8.9.1";

/** Files of a small site, by name. */
const FILES: Readonly<Record<string, string>> = {
  "index.html": "<script>start</script>",
  "a.txt": "text",
  "picture.svg": "<svg/>",
  "page.pdf": "%PDF-1.1",
  ".hidden": "hidden",
  "sub/index.html": "<p>sub</p>",
  "plain/b.txt": "b",
};

interface Site {
  readonly program: Program;
  readonly directory: string;
  ask(line: string, ...headers: readonly string[]): Promise<RawResponse>;
}

async function withSite(
  flags: readonly string[],
  run: (site: Site) => Promise<void>,
  path = "",
): Promise<void> {
  await withDirectory(async (directory) => {
    for (const [name, text] of Object.entries(FILES)) {
      await Deno.mkdir(`${directory}/${name}/..`, { recursive: true }).catch(() => {});
      const folder = `${directory}/${name}`.replace(/\/[^/]*$/, "");
      await Deno.mkdir(folder, { recursive: true });
      await Deno.remove(`${directory}/${name}`, { recursive: true }).catch(() => {});
      await Deno.writeTextFile(`${directory}/${name}`, text);
    }
    const program = await Program.start([...flags, directory + path]);
    const ask = async (line: string, ...headers: readonly string[]) => {
      using client = await RawClient.connect(program.port);
      await client.trySend(localRequest(line, "Connection: close", ...headers));
      return await client.readResponse(line.split(" ")[0]);
    };
    try {
      await run({ program, directory, ask });
    } finally {
      await program.stop();
    }
  });
}

async function statuses(
  { ask }: Site,
  expected: readonly (readonly [line: string, status: number])[],
): Promise<void> {
  for (const [line, status] of expected) {
    const length = /^(?:PUT|POST)/.test(line) ? ["Content-Length: 0"] : [];
    assertEquals((await ask(line, ...length)).status, status, line);
  }
}

testWith(
  FOR_PROGRAM,
  "wireserve DIR serves a site, read-only, with scripts and media types",
  () =>
    withSite([], async (site) => {
      const { ask } = site;
      const index = await ask("GET /", HTML);
      assertEquals([index.status, index.text], [200, FILES["index.html"]]);
      assertEquals(index.fields.get("content-type"), "text/html; charset=utf-8");
      assertEquals(index.fields.get("content-security-policy"), undefined);
      assertEquals(
        (await ask("GET /a.txt")).fields.get("content-type"),
        "text/plain; charset=utf-8",
      );
      assertEquals((await ask("GET /sub/")).text, FILES["sub/index.html"]);
      assertEquals((await ask("GET /sub")).fields.get("location"), "/sub/");
      assertEquals((await ask("GET /plain/", TEXT)).text, "b.txt\n");
      assertMatch((await ask("GET /plain/", HTML)).text, /<a href/);
      assertEquals((await ask("GET /?count")).fields.get("content-type"), "application/json");
      await statuses(site, [
        ["GET /.hidden", 404],
        ["GET /../etc/passwd", 404],
        ["GET /missing", 404],
        ["GET /echo/a", 404],
        ["PUT /new", 405],
        ["POST /new", 405],
        ["DELETE /a.txt", 405],
        ["MKCOL /new", 405],
        ["MOVE /a.txt", 405],
      ]);
      assertMatch((await ask("PUT /new", "Content-Length: 0")).text, /--writable/);
    }),
);

testWith(
  FOR_PROGRAM,
  "wireserve -w DIR allows uploads, and sandboxes what can run script",
  () =>
    withSite(["-w"], async (site) => {
      const { ask, directory } = site;
      for (const name of ["/", "/picture.svg", "/page.pdf", "/sub/index.html"]) {
        const { fields } = await ask(`GET ${name}`, HTML);
        assertEquals(fields.get("content-security-policy"), "sandbox", name);
        assertEquals(fields.get("x-content-type-options"), "nosniff");
      }
      await statuses(site, [
        ["PUT /new", 201],
        ["POST /other", 201],
        ["MKCOL /folder", 201],
        ["DELETE /a.txt", 405],
        ["MOVE /a.txt", 405],
      ]);
      assertMatch((await ask("DELETE /a.txt")).text, /--allow-delete/);
      assert((await Deno.stat(`${directory}/folder`)).isDirectory);
    }),
);

testWith(
  FOR_PROGRAM,
  "wireserve -w DIR --allow-delete allows deleting and moving",
  () =>
    withSite(["-w", "--allow-delete"], async ({ ask, directory }) => {
      assertEquals((await ask("DELETE /a.txt")).status, 204);
      const moved = await ask("MOVE /sub/index.html", "Destination: /plain/c.html");
      assertEquals(moved.status, 201);
      assertEquals(await Deno.readTextFile(`${directory}/plain/c.html`), FILES["sub/index.html"]);
    }),
);

testWith(
  FOR_PROGRAM,
  "wireserve DIR lists a folder with an index.html after --no-index",
  () =>
    withSite(["--no-index"], async ({ ask }) => {
      assertMatch((await ask("GET /", TEXT)).text, /^index\.html$/m);
    }),
);

testWith(
  FOR_PROGRAM,
  "wireserve DIR --spa answers with /index.html where a page is missing",
  () =>
    withSite(["--spa"], async (site) => {
      const { ask } = site;
      for (const path of ["/user/7", "/user/7/", "/sub/x"]) {
        const { status, text } = await ask(`GET ${path}`, HTML);
        assertEquals([status, text], [200, FILES["index.html"]], path);
      }
      assertEquals((await ask("GET /plain/", TEXT)).text, "b.txt\n");
      await statuses(site, [
        ["GET /app.js", 404],
        ["GET /sub/app.js", 404],
        ["HEAD /user/7", 200],
        ["PUT /user/7", 405],
      ]);
    }),
);

testWith(
  FOR_PROGRAM,
  "wireserve DIR --base-path serves below a path, and redirects to it",
  () =>
    withSite(["--base-path", "/x/y", "-w", "--allow-delete"], async (site) => {
      const { ask, program } = site;
      assertEquals((await ask("GET /x/y?a=b")).fields.get("location"), "/x/y/?a=b");
      assertEquals((await ask("GET /x/y/a.txt")).text, "text");
      assertEquals((await ask("GET /x/%79/a.txt")).text, "text");
      assertEquals((await ask("GET /x/y/sub")).fields.get("location"), "/x/y/sub/");
      const put = await ask("PUT /x/y/new", "Content-Length: 0");
      assertEquals(put.fields.get("location"), "/x/y/new");
      assertEquals((await ask("MOVE /x/y/new", "Destination: /x/y/old")).status, 201);
      await statuses(site, [["GET /", 404], ["GET /a.txt", 404], ["GET /x/yy", 404], [
        "GET /x",
        404,
      ]]);
      await program.until(/serving .* at http:\/\/localhost:[0-9]+\/x\/y\/$/m);
    }),
);

testWith(
  FOR_PROGRAM,
  "wireserve DIR sends the headers that are asked for, also with errors",
  () =>
    withSite(
      [
        ...["--header", "X-Frame-Options: DENY", "--header", "x-content-type-options:own"],
        ...["--header", "Link: <a>", "--header", "Link: <b>", "--cache-control", "max-age=60"],
        ...["--cors", "*"],
      ],
      async ({ ask }) => {
        for (
          const [line, status, cache] of [
            ["GET /a.txt", 200, "max-age=60"],
            ["GET /a.txt", 200, "max-age=60"], // from the cache
            ["GET /missing", 404, undefined],
            ["GET /plain/", 200, undefined],
            ["PATCH /a.txt", 405, undefined],
          ] as const
        ) {
          const response = await ask(line, "Origin: https://a.example");
          const { fields } = response;
          assertEquals(response.status, status);
          assertEquals(fields.get("x-frame-options"), "DENY");
          assertEquals(fields.get("x-content-type-options"), "own");
          assertEquals(fields.get("link"), "<a>, <b>");
          assertEquals(fields.get("cache-control"), cache, line);
          assertEquals(fields.get("access-control-allow-origin"), "*");
        }
      },
    ),
);

testWith(
  FOR_PROGRAM,
  "wireserve FILE serves that file, and nothing beside it",
  () =>
    withSite([], async (site) => {
      const { ask, program } = site;
      assertEquals((await ask("GET /")).fields.get("location"), "./a.txt");
      assertEquals((await ask("GET /a.txt")).text, "text");
      await statuses(site, [
        ["GET /index.html", 404],
        ["GET /sub/index.html", 404],
        ["GET /plain/", 404],
        ["GET /?zip", 307],
        ["GET //a.txt", 404],
        ["PUT /a.txt", 405],
      ]);
      await program.until(/serving \S*\/a\.txt at /);
    }, "/a.txt"),
);

testWith(
  FOR_PROGRAM,
  "wireserve says which addresses lead to it, and what is open to others",
  () =>
    withSite(["-b", "0.0.0.0", "-w", "--qr"], async ({ program }) => {
      const { networkInterfaces } = Deno;
      const others = networkInterfaces().filter(({ address, family }) =>
        family === "IPv4" && !address.startsWith("127.")
      );
      for (const { address } of others) {
        await program.until(new RegExp(` address http://${address}:${program.port}/$`, "m"));
      }
      await program.until(/ warning other machines can write without a password/);
      if (others.length > 0) await program.until(/[█▀▄]{8}/);
    }),
);

testWith(
  FOR_PROGRAM,
  "wireserve takes flags from the environment and from a file",
  () =>
    withSite([], async ({ directory }) => {
      const config = `${directory}/config.json`;
      const file = { path: directory, port: "nonsense", "no-index": true };
      await Deno.writeTextFile(config, JSON.stringify(file));
      const program = await Program.start(["--config", config]); // with --port 0
      const headers = { "Accept": "text/plain" };
      const text = await (await fetch(program.url(), { headers })).text();
      await program.stop();
      assertMatch(text, /^index\.html$/m);
      assertMatch(
        (await runProgram(["--config", config])).stderr,
        /--port takes .* not "nonsense"/,
      );
      const { stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--allow-env", `--allow-read=${config}`, MAIN],
        env: { WIRESERVE_CONFIG: config, WIRESERVE_PORT: "else" },
      }).output();
      assertMatch(new TextDecoder().decode(stderr), /--port takes .* not "else"/);
    }),
);
