// Listings of directories, for people and for programs.

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BYTES,
  CHANGED,
  type FileServer,
  namesIn,
  NEEDS,
  withFileServer,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

testWith(
  NEEDS,
  "GET of a directory without a slash redirects to the one with it",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in/a b`, { recursive: true });
      const cases: [target: string, location: string][] = [
        ["/files", "/files/"],
        ["/files?x=y&z", "/files/?x=y&z"],
        ["/files/in", "/files/in/"],
        ["/files/in?x=%20", "/files/in/?x=%20"],
        ["/files/in/a%20b?", "/files/in/a%20b/?"],
      ];
      for (const [target, location] of cases) {
        for (const method of ["GET", "HEAD"]) {
          const { status, fields } = await ask(`${method} ${target}`);
          assertEquals([status, fields.get("location")], [308, location], target);
        }
      }
    }),
);

testWith(
  NEEDS,
  "GET of a directory is 404 at other paths than its own",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in`);
      const targets = ["/files/none/", "/files/in//", "/files//", "/files/in/..", "/files/./"];
      for (const target of targets) assertEquals((await ask(`GET ${target}`)).status, 404, target);
    }),
);

testWith(
  NEEDS,
  "GET of a directory sends name, type, size and time as JSON",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/directory`);
      await Deno.writeFile(`${path}/a`, BYTES);
      await Deno.symlink("a", `${path}/link`);
      await Deno.symlink("directory", `${path}/way`);
      for (const name of ["a", "directory"]) await Deno.utime(`${path}/${name}`, CHANGED, CHANGED);
      const { fields, text } = await ask("GET /files/", { headers: ["Accept: application/json"] });
      assertEquals(fields.get("content-type"), "application/json");
      assert(fields.get("vary")!.split(", ").includes("Accept"));
      const modified = CHANGED.toISOString();
      assertEquals(JSON.parse(text), [
        { name: "a", type: "file", size: 1000, modified },
        { name: "directory", type: "directory", size: null, modified },
        { name: "link", type: "file", size: 1000, modified },
        { name: "way", type: "directory", size: null, modified },
      ]);
      const empty = await ask("GET /files/directory/", { headers: ["Accept: application/json"] });
      assertEquals(JSON.parse(empty.text), []);
    }),
);

testWith(
  NEEDS,
  "GET of a directory sends a page unless JSON is requested",
  () =>
    withFileServer(async ({ ask }) => {
      for (
        const line of ["Accept: text/html", "Accept: */*", "X: no Accept", "Accept: image/png"]
      ) {
        const { status, fields, text } = await ask("GET /files/", { headers: [line] });
        assertEquals([status, fields.get("content-type")], [200, "text/html; charset=utf-8"], line);
        assert(fields.get("vary")!.split(", ").includes("Accept"), line);
        assertMatch(fields.get("content-security-policy")!, /default-src 'none'/, line);
        assertMatch(text, /^<!DOCTYPE html>/, line);
      }
    }),
);

testWith(
  NEEDS,
  "GET of a directory sends nosniff with pages and JSON",
  () =>
    withFileServer(async ({ ask }) => {
      for (const type of ["text/html", "application/json"]) {
        const { fields } = await ask("GET /files/", { headers: [`Accept: ${type}`] });
        assertEquals(fields.get("x-content-type-options"), "nosniff", type);
      }
    }),
);

testWith(
  NEEDS,
  "HEAD of a directory sends the fields of GET without the content",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a`, "content");
      for (const line of ["Accept: text/html", "Accept: application/json"]) {
        const [head, sent] = [
          await ask("HEAD /files/", { headers: [line] }),
          await ask("GET /files/", { headers: [line] }),
        ];
        assertEquals(head.status, 200);
        for (const name of ["content-type", "content-length", "vary"]) {
          assertEquals(head.fields.get(name), sent.fields.get(name), name);
        }
        assertEquals(head.fields.get("content-length"), String(sent.content.length));
      }
    }),
);

testWith(
  NEEDS,
  "GET of a directory is compressed when the client accepts that",
  () =>
    withFileServer(async ({ ask }) => {
      const lines = ["Accept: application/json", "Accept-Encoding: gzip"];
      const { fields, content } = await ask("GET /files/", { headers: lines });
      assertEquals(fields.get("content-encoding"), "gzip");
      assertEquals(fields.get("vary"), "Accept, Accept-Encoding");
      const stream = new Blob([content.slice()]).stream();
      const decoded = stream.pipeThrough(new DecompressionStream("gzip"));
      assertEquals(await new Response(decoded).text(), "[]\n");
    }),
);

/** Names that mean something to HTML, to URLs, or to both. */
const AWKWARD = [
  `<script>alert(1)<script>&"'.txt`,
  "a:b",
  "javascript:alert(1)",
  "a b%#?.txt",
  "%41",
  "&amp;",
  "å €.txt",
  "new\nline",
  "~+;=@!$,",
  "</a><img src=x onerror=alert(1)>".replaceAll("/", ""),
];

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

/** The targets that the links of a page lead to. */
function targetsOf(page: string, base: string): string[] {
  return [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => {
    const address = href!.replace(/&[#\w]+;/g, (entity) => ENTITIES[entity] ?? entity);
    const url = new URL(address, `http://h${base}`);
    assertEquals([url.origin, url.hash, url.search], ["http://h", "", ""], address);
    return url.pathname;
  });
}

testWith(
  NEEDS,
  "GET of a directory links to files with any name",
  () =>
    withFileServer(async ({ path, ask }) => {
      const directory = `<script>alert(1)<`;
      for (const below of ["", `${directory}/`]) {
        await Deno.mkdir(`${path}/${below}`, { recursive: true });
        for (const name of AWKWARD) await Deno.writeTextFile(`${path}/${below}${name}`, name);
        const base = `/files/${below.split("/").map(encodeURIComponent).join("/")}`;
        const page = new TextDecoder().decode((await ask(`GET ${base}`)).content);
        assert(!/<(?:script|img)/i.test(page), page);
        const found: string[] = [];
        for (const target of targetsOf(page, base).filter((each) => !each.endsWith("/"))) {
          const { status, content } = await ask(`GET ${target}`);
          assertEquals(status, 200, target);
          found.push(new TextDecoder().decode(content));
        }
        assertEquals(found.sort(), AWKWARD.toSorted());
      }
      const [first] = targetsOf((await ask("GET /files/")).text, "/files/");
      assertEquals((await ask(`GET ${first}`)).status, 200, first);
    }),
);

testWith(
  NEEDS,
  "GET of a directory links to its parent, but not above the root",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in/deep`, { recursive: true });
      const links = async (base: string) => targetsOf((await ask(`GET ${base}`)).text, base);
      assertEquals(await links("/files/"), ["/files/in/"]);
      assertEquals(await links("/files/in/"), ["/files/", "/files/in/deep/"]);
      assertEquals(await links("/files/in/deep/"), ["/files/in/"]);
    }),
);

testWith(
  NEEDS,
  "GET of a directory omits links that lead outside, nowhere or in circles",
  () =>
    withDirectory((outside) =>
      withFileServer(async (fixture) => {
        await Deno.writeTextFile(`${outside}/secret`, "secret");
        const links = { out: outside, leak: `${outside}/secret`, none: "nothing", loop: "loop" };
        for (const [name, to] of Object.entries(links)) {
          await Deno.symlink(to, `${fixture.path}/${name}`);
        }
        await Deno.writeTextFile(`${fixture.path}/a`, "");
        assertEquals(await namesIn(fixture, "/files/"), ["a"]);
        const { text } = await fixture.ask("GET /files/");
        for (const name of Object.keys(links)) {
          assert(!text.includes(name), name);
        }
        assertEquals((await fixture.ask("GET /files/out/")).status, 404);
        assertEquals((await fixture.ask("GET /files/out")).status, 404);
      })
    ),
);

testWith(
  NEEDS,
  "GET of a directory sends very many entries in order",
  () =>
    withFileServer(async (fixture) => {
      const names = Array.from({ length: 100 }, (_, index) => String(1000 + index));
      for (const name of names) await Deno.writeTextFile(`${fixture.path}/${name}`, "");
      assertEquals(await namesIn(fixture, "/files/"), names);
    }),
);

testWith(
  NEEDS,
  "GET of a directory with thousands of entries sends them in order while they are read",
  () =>
    withFileServer(async (fixture) => {
      const { path, ask } = fixture;
      const names = Array.from({ length: 5000 }, (_, index) => String(10_000 + index * 7 % 5000));
      for (const name of names) {
        Deno.openSync(`${path}/${name}`, { write: true, create: true }).close();
      }
      await Deno.mkdir(`${path}/in`);
      await Deno.symlink("in", `${path}/link`);
      await Deno.symlink("nothing", `${path}/broken`);
      const sorted = [...names, "in", "link"].toSorted();
      assertEquals(await namesIn(fixture, "/files/"), sorted);
      const page = await ask("GET /files/");
      assertEquals(page.fields.get("transfer-encoding"), "chunked");
      const shown = [...page.text.matchAll(/<a href="\.\/([^"]+)"/g)].map(([, name]) => name);
      assertEquals(shown, ["in/", "link/", ...names.toSorted()]);
      assertEquals((await ask("HEAD /files/")).status, 200);
    }),
);

testWith(
  NEEDS,
  "GET of a large directory is 503 while a client reads many listings, and then 200",
  () =>
    withFileServer(async ({ path, ask, connect }) => {
      // So long that no listing fits into the buffers of the system.
      for (let at = 0; at < 20_000; at++) {
        const name = `${path}/${String(at).padStart(240, "-")}`;
        Deno.openSync(name, { write: true, create: true }).close();
      }
      const clients = await Promise.all(Array.from({ length: 8 }, () => connect()));
      for (const client of clients) {
        await client.send(request("GET /files/"));
        await client.read(1);
      }
      const refused = await ask("GET /files/");
      assertEquals([refused.status, refused.fields.get("retry-after")], [503, "1"]);
      for (const client of clients) client.close();
      await until(async () => (await ask("HEAD /files/")).status === 200);
    }),
);

for (const entries of [1000, 1500]) {
  testWith(
    NEEDS,
    `GET of a directory with ${entries} entries is 200 for 24 connections of a client at once`,
    () =>
      withFileServer(async ({ path, ask }) => {
        for (let at = 0; at < entries; at++) {
          Deno.openSync(`${path}/${at}`, { write: true, create: true }).close();
        }
        const lines = Array.from({ length: 24 }, () => "GET /files/");
        const statuses = (await Promise.all(lines.map((line) => ask(line)))).map((each) =>
          each.status
        );
        assertEquals(statuses, lines.map(() => 200));
      }),
  );
}

/** Whether we are root, whom no mode of a file keeps out. What we make is our own. */
function isRoot(): boolean {
  const states = ["read", "write"].map((name) =>
    Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state
  );
  if (states.some((state) => state !== "granted")) return false;
  const path = Deno.makeTempDirSync({ prefix: "wireserve-test-" });
  const { uid } = Deno.statSync(path);
  Deno.removeSync(path);
  return uid === 0;
}

const UNREADABLE = "GET is 403 when the server may not read the file or directory";

async function checkUnreadable({ path, ask }: FileServer): Promise<void> {
  await Deno.mkdir(`${path}/in`);
  await Deno.writeTextFile(`${path}/a`, "a");
  await Deno.chmod(`${path}/in`, 0o311);
  await Deno.chmod(`${path}/a`, 0);
  for (const target of ["/files/in/", "/files/a"]) {
    for (const method of ["GET", "HEAD"]) {
      assertEquals((await ask(`${method} ${target}`)).status, 403, target);
    }
  }
  assertEquals((await ask("GET /files/")).status, 200);
  await Deno.chmod(`${path}/in`, 0o755);
}

if (isRoot()) {
  Deno.test({ name: `${UNREADABLE} (ignored: root may read all)`, ignore: true, fn: () => {} });
} else testWith(NEEDS, UNREADABLE, () => withFileServer(checkUnreadable));
