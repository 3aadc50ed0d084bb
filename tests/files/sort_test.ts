// The order of listings, and parts of them.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { compareNames, sortInSteps } from "../../lib/files/sort.ts";
import { type FileServer, NEEDS, withFileServer, withWritable } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";

Deno.test("compareNames() orders names as people do", () => {
  const sorted = [
    "_",
    ".a",
    "1",
    "2",
    "10",
    "a",
    "A",
    "a2",
    "a02",
    "a10",
    "B",
    "u",
    "ü",
    "Ü",
    "v",
    "ł",
  ];
  const found = sorted.toReversed().sort(compareNames);
  const at = (name: string) => found.indexOf(name);
  for (const [before, after] of [["2", "10"], ["a2", "a10"], ["u", "Ü"], ["Ü", "v"], ["A", "B"]]) {
    assert(at(before!) < at(after!), `${before} ${after} ${found}`);
  }
  assert(compareNames("a2", "a02") !== 0);
  assertEquals(compareNames("a", "a"), 0);
});

Deno.test("sortInSteps() sorts as toSorted() does, and is stable", async () => {
  for (const count of [0, 1, 511, 512, 513, 5000]) {
    const items = Array.from({ length: count }, (_, at) => ({ key: at * 7919 % 100, at }));
    const compare = (one: { key: number }, other: { key: number }) => one.key - other.key;
    assertEquals(await sortInSteps(items, compare, ""), items.toSorted(compare));
  }
});

async function writeAll(path: string): Promise<void> {
  const files: [name: string, size: number, day: number][] = [
    ["b10.txt", 3, 1],
    ["b2.txt", 1, 3],
    ["a.zip", 2, 2],
    ["Ü", 4, 4],
    ["u", 5, 5],
    ["V", 5, 6],
  ];
  for (const [name, size, day] of files) {
    await Deno.writeTextFile(`${path}/${name}`, "x".repeat(size));
    await Deno.utime(`${path}/${name}`, new Date(2020, 1, day), new Date(2020, 1, day));
  }
  for (const [name, day] of [["d10", 8], ["d9", 9]] as const) {
    await Deno.mkdir(`${path}/${name}`);
    await Deno.utime(`${path}/${name}`, new Date(2020, 1, day), new Date(2020, 1, day));
  }
}

async function lines({ ask }: FileServer, target: string): Promise<string> {
  const { status, content } = await ask(`GET ${target}`, { headers: ["Accept: text/plain"] });
  assertEquals(status, 200, target);
  return new TextDecoder().decode(content).trimEnd().split("\n").join(" ");
}

testWith(
  NEEDS,
  "GET of a folder is text for programs, sorted as the query says",
  () =>
    withWritable(async (server) => {
      await writeAll(server.path);
      const orders: [query: string, expected: string][] = [
        ["", "d9/ d10/ a.zip b2.txt b10.txt u Ü V"],
        ["?sort=name", "d9/ d10/ a.zip b2.txt b10.txt u Ü V"],
        ["?sort=-name", "d10/ d9/ V Ü u b10.txt b2.txt a.zip"],
        ["?sort=size", "d9/ d10/ b2.txt a.zip b10.txt Ü u V"],
        ["?sort=-size", "d9/ d10/ u V Ü b10.txt a.zip b2.txt"],
        ["?sort=modified", "d10/ d9/ b10.txt a.zip b2.txt Ü u V"],
        ["?sort=-modified", "d9/ d10/ V u Ü b2.txt a.zip b10.txt"],
        ["?sort=type", "d9/ d10/ u Ü V b2.txt b10.txt a.zip"],
        ["?sort=-type", "d10/ d9/ a.zip b10.txt b2.txt V Ü u"],
        ["?limit=3", "d9/ d10/ a.zip"],
        ["?offset=1&limit=2", "d10/ a.zip"],
        ["?offset=7", "V"],
        ["?offset=2&sort=-size&limit=2", "u V"],
        ["?offset=8", ""],
        ["?limit=0", ""],
      ];
      for (const [query, expected] of orders) {
        assertEquals(await lines(server, `/${query}`), expected, query);
      }
      for (const query of ["sort=", "sort=x", "sort=--name", "limit=-1", "limit=x", "offset=1.5"]) {
        assertEquals((await server.ask(`GET /?${query}`)).status, 400, query);
      }
    }, { settings: { listsAsText: true } }),
);

testWith(
  NEEDS,
  "GET of a folder sorts JSON with folders among the files",
  () =>
    withFileServer(async ({ path, ask }) => {
      await writeAll(path);
      const names = async (query: string) => {
        const { content } = await ask(`GET /files/${query}`, {
          headers: ["Accept: application/json"],
        });
        const entries = JSON.parse(new TextDecoder().decode(content)) as { name: string }[];
        return entries.map(({ name }) => name).join(" ");
      };
      assertEquals(await names(""), "a.zip b2.txt b10.txt d9 d10 u Ü V");
      assertEquals(await names("?sort=-size&limit=3"), "u V Ü");
      assertEquals(await names("?sort=modified&offset=6"), "d10 d9");
    }),
);

testWith(
  NEEDS,
  "GET of a folder negotiates text, and names change no terminal",
  () =>
    withWritable(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a\nb\x1b[31m\u202e`, "");
      const curl = "User-Agent: curl/8.9.1";
      const types: [accept: string, type: string, agent?: string][] = [
        ["Accept: */*", "text/plain; charset=utf-8", curl],
        ["X: no Accept", "text/plain; charset=utf-8", curl],
        ["Accept: text/html", "text/html; charset=utf-8", curl],
        ["Accept: */*", "text/html; charset=utf-8", "User-Agent: Wget/1.21"],
        ["X: no Accept", "text/html; charset=utf-8"],
        ["Accept: text/plain", "text/plain; charset=utf-8"],
        ["Accept: text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"],
        ["Accept: application/json", "application/json"],
      ];
      for (const [accept, expected, agent = "X: none"] of types) {
        const { fields, content } = await ask("GET /", { headers: [accept, agent] });
        assertEquals(fields.get("content-type"), expected, accept);
        assertEquals(fields.get("x-content-type-options"), "nosniff");
        if (expected.startsWith("text/plain")) {
          assertEquals(new TextDecoder().decode(content), "a?b?[31m?\n");
        }
      }
    }, { settings: { listsAsText: true } }),
);

testWith(
  NEEDS,
  "GET of a very large folder is sorted, and sent while it is read",
  () =>
    withWritable(async (server) => {
      for (let at = 0; at < 3000; at++) {
        Deno.openSync(`${server.path}/f${at * 7 % 3000}`, { write: true, create: true }).close();
      }
      const sorted = Array.from({ length: 3000 }, (_, at) => `f${at}`);
      for (const query of ["", "?sort=size", "?sort=type"]) {
        assertEquals(await lines(server, `/${query}`), sorted.join(" "), query);
      }
      assertEquals(await lines(server, "/?sort=-name&offset=1000&limit=2"), "f1999 f1998");
      assertMatch((await server.ask("GET /")).fields.get("transfer-encoding")!, /chunked/);
    }, { settings: { listsAsText: true } }),
);

testWith(
  NEEDS,
  "GET of a folder with ?count says what DELETE would remove below it",
  () =>
    withWritable(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in/deep/empty`, { recursive: true });
      for (const name of ["in/a", "in/.hidden", "in/deep/b"]) {
        await Deno.writeTextFile(`${path}/${name}`, "");
      }
      await Deno.symlink("..", `${path}/in/deep/link`);
      const { status, fields, text } = await ask("GET /in/?count");
      assertEquals([status, fields.get("content-type")], [200, "application/json"]);
      assertEquals(JSON.parse(text), { files: 4, directories: 2 });
      assertEquals((await ask("DELETE /in/")).text, "7 files and folders were deleted.\n");
      assertEquals((await ask("GET /in/?count")).status, 404);
    }),
);
