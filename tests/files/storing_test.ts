// What is stored, deleted and allowed: POST, PUT and DELETE of files.

import { assertEquals, assertMatch } from "@std/assert";
import { temporaryName } from "../../lib/files/root.ts";
import type { FileSettings } from "../../lib/files/settings.ts";
import { testWith } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import {
  CHANGED,
  countParts,
  EARLIER,
  etagOf,
  head,
  NEEDS,
  SAME,
  treeOf,
  withHouse,
  writeOld,
} from "./writing_house.ts";

for (const isDurable of [true, false]) {
  testWith(
    NEEDS,
    `uploads are stored and told of, ${isDurable ? "durable" : "fast"}`,
    () =>
      withHouse(async ({ path, ask }) => {
        const requests: [request: string, content: string, status: number][] = [
          ["POST /files/a", "one", 201],
          ["POST /files/a", "two!", 201],
          ["PUT /files/a", "three", 204],
          ["PUT /files/b%20c/d/e?x=y", "four", 201],
          ["PUT /files/b%20c/d/e", "", 204],
          ["POST /files/b%20c/f", "", 201],
          ["PUT /files/large", "large".repeat(50_000), 201],
        ];
        for (const [request, content, status] of requests) {
          const response = await ask(request, content);
          assertEquals(response.status, status, request);
          const target = request.split(/[ ?]/)[1]!;
          if (status === 201) assertEquals(response.fields.get("location"), target);
          const stored = await ask(`GET ${target}`);
          assertEquals(stored.text, content, request);
          for (const name of ["etag", "last-modified"]) {
            assertMatch(response.fields.get(name) ?? "", /./, `${request}: ${name}`);
            assertEquals(response.fields.get(name), stored.fields.get(name), `${request}: ${name}`);
          }
        }
        const names = ["a", "b c/", "b c/d/", "b c/d/e", "b c/f", "large"];
        assertEquals(await listTree(path), names);
      }, { isDurable }),
  );
}

testWith(NEEDS, "chunked content is stored, too", () =>
  withHouse(async ({ path, port }) => {
    using client = await RawClient.connect(port);
    await client.send(head("PUT /files/a", "Transfer-Encoding: chunked"));
    await client.send("3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX: y\r\n\r\n");
    assertEquals((await client.readResponse()).status, 201);
    assertEquals(await Deno.readTextFile(`${path}/a`), "abcdefg");
  }));

testWith(
  NEEDS,
  "an upload that breaks off leaves the old file, and nothing else",
  () =>
    withHouse(async ({ path, port }) => {
      await writeOld(path);
      for (const target of ["/files/a", "/files/new/b"]) {
        const client = await RawClient.connect(port);
        await client.send(head(`PUT ${target}`, "Content-Length: 10") + "12345");
        await until(async () => await countParts(path) === 1);
        client.close();
        await until(async () => (await treeOf(path)).length === 1);
        assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      }
    }),
);

testWith(
  NEEDS,
  "DELETE removes a file, and nothing but a file",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in`);
      for (const name of ["a", "in/å", ".env", temporaryName()]) {
        await Deno.writeTextFile(`${path}/${name}`, name);
      }
      const requests: [target: string, status: number][] = [
        ["a", 204],
        ["a", 404],
        ["in", 409],
        ["in/%C3%A5", 204],
        ["in/none", 404],
        ["none/none", 404],
        ["in%2fb", 404],
        [".env", 404],
        ["..", 404],
        ["", 404],
        ["n".repeat(256), 404],
      ];
      for (const [target, status] of requests) {
        assertEquals((await ask(`DELETE /files/${target}`)).status, status, target);
      }
      assertEquals((await ask("DELETE /files")).status, 405);
      const [hidden, temporary] = await listTree(path);
      assertEquals((await ask(`DELETE /files/${temporary}`)).status, 404);
      assertEquals(hidden, ".env");
      await Deno.remove(`${path}/${temporary}`);
      assertEquals(await listTree(path), [".env", "in/"]);
    }, { allowsDelete: true }),
);

testWith(NEEDS, "DELETE is 404 for what is below a file", () =>
  withHouse(async ({ path, ask }) => {
    await writeOld(path);
    assertEquals((await ask("DELETE /files/a/b")).status, 404);
    assertEquals((await ask("DELETE /files/a/b/c")).status, 404);
  }, { allowsDelete: true }));

testWith(
  NEEDS,
  "DELETE takes a link away rather than what it leads to, and none that leads out",
  () =>
    withDirectory((outside) =>
      withHouse(async ({ path, ask }) => {
        await Deno.writeTextFile(`${outside}/secret`, "secret");
        await writeOld(path);
        await Deno.symlink("a", `${path}/link`);
        await Deno.symlink(outside, `${path}/out`);
        assertEquals((await ask("DELETE /files/link")).status, 204);
        assertEquals((await ask("DELETE /files/out/secret")).status, 404);
        assertEquals(await Deno.readTextFile(`${path}/a`), "old");
        assertEquals(await listTree(outside), ["secret"]);
      }, { allowsDelete: true })
    ),
);

testWith(NEEDS, "DELETE heeds conditions", () =>
  withHouse(async (house) => {
    const { path, ask } = house;
    await writeOld(path);
    const etag = await etagOf(house, "/files/a");
    const lines: [target: string, line: string, status: number][] = [
      ["a", 'If-Match: "x"', 412],
      ["a", `If-Match: W/${etag}`, 412],
      ["a", `If-Unmodified-Since: ${EARLIER}`, 412],
      ["a", "If-None-Match: *", 412],
      ["none", "If-Match: *", 412],
      ["a", `If-Match: ${etag}`, 204],
    ];
    for (const [target, line, status] of lines) {
      assertEquals((await ask(`DELETE /files/${target}`, null, line)).status, status, line);
    }
    await writeOld(path);
    const { status } = await ask("DELETE /files/a", null, `If-Unmodified-Since: ${SAME}`);
    assertEquals([status, await listTree(path)], [204, []]);
  }, { allowsDelete: true }));

testWith(NEEDS, "of simultaneous DELETEs, one deletes", () =>
  withHouse(async ({ path, ask }) => {
    await writeOld(path);
    const answers = Array.from({ length: 20 }, () => ask("DELETE /files/a"));
    const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
    assertEquals(statuses, [204, ...Array(19).fill(404)]);
  }, { allowsDelete: true }));

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

testWith(NEEDS, "what the settings do not allow is 405 and not in Allow", async () => {
  for (const [changes, refused, allow] of ALLOWED) {
    await withHouse(async ({ path, ask }) => {
      await writeOld(path);
      const check = ({ status, fields }: RawResponse, expected: number) => {
        assertEquals(status, expected, JSON.stringify(changes));
        assertEquals(fields.get("allow")!.split(", ").sort(), allow.toSorted());
      };
      for (const method of refused) check(await ask(`${method} /files/a`, "new"), 405);
      for (const method of refused) check(await ask(`${method} /files/none`, "new"), 405);
      check(await ask("OPTIONS /files/a"), 204);
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await listTree(path), ["a"]);
    }, changes);
  }
});

testWith(
  NEEDS,
  "what may not be replaced is 409, what is new is 201",
  () =>
    withHouse(async ({ path, ask }) => {
      await writeOld(path);
      for (const method of ["POST", "PUT"]) {
        assertEquals((await ask(`${method} /files/a`, "new")).status, 409, method);
        assertEquals((await ask(`${method} /files/${method}`, "new")).status, 201, method);
        assertEquals((await ask(`${method} /files/${method}`, "newer")).status, 409, method);
        assertEquals(await Deno.readTextFile(`${path}/${method}`), "new");
      }
      assertEquals((await ask("PUT /files/a", "new", "If-None-Match: *")).status, 412);
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
    }, { allowsReplace: false }),
);

testWith(
  NEEDS,
  "DELETE of a link heeds the conditions of what it leads to, and takes the link",
  () =>
    withHouse(async (house) => {
      const { path, ask } = house;
      await Deno.writeTextFile(`${path}/a`, "kept");
      await Deno.symlink("a", `${path}/link`);
      const tag = await etagOf(house, "/files/link");
      assertEquals((await ask("DELETE /files/link", null, 'If-Match: "x"')).status, 412);
      assertEquals((await ask("DELETE /files/link", null, `If-Match: ${tag}`)).status, 204);
      assertEquals(await treeOf(path), ["a"]);
    }, { allowsDelete: true }),
);

testWith(
  [...NEEDS, "mkfifo"],
  "DELETE takes nothing but files",
  () =>
    withHouse(async ({ path, ask }) => {
      await new Deno.Command("mkfifo", { args: [`${path}/pipe`] }).output();
      assertEquals((await ask("DELETE /files/pipe")).status, 404);
      assertEquals(await treeOf(path), ["pipe"]);
    }, { allowsDelete: true }),
);

testWith(
  NEEDS,
  "PUT takes the tag of any form that the file was got in",
  () =>
    withHouse(async ({ path, ask }) => {
      for (const isPrecompressed of [false, true]) {
        for (const coding of ["identity", "gzip", "br"]) {
          for (const name of isPrecompressed ? ["a", "a.gz", "a.br"] : ["a"]) {
            await Deno.writeTextFile(`${path}/${name}`, "some text");
            await Deno.utime(`${path}/${name}`, CHANGED, CHANGED);
          }
          const got = await ask("GET /files/a", null, `Accept-Encoding: ${coding}`);
          const tag = got.fields.get("etag")!;
          assertEquals((await ask("PUT /files/a", "new", `If-Match: ${tag}`)).status, 204, coding);
          assertEquals((await ask("PUT /files/a", "new", `If-Match: ${tag}`)).status, 412, coding);
        }
      }
    }),
);

testWith(
  NEEDS,
  "links lead to no name that could not be asked for",
  () =>
    withHouse(async ({ path, ask }) => {
      const names = [".hidden", temporaryName()];
      for (const name of names) {
        await Deno.writeTextFile(`${path}/${name}`, "secret");
        await Deno.symlink(name, `${path}/link`);
        assertEquals((await ask("GET /files/link")).status, 404, name);
        assertEquals((await ask("PUT /files/link", "x")).status, 403, name);
        assertEquals(await Deno.readTextFile(`${path}/${name}`), "secret");
        await Deno.remove(`${path}/link`);
      }
      await Deno.remove(`${path}/${names[1]}`);
    }),
);
