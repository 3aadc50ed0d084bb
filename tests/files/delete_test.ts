// DELETE of files.

import { assertEquals } from "@std/assert";
import { temporaryName } from "../../lib/files/root.ts";
import {
  EARLIER,
  etagOf,
  NEEDS,
  SAME,
  treeOf,
  withFileServer,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { listTree, withDirectory } from "../support/temp.ts";

testWith(
  NEEDS,
  "DELETE removes files only",
  () =>
    withFileServer(async ({ path, ask }) => {
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
        ["", 403],
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
    }, { settings: { allowsDelete: true } }),
);

testWith(
  NEEDS,
  "DELETE is 404 when a part of the path is a file",
  () =>
    withFileServer(async ({ path, ask }) => {
      await writeOld(`${path}/a`);
      assertEquals((await ask("DELETE /files/a/b")).status, 404);
      assertEquals((await ask("DELETE /files/a/b/c")).status, 404);
    }, { settings: { allowsDelete: true } }),
);

testWith(
  NEEDS,
  "DELETE removes the link, not its target, and no link that leads outside",
  () =>
    withDirectory((outside) =>
      withFileServer(async ({ path, ask }) => {
        await Deno.writeTextFile(`${outside}/secret`, "secret");
        await writeOld(`${path}/a`);
        await Deno.symlink("a", `${path}/link`);
        await Deno.symlink(outside, `${path}/out`);
        assertEquals((await ask("DELETE /files/link")).status, 204);
        assertEquals((await ask("DELETE /files/out/secret")).status, 404);
        assertEquals(await Deno.readTextFile(`${path}/a`), "old");
        assertEquals(await listTree(outside), ["secret"]);
      }, { settings: { allowsDelete: true } })
    ),
);

testWith(NEEDS, "DELETE evaluates conditions", () =>
  withFileServer(async (fixture) => {
    const { path, ask } = fixture;
    await writeOld(`${path}/a`);
    const etag = await etagOf(fixture, "/files/a");
    const lines: [target: string, line: string, status: number][] = [
      ["a", 'If-Match: "x"', 412],
      ["a", `If-Match: W/${etag}`, 412],
      ["a", `If-Unmodified-Since: ${EARLIER}`, 412],
      ["a", "If-None-Match: *", 412],
      ["none", "If-Match: *", 412],
      ["a", `If-Match: ${etag}`, 204],
    ];
    for (const [target, line, status] of lines) {
      assertEquals(
        (await ask(`DELETE /files/${target}`, { headers: [line] })).status,
        status,
        line,
      );
    }
    await writeOld(`${path}/a`);
    const { status } = await ask("DELETE /files/a", { headers: [`If-Unmodified-Since: ${SAME}`] });
    assertEquals([status, await listTree(path)], [204, []]);
  }, { settings: { allowsDelete: true } }));

testWith(
  NEEDS,
  "DELETE succeeds once when several are simultaneous",
  () =>
    withFileServer(async ({ path, ask }) => {
      await writeOld(`${path}/a`);
      const answers = Array.from({ length: 20 }, () => ask("DELETE /files/a"));
      const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
      assertEquals(statuses, [204, ...Array(19).fill(404)]);
    }, { settings: { allowsDelete: true } }),
);

testWith(
  NEEDS,
  "DELETE of a link evaluates conditions for its target, and removes the link",
  () =>
    withFileServer(async (fixture) => {
      const { path, ask } = fixture;
      await Deno.writeTextFile(`${path}/a`, "kept");
      await Deno.symlink("a", `${path}/link`);
      const tag = await etagOf(fixture, "/files/link");
      assertEquals((await ask("DELETE /files/link", { headers: ['If-Match: "x"'] })).status, 412);
      assertEquals(
        (await ask("DELETE /files/link", { headers: [`If-Match: ${tag}`] })).status,
        204,
      );
      assertEquals(await treeOf(path), ["a"]);
    }, { settings: { allowsDelete: true } }),
);

testWith(
  [...NEEDS, "mkfifo"],
  "DELETE is 404 for a pipe",
  () =>
    withFileServer(async ({ path, ask }) => {
      await new Deno.Command("mkfifo", { args: [`${path}/pipe`] }).output();
      assertEquals((await ask("DELETE /files/pipe")).status, 404);
      assertEquals(await treeOf(path), ["pipe"]);
    }, { settings: { allowsDelete: true } }),
);
