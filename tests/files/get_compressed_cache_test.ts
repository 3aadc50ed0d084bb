// Compressed representations in the cache: made once, and never of another state of the file.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  type AskOptions,
  cachingClock,
  type Fixture,
  isCached,
  NEEDS,
  withFileServer,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { fromLatin1, type RawResponse } from "../support/raw_client.ts";

const OLD = "old text ".repeat(300);
const NEW = "new text ".repeat(300);
const CACHING = { clock: cachingClock };

/** What browsers accept. */
const BROWSER = { headers: ["Accept-Encoding: gzip, deflate, br"] };
const BR = { headers: ["Accept-Encoding: br"] };

async function decoded({ fields, content }: RawResponse): Promise<string> {
  const coding = fields.get("content-encoding");
  if (coding === undefined) return new TextDecoder().decode(content);
  const format = coding === "br" ? "brotli" : coding as CompressionFormat;
  const stream = new Blob([content.slice()]).stream()
    .pipeThrough(new DecompressionStream(format as CompressionFormat));
  return await new Response(stream).text();
}

async function gzipped(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

for (const directory of ["", "d/"]) {
  testWith(
    NEEDS,
    `GET answers from the cache in each coding (${directory}a)`,
    () =>
      withFileServer(async (fixture) => {
        const { path, ask, root } = fixture;
        await Deno.mkdir(`${path}/d`);
        await writeOld(`${path}/${directory}a`, OLD);
        const line = `GET /files/${directory}a`;
        const etags = new Set<string>();
        const accepting: readonly AskOptions[] = [BROWSER, BR, {}];
        for (const options of accepting) {
          await ask(line, options);
          const first = await ask(line, options);
          const before = root.opened;
          const second = await ask(line, options);
          assertEquals(root.opened, before, "it is not opened again");
          assertEquals(await decoded(first), OLD);
          assertEquals(second.content, first.content);
          assertEquals(second.fields.get("content-length"), String(first.content.length));
          assertEquals(second.fields.get("vary"), "Accept-Encoding");
          etags.add(second.fields.get("etag")!);
          const headers = [...options.headers ?? [], `If-None-Match: ${second.fields.get("etag")}`];
          const { status, fields } = await ask(line, { headers });
          assertEquals([status, fields.get("vary")], [304, "Accept-Encoding"]);
          const { content, fields: ofHead } = await ask(line.replace("GET", "HEAD"), options);
          assertEquals(content.length, 0);
          assertEquals(ofHead.get("content-length"), second.fields.get("content-length"));
          assertEquals(root.opened, before);
        }
        assertEquals(etags.size, 3, "each coding has an entity tag of its own");
      }, CACHING),
  );
}

const CHANGES: readonly [name: string, change: (file: string) => Promise<unknown>, text: string][] =
  [
    ["replaced", async (file) => {
      await writeOld(`${file}.new`, NEW);
      await Deno.rename(`${file}.new`, file);
    }, NEW],
    ["written into", (file) => Deno.writeTextFile(file, NEW), NEW],
    ["cut", (file) => Deno.truncate(file, 100), OLD.slice(0, 100)],
    ["joined by a newer precompressed file", async (file) => {
      await Deno.writeFile(`${file}.gz`, await gzipped("precompressed"));
    }, "precompressed"],
    ["joined by an older precompressed file", async (file) => {
      await Deno.writeFile(`${file}.gz`, await gzipped("precompressed"));
      await Deno.utime(`${file}.gz`, 1, 1);
    }, OLD],
  ];

for (const [name, change, text] of CHANGES) {
  testWith(
    NEEDS,
    `GET of a compressed file sees that it was ${name}`,
    () =>
      withFileServer(async ({ path, ask }) => {
        await writeOld(`${path}/a`, OLD);
        for (let round = 0; round < 2; round++) {
          assertEquals(await decoded(await ask("GET /files/a", BROWSER)), OLD);
        }
        await change(`${path}/a`);
        for (let round = 0; round < 3; round++) {
          assertEquals(await decoded(await ask("GET /files/a", BROWSER)), text);
        }
      }, CACHING),
  );
}

testWith(
  NEEDS,
  "GET answers with a precompressed file from the cache, and sees its changes",
  () =>
    withFileServer(async (fixture) => {
      const { path, ask } = fixture;
      await writeOld(`${path}/a`, OLD);
      await writeOld(`${path}/a.gz`, await gzipped("first"));
      for (let read = 0; read < 2; read++) {
        assertEquals(await decoded(await ask("GET /files/a", BROWSER)), "first");
      }
      const before = fixture.root.opened;
      assertEquals(await decoded(await ask("GET /files/a", BROWSER)), "first");
      assertEquals(fixture.root.opened, before);
      await writeOld(`${path}/a.gz`, await gzipped("second, of another size"));
      assertEquals(await decoded(await ask("GET /files/a", BROWSER)), "second, of another size");
      await Deno.remove(`${path}/a.gz`);
      for (let round = 0; round < 2; round++) {
        const response = await ask("GET /files/a", BROWSER);
        assertEquals([await decoded(response), response.status], [OLD, 200]);
      }
      // The file as it is has its own place.
      for (let read = 0; read < 2; read++) assertEquals((await ask("GET /files/a")).text, OLD);
      assert(await isCached(fixture, "a"));
    }, CACHING),
);

testWith(
  NEEDS,
  "GET compresses a file once for many clients at the same time",
  () =>
    withFileServer(async ({ path, ask, root }) => {
      const large = "0123456789abcdef".repeat(50_000); // 800 KB: sent in chunks without the cache
      await writeOld(`${path}/large`, large);
      const responses = await Promise.all(
        Array.from({ length: 20 }, () => ask("GET /files/large", BROWSER)),
      );
      const [first] = responses;
      assertEquals(await decoded(first!), large);
      for (const { content, fields } of responses) {
        assertEquals(content, first!.content);
        assertEquals(fields.get("content-length"), String(first!.content.length));
      }
      const before = root.opened;
      await ask("GET /files/large", BROWSER);
      assertEquals(root.opened, before);
    }, CACHING),
);

testWith(
  NEEDS,
  "GET does not cache compressed files that have changed lately or are large",
  () =>
    withFileServer(async ({ path, ask, root }: Fixture) => {
      await Deno.writeTextFile(`${path}/new`, OLD);
      await writeOld(`${path}/large`, fromLatin1("x".repeat(1024 * 1024 + 1)));
      for (const name of ["new", "large"]) {
        await ask(`GET /files/${name}`, BROWSER);
        const before = root.opened;
        const { fields } = await ask(`GET /files/${name}`, BROWSER);
        assertNotEquals(root.opened, before, name);
        assertEquals(fields.get("transfer-encoding"), name === "large" ? "chunked" : undefined);
      }
    }),
);
