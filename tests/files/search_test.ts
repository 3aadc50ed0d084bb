// ?q= : searching below a folder.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Root } from "../../lib/files/root.ts";
import { fold, Search } from "../../lib/files/search.ts";
import { type FileServer, NEEDS, withWritable } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

Deno.test("fold() removes the difference of cases and encodings", () => {
  const same: [one: string, other: string][] = [
    ["README", "readme"],
    ["Übung", "u\u0308bung"],
    ["STRASSE", "straße"],
    ["ΣΑΣ", "σας"],
  ];
  for (const [one, other] of same) assertEquals(fold(one), fold(other));
  assert(fold("u") !== fold("ü"));
});

async function search({ ask }: FileServer, target: string): Promise<[string[], string | null]> {
  const { status, content } = await ask(`GET ${target}`, { headers: ["Accept: application/json"] });
  assertEquals(status, 200, target);
  const { entries, cut } = JSON.parse(new TextDecoder().decode(content)) as {
    entries: { name: string }[];
    cut: string | null;
  };
  return [entries.map(({ name }) => name), cut];
}

testWith(
  NEEDS,
  "GET with ?q finds files and folders below, those next to it first",
  () =>
    withDirectory((outside) =>
      withWritable(async (server) => {
        const { path } = server;
        await Deno.writeTextFile(`${outside}/report`, "");
        await Deno.mkdir(`${path}/a/Reports/deep`, { recursive: true });
        await Deno.mkdir(`${path}/.hidden`);
        for (
          const name of [
            "report 10",
            "report 2",
            "a/my report",
            "a/Reports/x",
            "a/Reports/deep/re\u0301port",
            ".hidden/report",
            "a/.report",
          ]
        ) await Deno.writeTextFile(`${path}/${name}`, "");
        await Deno.symlink(outside, `${path}/out-report`);
        await Deno.symlink(`${outside}/report`, `${path}/report-link`);
        await Deno.symlink("..", `${path}/a/report-loop`);
        const cases: [target: string, names: string[]][] = [
          ["/?q=REPORT", ["report 2", "report 10", "a/my report", "a/report-loop", "a/Reports"]],
          ["/?q=report%202", ["report 2"]],
          ["/?q=r%C3%A9port", ["a/Reports/deep/re\u0301port"]],
          ["/a/?q=report", ["my report", "report-loop", "Reports"]],
          ["/?q=nothing", []],
          ["/?q=x", ["a/Reports/x"]],
          ["/?q=" + "x".repeat(3000), []],
          ["/?q=report&sort=-name", [
            "report 10",
            "report 2",
            "a/Reports",
            "a/report-loop",
            "a/my report",
          ]],
        ];
        for (const [target, names] of cases) {
          const [found, cut] = await search(server, target);
          assertEquals([found.toSorted(), cut], [names.toSorted(), null], target);
        }
        const [[first]] = await search(server, "/?q=report");
        assertEquals(first, "report 2");
        assertEquals((await server.ask("GET /none/?q=x")).status, 404);
        const text = await server.ask("GET /?q=my", { headers: ["Accept: text/plain"] });
        assertEquals(text.text, "a/my report\n");
        const page = await server.ask("GET /?q=my", { headers: ["Accept: text/html"] });
        assertMatch(page.text, /<a href="\.\/a\/my%20report">a\/my report<\/a>/);
        const all = await server.ask("GET /?q=", { headers: ["Accept: text/plain"] });
        assertMatch(all.text, /^a\/\n/);
      })
    ),
);

testWith(
  NEEDS,
  "GET with ?q says when there are more results than it sends",
  () =>
    withWritable(async (server) => {
      for (const directory of ["a", "b"]) {
        Deno.mkdirSync(`${server.path}/${directory}`);
        for (let at = 0; at < 600; at++) {
          Deno.openSync(`${server.path}/${directory}/f${at}`, { write: true, create: true })
            .close();
        }
      }
      const [names, cut] = await search(server, "/?q=F");
      assertEquals([names.length, cut], [1000, "results"]);
      const [some, none] = await search(server, "/a/?q=f");
      assertEquals([some.length, none], [600, null]);
      const text = await server.ask("GET /?q=f", { headers: ["Accept: text/plain"] });
      assertMatch(text.text, /\n\(There are more results[^\n]*\)\n$/);
      const page = await server.ask("GET /?q=f", { headers: ["Accept: text/html"] });
      assertMatch(page.text, /<p>There are more results/);
    }),
);

testWith(
  ["read", "write"],
  "Search ends when its time is over, and says so",
  () =>
    withDirectory(async (path) => {
      for (let at = 0; at < 50; at++) await Deno.mkdir(`${path}/d${at}`);
      let now = 0;
      const options = { directory: path, text: "d", client: "" };
      const search = new Search(new Root(path), options, () => now += 200);
      const found = (await Array.fromAsync(search.entries())).flat();
      search.close();
      assertEquals(search.cut, "time");
      assert(found.length < 50);
    }),
);

testWith(
  ["read", "write"],
  "Search is 503 for a client that has too many",
  () =>
    withDirectory(async (path) => {
      const root = new Root(path);
      const searches: Search[] = [];
      let status = 0;
      try {
        for (let at = 0; at < 20; at++) {
          searches.push(new Search(root, { directory: path, text: "d", client: "one" }));
        }
      } catch (error) {
        status = (error as { status: number }).status;
      }
      assertEquals([searches.length, status], [8, 503]);
      for (const search of searches) search.close();
      const other = new Search(root, { directory: path, text: "d", client: "one" });
      assertEquals(await Array.fromAsync(other.entries()), [[]]);
      other.close();
    }),
);
