// MKCOL (RFC 4918 section 9.3).

import { assertEquals } from "@std/assert";
import { temporaryName } from "../../lib/files/root.ts";
import { NEEDS, treeOf, withFileServer, withWritable, writeOld } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { listTree, withDirectory } from "../support/temp.ts";

testWith(
  NEEDS,
  "MKCOL creates one folder, and tells where it is",
  () =>
    withWritable(async ({ path, ask }) => {
      await writeOld(`${path}/a`);
      const cases: [target: string, status: number][] = [
        ["/new", 201],
        ["/new", 405],
        ["/new/", 405],
        ["/new/in%20%C3%A5/", 201],
        ["/a", 405],
        ["/", 405],
        ["/none/in", 409],
        ["/a/in", 409],
        ["/.git", 400],
        [`/${temporaryName()}`, 400],
        ["/x%2fy", 400],
        ["/../x", 400],
        ["/x//", 400],
        [`/${"n".repeat(256)}`, 400],
      ];
      for (const [target, status] of cases) {
        const { status: found, fields } = await ask(`MKCOL ${target}`);
        assertEquals(found, status, target);
        if (status === 201) {
          assertEquals(fields.get("location"), target.endsWith("/") ? target : `${target}/`);
        }
        if (status === 405) {
          assertEquals(fields.get("allow"), "GET, HEAD, POST, PUT, DELETE, MOVE, OPTIONS");
        }
      }
      assertEquals(await listTree(path), ["a", "new/", "new/in å/"]);
    }),
);

testWith(NEEDS, "MKCOL is durable where uploads are", () =>
  withWritable(async ({ path, ask }) => {
    assertEquals((await ask("MKCOL /new")).status, 201);
    assertEquals(await listTree(path), ["new/"]);
  }, { settings: { isDurable: true } }));

testWith(
  NEEDS,
  "MKCOL is 415 with content, and evaluates conditions",
  () =>
    withWritable(async ({ path, ask }) => {
      assertEquals((await ask("MKCOL /new", { body: "<mkcol/>" })).status, 415);
      const ifMatch = await ask("MKCOL /new", { headers: ["If-Match: *"] });
      assertEquals(ifMatch.status, 412);
      assertEquals(await treeOf(path), []);
      const ifNone = await ask("MKCOL /new", { headers: ["If-None-Match: *"], body: "" });
      assertEquals(ifNone.status, 201);
    }),
);

testWith(
  NEEDS,
  "MKCOL succeeds once when several are simultaneous",
  () =>
    withWritable(async ({ ask }) => {
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async () => (await ask("MKCOL /new")).status),
      );
      assertEquals(statuses.sort(), [201, ...Array(19).fill(405)]);
    }),
);

testWith(
  NEEDS,
  "MKCOL creates nothing outside, and no folder in place of a link",
  () =>
    withDirectory((outside) =>
      withWritable(async ({ path, ask }) => {
        await Deno.symlink(outside, `${path}/out`);
        await Deno.symlink(`${outside}/none`, `${path}/broken`);
        await Deno.mkdir(`${path}/in`);
        await Deno.symlink("in", `${path}/way`);
        assertEquals((await ask("MKCOL /out/new")).status, 409);
        assertEquals((await ask("MKCOL /out")).status, 405);
        assertEquals((await ask("MKCOL /broken")).status, 405);
        assertEquals((await ask("MKCOL /way/new")).status, 201);
        assertEquals(await listTree(outside), []);
        assertEquals(await listTree(`${path}/in`), ["new/"]);
      })
    ),
);

testWith(
  NEEDS,
  "MKCOL and MOVE are 405 where the settings do not allow them",
  () =>
    withFileServer(async ({ ask }) => {
      for (const method of ["MKCOL", "MOVE", "DELETE", "PUT", "POST"]) {
        const { status, fields } = await ask(`${method} /new`);
        assertEquals([status, fields.get("allow")], [405, "GET, HEAD, OPTIONS"], method);
      }
    }, { isAtRoot: true, settings: { isReadOnly: true } }),
);

testWith(
  NEEDS,
  "OPTIONS lists MKCOL with uploads, and MOVE with DELETE",
  () =>
    withFileServer(async ({ ask }) => {
      const { status, fields } = await ask("OPTIONS /new");
      assertEquals([status, fields.get("allow")], [204, "GET, HEAD, POST, PUT, MKCOL, OPTIONS"]);
      assertEquals((await ask("MOVE /a", { headers: ["Destination: /b"] })).status, 405);
    }, { isAtRoot: true }),
);

testWith(
  NEEDS,
  "a folder that MKCOL has created stays when an upload to it fails",
  () =>
    withWritable(async ({ path, ask }) => {
      assertEquals((await ask("MKCOL /new")).status, 201);
      const digest = `Content-Digest: sha-256=:${btoa("x".repeat(32))}:`;
      assertEquals((await ask("PUT /new/a", { headers: [digest], body: "a" })).status, 400);
      assertEquals(await treeOf(path), ["new/"]);
    }),
);

testWith(
  NEEDS,
  "MKCOL, MOVE and DELETE are 503 while the served folder is missing",
  () =>
    withWritable(async ({ path, parent, ask }) => {
      await Deno.rename(path, `${parent}/elsewhere`);
      assertEquals((await ask("MKCOL /new")).status, 503);
      assertEquals((await ask("MOVE /a", { headers: ["Destination: /b"] })).status, 503);
      assertEquals((await ask("DELETE /a/")).status, 503);
      await Deno.rename(`${parent}/elsewhere`, path);
      assertEquals((await ask("MKCOL /new")).status, 201);
    }),
);
