// Files in a coding: precompressed, or compressed on demand.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { CHANGED, makeBytes, NEEDS, SAME, withFileServer } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";

/** A file, its precompressed files, and what is sent; "coded" is what is compressed on demand. */
const PRECOMPRESSED: [beside: string[], accepted: string, coding: string | null, from: string][] = [
  [["gz", "br"], "gzip", "gzip", "gz"],
  [["gz", "br"], "br", "br", "br"],
  [["gz", "br"], "gzip, br", "br", "br"],
  [["gz", "br"], "gzip, br;q=0.5", "gzip", "gz"],
  [["gz", "br"], "*", "br", "br"],
  [["gz", "br"], "identity", null, "original"],
  [["gz", "br"], "gzip;q=0, br;q=0", null, "original"],
  [["gz", "br"], "deflate", null, "original"],
  [["gz"], "gzip, br", "gzip", "gz"],
  [["br"], "gzip, br", "br", "br"],
  [["gz"], "br", "br", "coded"],
  [["br"], "gzip", "gzip", "coded"],
  [[], "gzip, br", "gzip", "coded"],
];

/** Text that does not look as if it had been sent in a coding. */
const TEXT = "original ".repeat(100);

async function writePrecompressed(path: string, endings: string[], changed: Date): Promise<void> {
  for (const ending of endings) {
    await Deno.writeTextFile(`${path}/a.txt.${ending}`, ending);
    await Deno.utime(`${path}/a.txt.${ending}`, changed, changed);
  }
}

testWith(
  NEEDS,
  "GET sends the precompressed file whose coding the client prefers",
  async () => {
    for (const [beside, accepted, coding, from] of PRECOMPRESSED) {
      await withFileServer(async ({ path, ask }) => {
        await Deno.writeTextFile(`${path}/a.txt`, TEXT);
        await Deno.utime(`${path}/a.txt`, CHANGED, CHANGED);
        await writePrecompressed(path, beside, CHANGED);
        const name = `${beside}: ${accepted}`;
        const { fields, text } = await ask("GET /files/a.txt", {
          headers: [`Accept-Encoding: ${accepted}`],
        });
        assertEquals(fields.get("content-encoding"), coding ?? undefined, name);
        assertEquals(fields.get("vary"), "Accept-Encoding", name);
        if (from !== "coded") assertEquals(text, from === "original" ? TEXT : from, name);
        else assert(text !== TEXT && !beside.includes(text), name);
      });
    }
  },
);

testWith(
  NEEDS,
  "GET ignores precompressed files that are stale or not regular files",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a.txt`, TEXT);
      await Deno.utime(`${path}/a.txt`, CHANGED, CHANGED);
      await writePrecompressed(path, ["gz", "br"], new Date(CHANGED.getTime() - 1000));
      for (const [coding, ending] of [["gzip", "gz"], ["br", "br"]]) {
        const { fields, text } = await ask("GET /files/a.txt", {
          headers: [`Accept-Encoding: ${coding}`],
        });
        assertEquals(fields.get("content-encoding"), coding);
        assertNotEquals(text, ending);
        assertEquals((await ask(`GET /files/a.txt.${ending}`)).text, ending);
      }
      await Deno.remove(`${path}/a.txt.gz`);
      await Deno.mkdir(`${path}/a.txt.gz`);
      await Deno.remove(`${path}/a.txt.br`);
      await Deno.symlink("a.txt.gz", `${path}/a.txt.br`);
      for (const coding of ["gzip", "br"]) {
        const { fields } = await ask("HEAD /files/a.txt", {
          headers: [`Accept-Encoding: ${coding}`],
        });
        assertEquals(fields.get("content-encoding"), coding);
        assertEquals(fields.get("last-modified"), SAME, "it is coded from the original");
      }
    }),
);

testWith(
  NEEDS,
  "GET is 404 when only precompressed files exist",
  () =>
    withFileServer(async ({ path, ask }) => {
      await writePrecompressed(path, ["gz", "br"], CHANGED);
      for (const coding of ["gzip", "br", "identity"]) {
        const { status } = await ask("GET /files/a.txt", {
          headers: [`Accept-Encoding: ${coding}`],
        });
        assertEquals(status, 404, coding);
      }
    }),
);

testWith(
  NEEDS,
  "GET sends another ETag for each precompressed file",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a.txt`, TEXT);
      await writePrecompressed(path, ["gz", "br"], new Date());
      await Deno.utime(`${path}/a.txt`, CHANGED, CHANGED);
      const requests: [target: string, coding: string, sent: string | undefined][] = [
        ["a.txt", "identity", undefined],
        ["a.txt", "gzip", "gzip"],
        ["a.txt", "br", "br"],
        ["a.txt.gz", "gzip, br", undefined],
        ["a.txt.br", "gzip, br", undefined],
      ];
      const etags = new Set<string>();
      for (const [target, coding, sent] of requests) {
        const line = `Accept-Encoding: ${coding}`;
        const { fields } = await ask(`GET /files/${target}`, { headers: [line] });
        assertEquals(fields.get("content-encoding"), sent, target);
        const etag = fields.get("etag")!;
        etags.add(etag);
        const again = await ask(`GET /files/${target}`, {
          headers: [line, `If-None-Match: ${etag}`],
        });
        assertEquals(again.status, 304, target);
      }
      await Deno.remove(`${path}/a.txt.gz`);
      const { fields } = await ask("GET /files/a.txt", { headers: ["Accept-Encoding: gzip"] });
      etags.add(fields.get("etag")!);
      assertEquals(etags.size, 6, [...etags].join(" "));
    }),
);

testWith(
  NEEDS,
  "GET compresses files of any size on demand",
  () =>
    withFileServer(async ({ path, ask }) => {
      for (const size of [1, 1000, 65_536, 65_537, 500_000]) {
        const bytes = makeBytes(size);
        await Deno.writeFile(`${path}/a`, bytes);
        for (const [coding, format] of [["gzip", "gzip"], ["br", "brotli"]] as const) {
          const { fields, content } = await ask("GET /files/a", {
            headers: [`Accept-Encoding: ${coding}`],
          });
          assertEquals(fields.get("content-encoding"), coding);
          const stream = new Blob([content.slice()]).stream();
          const decoded = stream.pipeThrough(new DecompressionStream(format));
          assertEquals(await new Response(decoded).bytes(), bytes, `${coding} of ${size}`);
        }
      }
    }),
);
