// MOVE (RFC 4918 section 9.9).

import { assertEquals } from "@std/assert";
import {
  EARLIER,
  etagOf,
  type Fixture,
  NEEDS,
  treeOf,
  withWritable,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { listTree, withDirectory } from "../support/temp.ts";

async function move(
  { ask }: Fixture,
  from: string,
  to: string,
  ...headers: string[]
): Promise<number> {
  return (await ask(`MOVE ${from}`, { headers: [`Destination: ${to}`, ...headers] })).status;
}

const NO_OVERWRITE = "Overwrite: F";

testWith(NEEDS, "MOVE renames files and folders", () =>
  withWritable(async (fixture) => {
    const { path } = fixture;
    for (const directory of ["in/deep", "other"]) {
      await Deno.mkdir(`${path}/${directory}`, { recursive: true });
    }
    for (const name of ["a", "b", "in/deep/c"]) await writeOld(`${path}/${name}`, name);
    const moves: [from: string, to: string, ...headers: (string | number)[]][] = [
      ["/a", "/other/new%20%C3%A5", 201],
      ["/other/new%20%C3%A5", "http://h/a", 201],
      ["/a", "http://h:80/a2", NO_OVERWRITE, 201],
      ["/a2", "/b", NO_OVERWRITE, 412],
      ["/a2", "/b", "Overwrite: T", 204],
      ["/in", "/other/in", 201],
      ["/other/in/", "/in2/", NO_OVERWRITE, "Depth: infinity", 201],
      ["/in2/", "/in3", 201],
    ];
    for (const [from, to, ...rest] of moves) {
      const status = rest.pop();
      assertEquals(await move(fixture, from, to, ...rest as string[]), status, `${from} ${to}`);
    }
    assertEquals(await listTree(path), ["b", "in3/", "in3/deep/", "in3/deep/c", "other/"]);
    assertEquals(await Deno.readTextFile(`${path}/b`), "a");
  }));

testWith(
  NEEDS,
  "MOVE tells where it has moved a file, whose entity tag stays",
  () =>
    withWritable(async (fixture) => {
      const { path, ask } = fixture;
      await writeOld(`${path}/a`);
      const etag = await etagOf(fixture, "/a");
      const { status, fields } = await ask("MOVE /a", { headers: ["Destination: http://h/b%20c"] });
      assertEquals([status, fields.get("location")], [201, "/b%20c"]);
      assertEquals(await etagOf(fixture, "/b%20c"), etag);
      assertEquals((await ask("GET /a")).status, 404);
    }, { settings: { isDurable: true } }),
);

testWith(
  NEEDS,
  "MOVE refuses what RFC 4918 refuses, and changes nothing",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      await Deno.mkdir(`${path}/in/deep`, { recursive: true });
      await Deno.mkdir(`${path}/empty`);
      await writeOld(`${path}/a`);
      await writeOld(`${path}/b`);
      await writeOld(`${path}/in/c`);
      const before = await listTree(path);
      const refused: [from: string, to: string, status: number, ...headers: string[]][] = [
        ["/none", "/x", 404],
        ["/a/", "/x/", 404],
        ["/a", "/a", 403],
        ["/in", "/in", 403],
        ["/in/", "/in", 403],
        ["/in", "/in/deep/x", 403],
        ["/in", "/in/x", 403],
        ["/", "/x", 403],
        ["/a", "/", 403],
        ["/a", "http://h", 403],
        ["/a", "/none/x", 409],
        ["/a", "/b/x", 409],
        ["/a", "/in", 409],
        ["/a", "/empty", 409],
        ["/a", "/in", 412, NO_OVERWRITE],
        ["/in", "/b", 409],
        ["/in", "/empty", 409],
        ["/in", "/empty", 412, NO_OVERWRITE],
        ["/in/deep", "/in", 409],
        ["/a", "http://other/x", 502],
        ["/a", "/x?y", 400],
        ["/a", "/.x", 400],
        ["/a", "/x%2fy", 400],
        ["/a", "/../x", 400],
        ["/a", "/x%zz", 400],
        ["/a", "/x/", 400],
        ["/a", "/x", 400, "Overwrite: X"],
        ["/in", "/x", 400, "Depth: 0"],
        ["/a", `/${"n".repeat(256)}`, 400],
      ];
      for (const [from, to, status, ...headers] of refused) {
        assertEquals(await move(fixture, from, to, ...headers), status, `${from} ${to} ${headers}`);
      }
      assertEquals((await fixture.ask("MOVE /a")).status, 400);
      assertEquals(await listTree(path), before);
    }),
);

testWith(
  NEEDS,
  "MOVE evaluates the conditions of its source",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      await writeOld(`${path}/a`);
      await Deno.mkdir(`${path}/in`);
      const etag = await etagOf(fixture, "/a");
      const conditions: [from: string, line: string, status: number][] = [
        ["/a", 'If-Match: "x"', 412],
        ["/a", "If-None-Match: *", 412],
        ["/a", `If-None-Match: ${etag}`, 412],
        ["/a", `If-Unmodified-Since: ${EARLIER}`, 412],
        ["/none", "If-Match: *", 412],
        ["/in", "If-None-Match: *", 412],
        ["/in", 'If-Match: "x"', 412],
        ["/a", `If-Match: ${etag}`, 201],
        ["/in", "If-Match: *", 201],
      ];
      for (const [from, line, status] of conditions) {
        assertEquals(await move(fixture, from, `${from}2`, line), status, `${from} ${line}`);
      }
    }),
);

testWith(
  NEEDS,
  "MOVE replaces no file where the server does not",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      await writeOld(`${path}/a`, "a");
      await writeOld(`${path}/b`, "b");
      assertEquals(await move(fixture, "/a", "/b"), 409);
      assertEquals(await move(fixture, "/a", "/c"), 201);
      assertEquals(await Deno.readTextFile(`${path}/b`), "b");
    }, { settings: { allowsReplace: false } }),
);

testWith(
  NEEDS,
  "MOVE without Overwrite succeeds for one of several with the same destination",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      const names = Array.from({ length: 20 }, (_, at) => `f${at}`);
      for (const name of names) await writeOld(`${path}/${name}`, name);
      const statuses = await Promise.all(
        names.map((name) => move(fixture, `/${name}`, "/to", NO_OVERWRITE)),
      );
      assertEquals(statuses.sort(), [201, ...Array(19).fill(412)]);
      assertEquals((await treeOf(path)).length, 20);
      const winner = await Deno.readTextFile(`${path}/to`);
      assertEquals((await treeOf(path)).includes(winner), false);
    }),
);

testWith(
  NEEDS,
  "MOVE of folders to one place succeeds once, and merges nothing",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      for (let at = 0; at < 10; at++) {
        await Deno.mkdir(`${path}/d${at}`);
        await writeOld(`${path}/d${at}/in${at}`);
      }
      const statuses = await Promise.all(
        Array.from({ length: 10 }, (_, at) => move(fixture, `/d${at}`, "/to")),
      );
      assertEquals(statuses.sort(), [201, ...Array(9).fill(409)]);
      assertEquals((await listTree(`${path}/to`)).length, 1);
    }),
);

testWith(
  NEEDS,
  "MOVE in opposite directions at once comes to an end",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      await Deno.mkdir(`${path}/one`);
      await Deno.mkdir(`${path}/other`);
      for (let at = 0; at < 10; at++) {
        await writeOld(`${path}/one/a${at}`);
        await writeOld(`${path}/other/b${at}`);
      }
      const statuses = await Promise.all(
        Array.from({ length: 10 }, (_, at) => [
          move(fixture, `/one/a${at}`, `/other/a${at}`),
          move(fixture, `/other/b${at}`, `/one/b${at}`),
        ]).flat(),
      );
      assertEquals(new Set(statuses), new Set([201]));
      assertEquals((await treeOf(path)).length, 22);
    }),
);

testWith(
  NEEDS,
  "MOVE moves a link itself, and nothing through one that leads outside",
  () =>
    withDirectory((outside) =>
      withWritable(async (fixture) => {
        const { path } = fixture;
        await writeOld(`${outside}/secret`, "secret");
        await writeOld(`${path}/a`, "a");
        await Deno.mkdir(`${path}/in`);
        await Deno.symlink("a", `${path}/link`);
        await Deno.symlink("in", `${path}/way`);
        await Deno.symlink(outside, `${path}/out`);
        await Deno.symlink(`${outside}/secret`, `${path}/leak`);
        assertEquals(await move(fixture, "/link", "/link2"), 201);
        assertEquals(await move(fixture, "/way", "/way2", NO_OVERWRITE), 201);
        assertEquals(await move(fixture, "/a", "/way2/b"), 201);
        assertEquals(await move(fixture, "/in/b", "/way2"), 409);
        for (
          const [from, to, status] of [
            ["/out", "/x", 404],
            ["/leak", "/x", 404],
            ["/out/secret", "/x", 404],
            ["/in/b", "/out/b", 409],
            ["/in/b", "/leak", 403],
          ] as const
        ) assertEquals(await move(fixture, from, to), status, `${from} ${to}`);
        assertEquals(await listTree(outside), ["secret"]);
        assertEquals(await listTree(path), ["in/", "in/b", "leak", "link2", "out", "way2"]);
        assertEquals((await Deno.lstat(`${path}/link2`)).isSymlink, true);
      })
    ),
);

testWith(
  NEEDS,
  "MOVE onto another name of the same file leaves one name",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      await writeOld(`${path}/a`);
      await Deno.link(`${path}/a`, `${path}/b`);
      assertEquals(await move(fixture, "/a", "/b"), 204);
      assertEquals(await treeOf(path), ["b"]);
    }),
);

testWith(
  [...NEEDS, "mount"],
  "MOVE to another file system is 502 with the file where it was",
  () =>
    withWritable(async (fixture) => {
      const { path } = fixture;
      await writeOld(`${path}/a`);
      await Deno.mkdir(`${path}/in`);
      await Deno.mkdir(`${path}/mounted`);
      const run = (name: string, ...args: string[]) => new Deno.Command(name, { args }).output();
      await run("mount", "-t", "tmpfs", "-o", "size=1m", "none", `${path}/mounted`);
      try {
        assertEquals(await move(fixture, "/a", "/mounted/a"), 502);
        assertEquals(await move(fixture, "/a", "/mounted/a", NO_OVERWRITE), 502);
        assertEquals(await move(fixture, "/in", "/mounted/in"), 502);
        assertEquals(await treeOf(path), ["a", "in/", "mounted/"]);
      } finally {
        await run("umount", `${path}/mounted`);
      }
    }),
);

testWith(
  NEEDS,
  "MOVE of a folder during an upload to it fails the upload, not the move",
  () =>
    withWritable(async (fixture) => {
      const { path, connect, ask } = fixture;
      await Deno.mkdir(`${path}/in`);
      using client = await connect();
      await client.send("PUT /in/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
      while ((await treeOf(path)).length < 2) await ask("GET /none");
      assertEquals(await move(fixture, "/in", "/to"), 201);
      await client.send("c");
      assertEquals((await client.readResponse()).status, 409);
      const [left, temporary] = await treeOf(path);
      assertEquals(left, "to/");
      await Deno.remove(`${path}/${temporary}`);
    }),
);
