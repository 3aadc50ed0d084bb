// The files of a directory in a program of one's own: mounted under several paths, each verb alone.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { fileHandlers, fileRoutes, serveDirectory } from "../../lib/files/mod.ts";
import type { Handler } from "../../lib/http/message.ts";
import { router } from "../../lib/router.ts";
import { testWith } from "../support/needs.ts";
import type { RawResponse } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { withServer } from "../support/server.ts";
import { withDirectory } from "../support/temp.ts";

type Ask = (line: string, headers?: string[], content?: string) => Promise<RawResponse>;

async function withHandler(
  handlerOf: (path: string) => Handler,
  run: (ask: Ask, path: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (path) => {
    await Deno.mkdir(`${path}/in`);
    await Deno.writeTextFile(`${path}/in/a b.txt`, "0123456789");
    await Deno.writeTextFile(`${path}/page.html`, "<p>".repeat(1000));
    await Deno.writeTextFile(`${path}/.hidden`, "secret");
    await withServer({ handler: handlerOf(path) }, async ({ connect }) => {
      await run(async (line, headers = [], content = "") => {
        using client = await connect();
        const length = content === "" ? [] : [`Content-Length: ${content.length}`];
        await client.send(request(line, ...headers, ...length) + content);
        return await client.readResponse(line.split(" ")[0]);
      }, path);
    });
  });
}

const ESCAPES = ["../", "%2e%2e/", "..%2f", "in/../../", "%5c..%5c", ".hidden", "in//"];

for (const base of ["/", "/files/", "/a/b%20c/"]) {
  testWith(["net", "read", "write"], `serveDirectory() serves files at ${base}`, async () => {
    await withHandler((path) => serveDirectory(path, { base }), async (ask) => {
      const file = await ask(`GET ${base}in/a%20b.txt`);
      assertEquals([file.status, file.text], [200, "0123456789"]);
      assertEquals(file.fields.get("content-type"), "text/plain; charset=utf-8");
      const tag = file.fields.get("etag");
      assertEquals((await ask(`GET ${base}in/a%20b.txt`, [`If-None-Match: ${tag}`])).status, 304);
      const part = await ask(`GET ${base}in/a%20b.txt`, ["Range: bytes=2-3"]);
      assertEquals([part.status, part.text], [206, "23"]);
      const head = await ask(`HEAD ${base}in/a%20b.txt`);
      assertEquals(head.fields.get("content-length"), "10");
      const coded = await ask(`GET ${base}page.html`, ["Accept-Encoding: gzip"]);
      assertEquals(coded.fields.get("content-encoding"), "gzip");
      const listing = await ask(`GET ${base}`, ["Accept: application/json"]);
      const names = JSON.parse(listing.text).map(({ name }: { name: string }) => name);
      assertEquals(names, ["in", "page.html"]);
      const page = await ask(`GET ${base}in/`, ["Accept: text/html"]);
      assert(page.text.includes('href="./a%20b.txt"'), page.text);
      const redirect = await ask(`GET ${base}in?x`);
      assertEquals([redirect.status, redirect.fields.get("location")], [308, `${base}in/?x`]);
      for (const escape of ESCAPES) {
        assertEquals((await ask(`GET ${base}${escape}`)).status, 404, escape);
      }
      const refused = await ask(`PUT ${base}new`, [], "abc");
      assertEquals([refused.status, refused.text], [405, "These files are read-only.\n"]);
      assertEquals((await ask(`OPTIONS ${base}new`)).fields.get("allow"), "GET, HEAD, OPTIONS");
      if (base === "/") return;
      const bare = await ask(`GET ${base.slice(0, -1)}`);
      assertEquals([bare.status, bare.fields.get("location")], [308, base]);
      assertEquals((await ask("GET /in/")).status, 404);
    });
  });

  testWith(["net", "read", "write"], `serveDirectory() writes files at ${base}`, async () => {
    const options = { base, writable: true, allowDelete: true, durable: false };
    await withHandler((path) => serveDirectory(path, options), async (ask, path) => {
      const created = await ask(`PUT ${base}new.txt`, [], "abc");
      assertEquals([created.status, created.fields.get("location")], [201, `${base}new.txt`]);
      assertEquals(await Deno.readTextFile(`${path}/new.txt`), "abc");
      const moved = await ask(`MOVE ${base}new.txt`, [`Destination: ${base}in/moved.txt`]);
      assertEquals([moved.status, moved.fields.get("location")], [201, `${base}in/moved.txt`]);
      assertEquals((await ask(`MKCOL ${base}made/`)).status, 201);
      assertEquals((await ask(`DELETE ${base}in/moved.txt`)).status, 204);
      assertEquals((await ask(`GET ${base}in/moved.txt`)).status, 404);
    });
  });
}

testWith(
  ["net", "read", "write"],
  "fileHandlers() gives each verb alone, and two directories",
  async () => {
    await withHandler((path) => {
      const files = fileHandlers(path, { writable: true, durable: false });
      const inner = fileHandlers(`${path}/in`, { mediaTypes: false });
      return router([
        { method: "GET", path: "/read/{name...}", handler: files.read },
        { method: "PUT", path: "/write/{name...}", handler: files.put },
        { method: "GET", path: "/inner/{name...}", handler: inner.read },
        { method: "PUT", path: "/inner/{name...}", handler: inner.put },
      ]);
    }, async (ask) => {
      assertEquals((await ask("PUT /write/x", [], "abc")).status, 201);
      assertEquals((await ask("GET /write/x")).status, 405);
      assertEquals((await ask("GET /read/x")).text, "abc");
      assertEquals((await ask("PUT /read/x", [], "abc")).status, 405);
      const file = await ask("GET /inner/a%20b.txt");
      assertEquals(file.fields.get("content-type"), "application/octet-stream");
      assertEquals((await ask("PUT /inner/x", [], "abc")).status, 405);
    });
  },
);

testWith(["read", "write"], "serveDirectory() refuses what cannot be meant", async () => {
  await withDirectory(async (path) => {
    await Deno.writeTextFile(`${path}/file`, "");
    assertThrows(() => serveDirectory(`${path}/missing`), Deno.errors.NotFound);
    assertThrows(() => serveDirectory(`${path}/file`), Deno.errors.NotADirectory);
    const unknown = { readOnly: true } as object;
    assertThrows(() => serveDirectory(path, unknown), TypeError, "There is no option readOnly");
    for (const base of ["", "static/", "/static", "//", "/a b/", "/{a}/b/"]) {
      if (base === "/{a}/b/") continue; // A parameter of a program's own.
      assertThrows(() => serveDirectory(path, { base }), TypeError);
    }
    assertEquals(fileRoutes(fileHandlers(path)).length, 6);
  });
});

testWith(
  ["net", "read", "write"],
  "serveDirectory() serves a site, and sandboxes what is uploaded",
  async () => {
    for (const writable of [false, true]) {
      await withHandler(
        (path) => serveDirectory(path, { writable, fallback: true }),
        async (ask, path) => {
          await Deno.writeTextFile(`${path}/index.html`, "home");
          assertEquals((await ask("GET /")).text, "home");
          assertEquals((await ask("GET /app/route")).text, "home");
          assertEquals((await ask("GET /app/none.js")).status, 404);
          const page = await ask("GET /page.html");
          const policy = page.fields.get("content-security-policy");
          assertEquals(policy, writable ? "sandbox" : undefined);
        },
      );
    }
  },
);
