// The fields of a file, and which names are served at all.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { hasCompressedEnding } from "../../lib/files/media_type.ts";
import { temporaryName } from "../../lib/files/root.ts";
import { namesIn, NEEDS, withFileServer } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";

testWith(
  NEEDS,
  "GET sends application/octet-stream and nosniff by default",
  () =>
    withFileServer(async ({ path, ask }) => {
      for (const name of ["a", "a.html", "a.txt", "a.svg"]) {
        await Deno.writeTextFile(`${path}/${name}`, "content");
        const { fields } = await ask(`GET /files/${name}`);
        assertEquals(fields.get("content-type"), "application/octet-stream", name);
        assertEquals(fields.get("x-content-type-options"), "nosniff", name);
        assertEquals(fields.get("accept-ranges"), "bytes", name);
        assertEquals(fields.has("content-security-policy"), false, name);
        assertEquals(fields.has("content-disposition"), false, name);
      }
    }),
);

/** Types that are guessed, and whether script may run in them. */
const TYPES: [name: string, type: string, isSandboxed: boolean][] = [
  ["a.txt", "text/plain; charset=utf-8", false],
  ["a.css", "text/css; charset=utf-8", false],
  ["a.js", "text/javascript; charset=utf-8", false],
  ["a.html", "text/html; charset=utf-8", true],
  ["A.HTM", "text/html; charset=utf-8", true],
  ["a.svg", "image/svg+xml", true],
  ["a.xhtml", "application/xhtml+xml", true],
  ["a.xml", "application/xml", true],
  ["a.rss", "application/rss+xml", true],
  ["a.png", "image/png", false],
  ["a.json", "application/json", false],
  ["a.unheard", "application/octet-stream", false],
  ["a", "application/octet-stream", false],
];

async function checkTypes(cases: typeof TYPES): Promise<void> {
  await withFileServer(async ({ path, ask }) => {
    for (const [name, type, isSandboxed] of cases) {
      await Deno.writeTextFile(`${path}/${name}`, "content");
      for (const line of ["Range: bytes=0-0", "Accept-Encoding: gzip", "Accept: */*"]) {
        const { fields } = await ask(`GET /files/${name}`, { headers: [line] });
        assertEquals(fields.get("content-type"), type, name);
        assertEquals(fields.get("x-content-type-options"), "nosniff", name);
        const policy = fields.get("content-security-policy");
        assertEquals(policy, isSandboxed ? "sandbox" : undefined, name);
      }
    }
  }, { settings: { guessesTypes: true } });
}

testWith(
  NEEDS,
  "GET sends the media type of the name when guessesTypes is set",
  () => checkTypes(TYPES),
);

// Browsers run script in whatever type ends in +xml, not just in those of application.
testWith(NEEDS, "GET sandboxes every kind of XML", () =>
  checkTypes([
    ["a.dae", "model/vnd.collada+xml", true],
    ["a.x3d", "model/x3d+xml", true],
  ]));

/** Names, and the Content-Disposition that they are saved by. */
const DOWNLOADS: [name: string, disposition: RegExp][] = [
  ["plain.txt", /^attachment; filename="?plain\.txt"?$/],
  ["å €.txt", /^attachment; filename="[ -~]+"; filename\*=UTF-8''%C3%A5%20%E2%82%AC\.txt$/],
  ["café", /^attachment; filename="[ -~]+"; filename\*=UTF-8''caf%C3%A9$/],
  ['a"b', /^attachment; filename="a\\"b"$/],
  ["a\r\nb", /^attachment; filename="[ -~]+"; filename\*=UTF-8''a%0D%0Ab$/],
];

testWith(
  NEEDS,
  "GET sends Content-Disposition when the query has download",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in`);
      for (const [name, disposition] of DOWNLOADS) {
        await Deno.writeTextFile(`${path}/in/${name}`, "content");
        const target = `/files/in/${encodeURIComponent(name)}`;
        for (const query of ["download", "download=", "x=y&download=1"]) {
          const { fields } = await ask(`GET ${target}?${query}`);
          assertMatch(fields.get("content-disposition") ?? "", disposition, name);
        }
        const { status, fields } = await ask(`GET ${target}?downloads`);
        assertEquals([status, fields.has("content-disposition")], [200, false]);
      }
    }),
);

/** Names that begin with a dot, and those of temporary files. */
const HIDDEN = [".env", ".git/config", "in/.env", "in/.git/config", ".wireserve-x.part"];
const TEMPORARY = [temporaryName(), `in/${temporaryName()}`];

async function hide(path: string): Promise<void> {
  await Deno.mkdir(`${path}/.git`);
  await Deno.mkdir(`${path}/in/.git`, { recursive: true });
  for (const name of [...HIDDEN, ...TEMPORARY, "in/seen"]) {
    await Deno.writeTextFile(`${path}/${name}`, name);
  }
}

testWith(
  NEEDS,
  "GET neither serves nor lists hidden names",
  () =>
    withFileServer(async (fixture) => {
      await hide(fixture.path);
      for (const name of [...HIDDEN, ...TEMPORARY, ".git", ".git/", "in/.git/"]) {
        assertEquals((await fixture.ask(`GET /files/${name}`)).status, 404, name);
      }
      assertEquals(await namesIn(fixture, "/files/"), ["in"]);
      assertEquals(await namesIn(fixture, "/files/in/"), ["seen"]);
    }, { isLeftover: true }),
);

testWith(
  NEEDS,
  "GET serves and lists hidden names, but not temporary ones, when showsHidden is set",
  () =>
    withFileServer(async (fixture) => {
      await hide(fixture.path);
      for (const name of HIDDEN) {
        assertEquals((await fixture.ask(`GET /files/${name}`)).text, name);
      }
      for (const name of TEMPORARY) {
        assertEquals((await fixture.ask(`GET /files/${name}`)).status, 404, name);
      }
      assertEquals(await namesIn(fixture, "/files/"), [".env", ".git", ".wireserve-x.part", "in"]);
      assertEquals(await namesIn(fixture, "/files/in/"), [".env", ".git", "seen"]);
    }, { settings: { showsHidden: true }, isLeftover: true }),
);

Deno.test("hasCompressedEnding() uses the last ending in any case", () => {
  for (const name of ["a.png", "a.JPG", "a.tar.gz", "a.b/c.zip", ".gz"]) {
    assert(hasCompressedEnding(name), name);
  }
  for (const name of ["a.txt", "gz", "a.gz.txt", "a.", "png/a", "a.svg", ""]) {
    assert(!hasCompressedEnding(name), name);
  }
});
