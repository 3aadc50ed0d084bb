// Forms with files, by the clients that send them.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { temporaryName } from "../../lib/files/root.ts";
import {
  etagOf,
  type FileServer,
  makeBytes,
  NEEDS,
  treeOf,
  withFileServer,
  withWritable,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import type { RawResponse } from "../support/raw_client.ts";
import { listTree, withDirectory } from "../support/temp.ts";

const TYPE = "Content-Type: multipart/form-data; boundary=b";

type Part = [disposition: string, content: string, ...lines: string[]];

function file(name: string, content: string, ...lines: string[]): Part {
  return [`form-data; name="file"; filename="${name}"`, content, ...lines];
}

function formOf(...parts: Part[]): string {
  const encoded = parts.map(([disposition, content, ...lines]) =>
    ["--b", `Content-Disposition: ${disposition}`, ...lines, "", content, ""].join("\r\n")
  );
  return `${encoded.join("")}--b--\r\n`;
}

function post(
  { ask }: FileServer,
  target: string,
  body: string,
  ...headers: string[]
): Promise<RawResponse> {
  return ask(`POST ${target}`, { headers: [TYPE, ...headers], body });
}

testWith(
  NEEDS,
  "POST of a form stores each of its files, and lists them",
  () =>
    withWritable(async (server) => {
      const { path } = server;
      await Deno.mkdir(`${path}/in`);
      const form = formOf(
        ['form-data; name="comment"', "not a file"],
        file("a b%22c", "1", "Content-Type: text/html"),
        file("\xc3\xa5", ""),
        file("", ""),
        file("C:\\docs\\report.txt", "22"),
        file("photos/2024/c.jpg", "333"),
      );
      const { status, fields, text, content } = await post(server, "/in/", form);
      assertEquals([status, fields.get("content-type")], [201, "application/json"], text);
      assertEquals(fields.get("location"), "/in/");
      const stored = JSON.parse(new TextDecoder().decode(content)) as { etag: string }[];
      for (const each of stored) assertMatch(each.etag, /^"[^"]+"$/);
      assertEquals(stored.map(({ etag: _, ...rest }) => rest), [
        { name: 'a b"c', size: 1, location: "/in/a%20b%22c" },
        { name: "å", size: 0, location: "/in/%C3%A5" },
        { name: "report.txt", size: 2, location: "/in/report.txt" },
        { name: "c.jpg", size: 3, location: "/in/c.jpg" },
      ]);
      assertEquals(stored[0]!.etag, await etagOf(server, "/in/a%20b%22c"));
      assertEquals(await listTree(`${path}/in`), ['a b"c', "c.jpg", "report.txt", "å"]);
      assertEquals(await Deno.readTextFile(`${path}/in/c.jpg`), "333");
    }, { settings: { isDurable: true } }),
);

testWith(
  NEEDS,
  "POST of a form works at /files/, below folders that are missing, without a slash",
  () =>
    withFileServer(async (server) => {
      const { path } = server;
      await Deno.mkdir(`${path}/in`);
      for (
        const [target, location] of [
          ["/files/", "/files/a"],
          ["/files/new/deep/", "/files/new/deep/a"],
          ["/files/in", "/files/in/a"],
        ] as const
      ) {
        const { status, fields } = await post(server, target, formOf(file("a", "1")));
        assertEquals([status, fields.get("location")], [201, location]);
      }
      assertEquals(await treeOf(path), ["a", "in/", "in/a", "new/", "new/deep/", "new/deep/a"]);
    }),
);

testWith(
  NEEDS,
  "POST of a form sends a browser back to the folder",
  () =>
    withWritable(async (server) => {
      const accept = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
      const { status, fields } = await post(server, "/", formOf(file("a", "1")), accept);
      assertEquals([status, fields.get("location"), fields.get("vary")], [303, "/", "Accept"]);
    }),
);

testWith(
  NEEDS,
  "POST of a form to the name of a file is 415, and says what to do",
  () =>
    withWritable(async (server) => {
      const { path, ask } = server;
      await writeOld(`${path}/a`);
      for (const [method, target] of [["POST", "/a"], ["POST", "/new"], ["PUT", "/a"]]) {
        const { status, text } = await ask(`${method} ${target}`, {
          headers: [TYPE],
          body: formOf(file("a", "1")),
        });
        assertEquals(status, 415);
        assertMatch(text, /to a folder/);
      }
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await treeOf(path), ["a"]);
    }),
);

testWith(
  NEEDS,
  "POST of a form refuses names that no upload may have, and malformed forms",
  () =>
    withWritable(async (server) => {
      const { path } = server;
      const cases: [form: string, status: number, ...headers: string[]][] = [
        [formOf(file(".env", "1")), 400],
        [formOf(file("a/..", "1")), 400],
        [formOf(file("a/", "1")), 400],
        [formOf(file(temporaryName(), "1")), 400],
        [formOf(file("n".repeat(256), "1")), 400],
        [formOf(file("", "1")), 400],
        [formOf(['form-data; name="x"', "1"]), 400],
        [formOf(), 400],
        ["", 400],
        [formOf(file("a", "1")).slice(0, -9), 400],
        [formOf(file("a", "MQ==", "Content-Transfer-Encoding: base64")), 415],
        [formOf(file("a", "1", `Content-Digest: sha-256=:${btoa("x".repeat(32))}:`)), 400],
        [formOf(['form-data; name="overwrite"', "x"], file("a", "1")), 400],
        [formOf(['form-data; name="overwrite"', "x".repeat(100)], file("a", "1")), 413],
        [formOf(file("a", "1")), 400, "Content-Digest: sha-256=:AAAA:"],
        [formOf(file("a", "1")), 415, "Content-Encoding: gzip"],
        [formOf(file("a", "1")), 400, "Overwrite: maybe"],
      ];
      for (const [form, status, ...headers] of cases) {
        const response = await post(server, "/in/", form, ...headers);
        assertEquals(response.status, status, form.slice(0, 200) + headers);
      }
      assertEquals(await treeOf(path), []);
      for (const target of ["/.git/", "/a%2fb/", "/in/../", "/in//"]) {
        assertEquals((await post(server, target, formOf(file("a", "1")))).status, 400, target);
      }
      const headers = ["Content-Type: multipart/form-data"];
      assertEquals((await server.ask("POST /in/", { headers, body: "x" })).status, 400);
      assertEquals(await treeOf(path), []);
    }),
);

testWith(
  NEEDS,
  "POST of a form keeps the files before the one that fails, and says so",
  () =>
    withWritable(async (server) => {
      const { path } = server;
      const cases: [form: string, status: number, sentence: RegExp][] = [
        [
          formOf(file("a", "1"), file(".b", "2"), file("c", "3")),
          400,
          /The file before it is stored/,
        ],
        [
          formOf(file("a", "1"), file("b", "2"), file("a", "3")),
          400,
          /2 files before it are stored/,
        ],
        [formOf(file("a", "1"), file("b", "2")).slice(0, -9), 400, /The file before it is stored/],
      ];
      const trees = [["a"], ["a", "b"], ["a"]];
      for (const [at, [form, status, sentence]] of cases.entries()) {
        const response = await post(server, "/", form);
        assertEquals(response.status, status);
        assertMatch(response.text, sentence);
        assertEquals(await treeOf(path), trees[at]);
        assertEquals(await Deno.readTextFile(`${path}/a`), "1");
        for (const name of await treeOf(path)) await Deno.remove(`${path}/${name}`);
      }
    }),
);

testWith(
  NEEDS,
  "POST of a form replaces files unless that is ruled out",
  () =>
    withWritable(async (server) => {
      const { path } = server;
      const field = (value: string): Part => ['form-data; name="overwrite"', value];
      const cases: [form: string, status: number, ...headers: string[]][] = [
        [formOf(file("a", "new")), 201],
        [formOf(field("T"), file("a", "new")), 201],
        [formOf(field("F"), file("a", "new")), 412],
        [formOf(file("a", "new")), 412, "If-None-Match: *"],
        [formOf(file("a", "new")), 412, "Overwrite: F"],
        [formOf(field("F"), file("b", "new")), 201],
        [formOf(file("c", "new")), 201, "If-None-Match: *"],
      ];
      for (const [form, status, ...headers] of cases) {
        await writeOld(`${path}/a`);
        assertEquals((await post(server, "/", form, ...headers)).status, status, form + headers);
        const expected = status === 412 || !form.includes('"a"') ? "old" : "new";
        assertEquals(await Deno.readTextFile(`${path}/a`), expected, form);
      }
      assertEquals(await treeOf(path), ["a", "b", "c"]);
    }),
);

testWith(
  NEEDS,
  "POST of a form streams, and the limit on content holds",
  () =>
    withWritable(async (server) => {
      const { path, connect } = server;
      const bytes = makeBytes(3_000_000);
      const [head, tail] = formOf(file("large", "|")).split("|");
      using client = await connect();
      const length = head!.length + bytes.length + tail!.length;
      await client.send(
        `POST / HTTP/1.1\r\nHost: h\r\n${TYPE}\r\nContent-Length: ${length}\r\n\r\n`,
      );
      await client.send(head!);
      await client.send(bytes);
      await client.send(tail!);
      assertEquals((await client.readResponse()).status, 201);
      assertEquals(await Deno.readFile(`${path}/large`), bytes);
      using other = await connect();
      await other.send(`POST / HTTP/1.1\r\nHost: h\r\n${TYPE}\r\nContent-Length: 5000000\r\n\r\n`);
      assertEquals((await other.readResponse()).status, 413);
    }, { limits: { content: 4_000_000 } }),
);

testWith(
  NEEDS,
  "POST of a form leaves nothing of a file whose client has left",
  () =>
    withWritable(async ({ path, connect, ask }) => {
      using client = await connect();
      const form = formOf(file("a", "1"), file("b", "2".repeat(1000)));
      await client.send(`POST /in/ HTTP/1.1\r\nHost: h\r\n${TYPE}\r\nContent-Length: 9999\r\n\r\n`);
      await client.send(form.slice(0, -500));
      while (!(await treeOf(path)).some((each) => each.endsWith(".part"))) await ask("GET /none");
      client.close();
      while ((await treeOf(path)).some((each) => each.endsWith(".part"))) await ask("GET /none");
      assertEquals(await treeOf(path), ["in/", "in/a"]);
    }),
);

testWith(
  NEEDS,
  "POST and PUT without any content are 411 for a file that exists",
  () =>
    withFileServer(async ({ path, ask }) => {
      await writeOld(`${path}/a`);
      for (const method of ["POST", "PUT"]) {
        const { status, text } = await ask(`${method} /files/a`);
        assertEquals(status, 411);
        assertMatch(text, /Content-Length: 0/);
        assertEquals(await Deno.readTextFile(`${path}/a`), "old");
        assertEquals((await ask(`${method} /files/new-${method}`)).status, 201);
      }
      const headers = ["Content-Length: 0"];
      assertEquals((await ask("POST /files/a", { headers })).status, 201);
      assertEquals(await Deno.readTextFile(`${path}/a`), "");
    }),
);

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

testWith(
  [...NEEDS, "curl"],
  "curl uploads forms, files, and folders, and renames and deletes",
  () =>
    withDirectory((local) =>
      withWritable(async ({ path, port }) => {
        const url = `http://127.0.0.1:${port}`;
        await Deno.writeTextFile(`${local}/one`, "1");
        await Deno.writeTextFile(`${local}/two "€" x`, "22");
        const curl = (...args: string[]) => run("curl", "-sS", "-w", "%{http_code}", ...args);
        const list = await curl(
          "-F",
          `a=@${local}/one`,
          "-F",
          `b=@"${local}/two \\"€\\" x"`,
          `${url}/`,
        );
        assertMatch(list, /^\[.*\]\n201$/);
        assertEquals(await Deno.readTextFile(`${path}/two "€" x`), "22");
        assertEquals(await curl("-X", "MKCOL", `${url}/new/`), "201");
        assertEquals(await curl("-T", `${local}/one`, `${url}/new/`), "201");
        assertMatch(await curl("-F", `a=@${local}/one`, `${url}/new/one`), /415$/);
        const move = (from: string, to: string) =>
          curl(
            "-X",
            "MOVE",
            "-H",
            `Destination: ${url}${to}`,
            "-H",
            "Overwrite: F",
            `${url}${from}`,
          );
        assertEquals(await move("/new/", "/renamed/"), "201");
        assertEquals(await move("/one", "/renamed/two"), "201");
        assertEquals((await treeOf(path)).length, 4);
        assertMatch(await curl("-X", "DELETE", `${url}/renamed/`), /^3 .*\n200$/);
        assertEquals(await treeOf(path), ['two "€" x']);
      })
    ),
);

const PYTHON = `
import sys
url, path = sys.argv[1:]
try:
    import requests
except ImportError:
    sys.exit(77)
files = [("f", ("na\\u00efve.txt", open(path, "rb"))), ("f", ('a"b.txt', b"2", "text/plain"))]
answer = requests.post(url, files=files)
assert answer.status_code == 201, answer.text
print([each["name"] for each in answer.json()])
answer = requests.request("MOVE", url + "a%22b.txt", headers={"Destination": url + "c"})
assert answer.status_code == 201, answer.text
answer = requests.delete(url + "c")
assert answer.status_code == 204, answer.text
`;

testWith(
  [...NEEDS, "python3"],
  "requests of Python uploads a form, moves and deletes",
  async (context) => {
    await withDirectory((local) =>
      withWritable(async ({ path, port }) => {
        await Deno.writeTextFile(`${local}/x`, "1");
        const args = ["-c", PYTHON, `http://127.0.0.1:${port}/`, `${local}/x`];
        const { code, stdout, stderr } = await new Deno.Command("python3", { args }).output();
        if (code === 77) {
          await context.step({ name: "ignored: requests is missing", ignore: true, fn: () => {} });
          return;
        }
        assertEquals(code, 0, new TextDecoder().decode(stderr));
        assertEquals(new TextDecoder().decode(stdout), `['naïve.txt', 'a"b.txt']\n`);
        assertEquals(await treeOf(path), ["naïve.txt"]);
      })
    );
  },
);
