// DELETE of folders (RFC 4918 section 9.6.1).

import { assertEquals, assertMatch } from "@std/assert";
import { Root, temporaryName } from "../../lib/files/root.ts";
import { removeStaleUploads } from "../../lib/files/stale_uploads.ts";
import { NEEDS, treeOf, withWritable, writeOld } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { listTree, withDirectory } from "../support/temp.ts";

async function makeTree(path: string): Promise<void> {
  await Deno.mkdir(`${path}/in/deep/empty`, { recursive: true });
  for (const name of ["in/a", "in/.hidden", "in/deep/b", "kept"]) await writeOld(`${path}/${name}`);
}

testWith(
  NEEDS,
  "DELETE removes a folder with everything in it, and says how much",
  () =>
    withWritable(async ({ path, ask }) => {
      const ways: [target: string, ...headers: string[]][] = [
        ["/in/"],
        ["/in", "Depth: infinity"],
        ["/in/", "Depth: Infinity", "Accept: */*"],
      ];
      for (const [target, ...headers] of ways) {
        await makeTree(path);
        const { status, text } = await ask(`DELETE ${target}`, { headers });
        assertEquals([status, text], [200, "6 files and folders were deleted.\n"]);
        assertEquals(await treeOf(path), ["kept"]);
        assertEquals((await ask(`DELETE ${target}`, { headers })).status, 404);
      }
      await makeTree(path);
      const { status, fields, text } = await ask("DELETE /in/", {
        headers: ["Accept: application/json"],
      });
      assertEquals([status, fields.get("content-type")], [200, "application/json"]);
      assertEquals(JSON.parse(text), { removed: 6 });
    }, { settings: { isDurable: true } }),
);

testWith(
  NEEDS,
  "DELETE of a folder is refused without a slash and a depth, and with a wrong one",
  () =>
    withWritable(async ({ path, ask }) => {
      await makeTree(path);
      const refused: [target: string, status: number, ...headers: string[]][] = [
        ["/in", 409],
        ["/in/", 400, "Depth: 0"],
        ["/in", 400, "Depth: 1"],
        ["/", 403],
        ["/", 403, "Depth: infinity"],
        ["/kept/", 404],
        ["/in/", 412, 'If-Match: "x"'],
        ["/in/", 412, "If-None-Match: *"],
        ["/none/", 412, "If-Match: *"],
        ["/in//", 404],
        ["/in/..", 404],
      ];
      const before = await listTree(path);
      for (const [target, status, ...headers] of refused) {
        assertEquals((await ask(`DELETE ${target}`, { headers })).status, status, target);
      }
      assertEquals(await listTree(path), before);
      assertMatch((await ask("DELETE /in")).text, /Depth: infinity/);
      assertEquals((await ask("DELETE /in/", { headers: ["If-Match: *"] })).status, 200);
    }),
);

testWith(
  NEEDS,
  "DELETE of a folder follows no link",
  () =>
    withDirectory((outside) =>
      withWritable(async ({ path, ask }) => {
        await writeOld(`${outside}/kept`);
        await makeTree(path);
        await Deno.symlink(outside, `${path}/in/out`);
        await Deno.symlink("in", `${path}/way`);
        await Deno.symlink(outside, `${path}/leads`);
        assertEquals((await ask("DELETE /way/")).status, 204); // The link alone.
        assertEquals((await ask("DELETE /leads/")).status, 404);
        assertEquals((await ask("DELETE /in/")).text, "7 files and folders were deleted.\n");
        assertEquals(await listTree(outside), ["kept"]);
        assertEquals(await treeOf(path), ["kept", "leads"]);
      })
    ),
);

testWith(
  NEEDS,
  "DELETE of a folder succeeds once when several are simultaneous",
  () =>
    withWritable(async ({ path, ask }) => {
      await makeTree(path);
      const statuses = await Promise.all(
        Array.from({ length: 10 }, async () => (await ask("DELETE /in/")).status),
      );
      assertEquals(statuses.sort(), [200, ...Array(9).fill(404)]);
    }),
);

testWith(
  NEEDS,
  "DELETE of a folder fails an upload to it, and leaves nothing",
  () =>
    withWritable(async ({ path, ask, connect }) => {
      await Deno.mkdir(`${path}/in`);
      using client = await connect();
      await client.send("PUT /in/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
      while ((await treeOf(path)).length < 2) await ask("GET /none");
      assertEquals((await ask("DELETE /in/")).status, 200);
      await client.send("c");
      assertEquals((await client.readResponse()).status, 409);
      assertEquals(await treeOf(path), []);
    }),
);

testWith(
  NEEDS,
  "removeStaleUploads() removes a folder whose deletion a crash has ended",
  () =>
    withDirectory(async (path) => {
      const temporary = temporaryName("deleted");
      await Deno.mkdir(`${path}/in/${temporary}/deep`, { recursive: true });
      await Deno.writeTextFile(`${path}/in/${temporary}/deep/a`, "a");
      await Deno.mkdir(`${path}/in/.wireserve-x.deleted`);
      const errors: unknown[] = [];
      assertEquals(await removeStaleUploads(new Root(path).path, (error) => errors.push(error)), 1);
      assertEquals(errors, []);
      assertEquals(await listTree(path), ["in/", "in/.wireserve-x.deleted/"]);
    }),
);

testWith(
  [...NEEDS, "mount"],
  "DELETE of a folder that cannot be removed as a whole gives what is left its name again",
  () =>
    withWritable(async ({ path, ask }) => {
      await makeTree(path);
      const mounted = `${path}/in/deep/empty`;
      const run = (name: string, ...args: string[]) => new Deno.Command(name, { args }).output();
      await run("mount", "-t", "tmpfs", "-o", "size=1m", "none", mounted);
      try {
        assertEquals((await ask("DELETE /in/")).status, 409);
        assertEquals(await Deno.stat(mounted).then(({ isDirectory }) => isDirectory), true);
      } finally {
        await run("umount", mounted);
      }
      assertEquals((await ask("DELETE /in/")).status, 200);
      assertEquals(await treeOf(path), ["kept"]);
    }),
);
