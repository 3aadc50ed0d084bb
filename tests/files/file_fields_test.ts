// What the fields of a file say of it, and which names are to be seen at all.

import { assertEquals, assertMatch } from "@std/assert";
import { temporaryName } from "../../lib/files/root.ts";
import { testWith } from "../support/needs.ts";
import { namesIn, NEEDS, withHouse } from "./reading_house.ts";

testWith(
  NEEDS,
  "GET of a file is bytes without a type, to be sniffed by nobody",
  () =>
    withHouse(async ({ path, ask }) => {
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
  await withHouse(async ({ path, ask }) => {
    for (const [name, type, isSandboxed] of cases) {
      await Deno.writeTextFile(`${path}/${name}`, "content");
      for (const line of ["Range: bytes=0-0", "Accept-Encoding: gzip", "Accept: */*"]) {
        const { fields } = await ask(`GET /files/${name}`, line);
        assertEquals(fields.get("content-type"), type, name);
        assertEquals(fields.get("x-content-type-options"), "nosniff", name);
        const policy = fields.get("content-security-policy");
        assertEquals(policy, isSandboxed ? "sandbox" : undefined, name);
      }
    }
  }, { guessesTypes: true });
}

testWith(NEEDS, "GET of a file guesses its type where it is asked to", () => checkTypes(TYPES));

// Browsers run script in whatever type ends in +xml, not just in those of application.
testWith(NEEDS, "GET of a file sandboxes every kind of XML", () =>
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
  "GET of a file names it for saving where the query has download",
  () =>
    withHouse(async ({ path, ask }) => {
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

testWith(NEEDS, "hidden names are neither served nor listed", () =>
  withHouse(async (house) => {
    await hide(house.path);
    for (const name of [...HIDDEN, ...TEMPORARY, ".git", ".git/", "in/.git/"]) {
      assertEquals((await house.ask(`GET /files/${name}`)).status, 404, name);
    }
    assertEquals(await namesIn(house, "/files/"), ["in"]);
    assertEquals(await namesIn(house, "/files/in/"), ["seen"]);
  }));

testWith(
  NEEDS,
  "hidden names are served and listed where it is asked for, temporary ones never",
  () =>
    withHouse(async (house) => {
      await hide(house.path);
      for (const name of HIDDEN) {
        assertEquals((await house.ask(`GET /files/${name}`)).text, name);
      }
      for (const name of TEMPORARY) {
        assertEquals((await house.ask(`GET /files/${name}`)).status, 404, name);
      }
      assertEquals(await namesIn(house, "/files/"), [".env", ".git", ".wireserve-x.part", "in"]);
      assertEquals(await namesIn(house, "/files/in/"), [".env", ".git", "seen"]);
    }, { showsHidden: true }),
);
