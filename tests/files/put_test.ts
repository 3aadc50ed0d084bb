// What uploads store, and what they leave when they fail.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DigestCheck } from "../../lib/files/digest.ts";
import { storeFile, type StoreOptions } from "../../lib/files/put.ts";
import { Root, temporaryName } from "../../lib/files/root.ts";
import type { FileSettings } from "../../lib/files/settings.ts";
import { type Content, fromStream } from "../../lib/http/content.ts";
import { Fields } from "../../lib/http/fields.ts";
import {
  CHANGED,
  countTemporary,
  NEEDS,
  probed,
  treeOf,
  withFileServer,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

/** Storing without conditions. */
const PLAIN: Omit<StoreOptions, "content"> = {
  conditions: { method: "PUT", fields: new Fields(), allowsReplace: true },
  digest: await DigestCheck.of(new Fields()),
  isDurable: false,
};

testWith(
  NEEDS,
  "POST leaves one whole file when writers are simultaneous",
  () =>
    withFileServer(async ({ path, ask }) => {
      const texts = Array.from(
        { length: 16 },
        (_, each) => String.fromCharCode(97 + each).repeat(70_000),
      );
      const responses = await Promise.all(
        texts.map((text) => ask("POST /files/deep/er/name", { body: text })),
      );
      assertEquals(responses.map(({ status }) => status), texts.map(() => 201));
      assert(texts.includes(await Deno.readTextFile(`${path}/deep/er/name`)));
      assertEquals(await listTree(path), ["deep/", "deep/er/", "deep/er/name"]);
    }),
);

testWith(
  NEEDS,
  "storeFile() removes what it has created when the content fails, and nothing of others",
  () =>
    withDirectory(async (path) => {
      const directory = await probed(new Root(path));
      const broken = () => {
        let isFirst = true;
        return fromStream(
          new ReadableStream({
            pull(controller) {
              if (isFirst) controller.enqueue(new Uint8Array(10));
              else controller.error(new Error("gone"));
              isFirst = false;
            },
          }),
        );
      };
      await assertRejects(
        () => storeFile(directory, "a/b/c", { ...PLAIN, content: broken() }),
        Error,
        "gone",
      );
      assertEquals(await listTree(path), []);
      for (let round = 0; round < 20; round++) {
        const names = ["a/b/c", "a/b/d", "a/e", "a/b/c/f", "a/g/h", "a/b/i/j"];
        await Promise.allSettled(
          names.map((name) => storeFile(directory, name, { ...PLAIN, content: broken() })),
        );
        assertEquals(await listTree(path), []);
      }

      const good = () => fromStream(ReadableStream.from([new Uint8Array(10)]));
      for (let round = 0; round < 20; round++) {
        const results = await Promise.allSettled([
          storeFile(directory, "a/b/broken", { ...PLAIN, content: broken() }),
          storeFile(directory, "a/b/good", { ...PLAIN, content: good() }),
          storeFile(directory, "a/other", { ...PLAIN, content: good() }),
        ]);
        assertEquals(results.map(({ status }) => status), ["rejected", "fulfilled", "fulfilled"]);
        assertEquals(await listTree(path), ["a/", "a/b/", "a/b/good", "a/other"]);
        await Deno.remove(`${path}/a`, { recursive: true });
      }
    }),
);

testWith(
  NEEDS,
  "storeFile() keeps the old file when the content fails",
  () =>
    withDirectory(async (path) => {
      await Deno.writeTextFile(`${path}/a`, "old");
      const broken: Content = fromStream(
        new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) }),
      );
      const directory = await probed(new Root(path));
      await assertRejects(
        () => storeFile(directory, "a", { ...PLAIN, content: broken }),
        Error,
        "gone",
      );
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await listTree(path), ["a"]);
    }),
);

testWith(
  NEEDS,
  "POST by HTTP/1.0 is 411 without a length",
  () =>
    withFileServer(async ({ path, connect }) => {
      using client = await connect();
      await client.send("POST /files/a HTTP/1.0\r\n\r\nabc");
      assertEquals((await client.readResponse()).status, 411);
      assertEquals(await listTree(path), []);
    }),
);

testWith(
  NEEDS,
  "storeFile() writes small and large pieces in order",
  () =>
    withDirectory(async (path) => {
      const sizes = [1, 40_000, 3, 70_000, 30_000, 30_000, 30_000, 0, 5, 65_536, 32_768, 32_769, 1];
      let next = 0;
      const pieces = sizes.map((size) => Uint8Array.from({ length: size }, () => next++ % 251));
      const content = fromStream(ReadableStream.from(pieces));
      await storeFile(await probed(new Root(path)), "a", { ...PLAIN, content });
      assertEquals(await Deno.readFile(`${path}/a`), await new Blob(pieces).bytes());
    }),
);

for (const isDurable of [true, false]) {
  testWith(
    NEEDS,
    `PUT and POST store content when uploads are ${isDurable ? "durable" : "fast"}`,
    () =>
      withFileServer(async ({ path, ask }) => {
        const requests: [requestLine: string, content: string, status: number][] = [
          ["POST /files/a", "one", 201],
          ["POST /files/a", "two!", 201],
          ["PUT /files/a", "three", 204],
          ["PUT /files/b%20c/d/e?x=y", "four", 201],
          ["PUT /files/b%20c/d/e", "", 204],
          ["POST /files/b%20c/f", "", 201],
          ["PUT /files/large", "large".repeat(50_000), 201],
        ];
        for (const [requestLine, content, status] of requests) {
          const response = await ask(requestLine, { body: content });
          assertEquals(response.status, status, requestLine);
          const target = requestLine.split(/[ ?]/)[1]!;
          if (status === 201) assertEquals(response.fields.get("location"), target);
          const stored = await ask(`GET ${target}`);
          assertEquals(stored.text, content, requestLine);
          for (const name of ["etag", "last-modified"]) {
            assertMatch(response.fields.get(name) ?? "", /./, `${requestLine}: ${name}`);
            assertEquals(
              response.fields.get(name),
              stored.fields.get(name),
              `${requestLine}: ${name}`,
            );
          }
        }
        const names = ["a", "b c/", "b c/d/", "b c/d/e", "b c/f", "large"];
        assertEquals(await listTree(path), names);
      }, { settings: { isDurable } }),
  );
}

testWith(NEEDS, "PUT stores chunked content", () =>
  withFileServer(async ({ path, port }) => {
    using client = await RawClient.connect(port);
    await client.send(request("PUT /files/a", "Transfer-Encoding: chunked"));
    await client.send("3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX: y\r\n\r\n");
    assertEquals((await client.readResponse()).status, 201);
    assertEquals(await Deno.readTextFile(`${path}/a`), "abcdefg");
  }));

testWith(
  NEEDS,
  "PUT keeps the old file, and leaves nothing else, when the client disconnects",
  () =>
    withFileServer(async ({ path, port }) => {
      await writeOld(`${path}/a`);
      for (const target of ["/files/a", "/files/new/b"]) {
        const client = await RawClient.connect(port);
        await client.send(request(`PUT ${target}`, "Content-Length: 10") + "12345");
        await until(async () => await countTemporary(path) === 1);
        client.close();
        await until(async () => (await treeOf(path)).length === 1);
        assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      }
    }),
);

/** Settings, the methods that are refused, and Allow. */
const ALLOWED: [changes: Partial<FileSettings>, refused: string[], allow: string[]][] = [
  [{}, ["DELETE", "PATCH"], ["GET", "HEAD", "POST", "PUT", "OPTIONS"]],
  [{ allowsDelete: true }, ["PATCH"], ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]],
  [{ isReadOnly: true }, ["POST", "PUT", "DELETE"], ["GET", "HEAD", "OPTIONS"]],
  [
    { isReadOnly: true, allowsDelete: true },
    ["POST", "PUT", "DELETE"],
    ["GET", "HEAD", "OPTIONS"],
  ],
];

testWith(NEEDS, "methods that the settings do not allow are 405 and not in Allow", async () => {
  for (const [changes, refused, allow] of ALLOWED) {
    await withFileServer(async ({ path, ask }) => {
      await writeOld(`${path}/a`);
      const check = ({ status, fields }: RawResponse, expected: number) => {
        assertEquals(status, expected, JSON.stringify(changes));
        assertEquals(fields.get("allow")!.split(", ").sort(), allow.toSorted());
      };
      for (const method of refused) check(await ask(`${method} /files/a`, { body: "new" }), 405);
      for (const method of refused) check(await ask(`${method} /files/none`, { body: "new" }), 405);
      check(await ask("OPTIONS /files/a"), 204);
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await listTree(path), ["a"]);
    }, { settings: changes });
  }
});

testWith(
  NEEDS,
  "PUT and POST are 409 for an existing file when allowsReplace is false",
  () =>
    withFileServer(async ({ path, ask }) => {
      await writeOld(`${path}/a`);
      for (const method of ["POST", "PUT"]) {
        assertEquals((await ask(`${method} /files/a`, { body: "new" })).status, 409, method);
        assertEquals(
          (await ask(`${method} /files/${method}`, { body: "new" })).status,
          201,
          method,
        );
        assertEquals(
          (await ask(`${method} /files/${method}`, { body: "newer" })).status,
          409,
          method,
        );
        assertEquals(await Deno.readTextFile(`${path}/${method}`), "new");
      }
      assertEquals(
        (await ask("PUT /files/a", { headers: ["If-None-Match: *"], body: "new" })).status,
        412,
      );
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
    }, { settings: { allowsReplace: false } }),
);

testWith(
  NEEDS,
  "PUT accepts the ETag of any form of the file in If-Match",
  () =>
    withFileServer(async ({ path, ask }) => {
      for (const isPrecompressed of [false, true]) {
        for (const coding of ["identity", "gzip", "br"]) {
          for (const name of isPrecompressed ? ["a", "a.gz", "a.br"] : ["a"]) {
            await Deno.writeTextFile(`${path}/${name}`, "some text");
            await Deno.utime(`${path}/${name}`, CHANGED, CHANGED);
          }
          const got = await ask("GET /files/a", { headers: [`Accept-Encoding: ${coding}`] });
          const tag = got.fields.get("etag")!;
          assertEquals(
            (await ask("PUT /files/a", { headers: [`If-Match: ${tag}`], body: "new" })).status,
            204,
            coding,
          );
          assertEquals(
            (await ask("PUT /files/a", { headers: [`If-Match: ${tag}`], body: "new" })).status,
            412,
            coding,
          );
        }
      }
    }),
);

testWith(
  NEEDS,
  "links do not lead to names that are not allowed",
  () =>
    withFileServer(async ({ path, ask }) => {
      const names = [".hidden", temporaryName()];
      for (const name of names) {
        await Deno.writeTextFile(`${path}/${name}`, "secret");
        await Deno.symlink(name, `${path}/link`);
        assertEquals((await ask("GET /files/link")).status, 404, name);
        assertEquals((await ask("PUT /files/link", { body: "x" })).status, 403, name);
        assertEquals(await Deno.readTextFile(`${path}/${name}`), "secret");
        await Deno.remove(`${path}/link`);
      }
      await Deno.remove(`${path}/${names[1]}`);
    }),
);

testWith(
  NEEDS,
  "PUT and DELETE accept an existing file when its name is as long as can be",
  () =>
    withFileServer(async ({ path, ask }) => {
      for (const length of [252, 253, 255]) {
        const target = `/files/${"n".repeat(length)}`;
        assertEquals((await ask(`PUT ${target}`, { body: "old" })).status, 201, target);
        assertEquals((await ask(`PUT ${target}`, { body: "new" })).status, 204, target);
        assertEquals((await ask(`GET ${target}`)).text, "new", target);
        assertEquals((await ask(`DELETE ${target}`)).status, 204, target);
      }
      assertEquals(await listTree(path), []);
    }, { settings: { allowsDelete: true } }),
);
