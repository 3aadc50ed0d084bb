// Only stale temporary files are removed.

import { assert, assertEquals } from "@std/assert";
import { DigestCheck } from "../../lib/files/digest.ts";
import { storeFile } from "../../lib/files/put.ts";
import { Root, temporaryName } from "../../lib/files/root.ts";
import { removeStaleUploads } from "../../lib/files/stale_uploads.ts";
import { fromStream } from "../../lib/http/content.ts";
import { Fields } from "../../lib/http/fields.ts";
import { NEEDS, probed, treeOf, withFileServer } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const assertNoReport = (error: unknown): never => {
  throw error;
};

testWith(
  ["read", "write"],
  "removeStaleUploads() removes stale temporary files, and nothing else",
  () =>
    withDirectory((outside) =>
      withDirectory(async (path) => {
        await Deno.mkdir(`${path}/in/.git/deep`, { recursive: true });
        const stale = ["", "in/", "in/.git/", "in/.git/deep/"].map((directory) =>
          directory + temporaryName()
        );
        for (const name of stale) await Deno.writeTextFile(`${path}/${name}`, "stale");
        const kept = [
          "a",
          "in/.wireserve-x.part",
          `${temporaryName()}.part`,
          `${temporaryName()}~`,
          `x${temporaryName()}`,
          temporaryName().slice(1),
          temporaryName().replace(".part", ".PART"),
          temporaryName().replace("wireserve", "Wireserve"),
        ];
        for (const name of kept) await Deno.writeTextFile(`${path}/${name}`, "kept");
        await Deno.writeTextFile(`${outside}/${temporaryName()}`, "outside");
        await Deno.symlink(outside, `${path}/out`);
        const link = temporaryName();
        await Deno.symlink(`${path}/a`, `${path}/${link}`);
        const directory = temporaryName();
        await Deno.mkdir(`${path}/${directory}`);
        assertEquals(await removeStaleUploads(path, assertNoReport), stale.length);
        const directories = ["in/", "in/.git/", "in/.git/deep/", `${directory}/`];
        assertEquals(await listTree(path), [...kept, ...directories, "out", link].sort());
        assertEquals((await listTree(outside)).length, 1);
        assertEquals(await Deno.readTextFile(`${path}/a`), "kept");
        assertEquals(await removeStaleUploads(path, assertNoReport), 0);
      })
    ),
);

testWith(
  ["read", "write"],
  "removeStaleUploads() keeps a temporary file that is locked",
  () =>
    withDirectory(async (path) => {
      const [locked, stale] = [temporaryName(), temporaryName()];
      for (const name of [locked, stale]) await Deno.writeTextFile(`${path}/${name}`, "");
      {
        using file = await Deno.open(`${path}/${locked}`, { read: true, write: true });
        await file.lock(true);
        assertEquals(await removeStaleUploads(path, assertNoReport), 1);
        assertEquals(await listTree(path), [locked]);
      }
      assertEquals(await removeStaleUploads(path, assertNoReport), 1);
      assertEquals(await listTree(path), []);
    }),
);

testWith(
  ["read", "write"],
  "storeFile() retries when removeStaleUploads() has locked its temporary file",
  () =>
    withDirectory(async (path) => {
      const directory = await probed(new Root(path));
      const { fs } = directory;
      const lock = fs.tryLock.bind(fs);
      const others: Deno.FsFile[] = [];
      fs.tryLock = (file) => {
        if (others.length === 0) {
          const [{ name } = { name: "" }] = Deno.readDirSync(path);
          others.push(Deno.openSync(`${path}/${name}`, { write: true }));
          assert(others[0]!.tryLockSync(true));
        }
        return lock(file);
      };
      const digest = await DigestCheck.of(new Fields());
      const conditions = { method: "PUT", fields: new Fields(), allowsReplace: true };
      const content = fromStream(ReadableStream.from([new Uint8Array(9)]));
      await storeFile(directory, "a", { content, conditions, digest, isDurable: false });
      others[0]!.close();
      assertEquals(await listTree(path), ["a"]);
      assertEquals((await Deno.stat(`${path}/a`)).size, 9);
    }),
);

/** Bytes of the temporary file in a directory; 0 where there is none. */
async function sizeOfPart(directory: string): Promise<number> {
  const name = (await treeOf(directory)).find((each) => each.endsWith(".part"));
  return name === undefined ? 0 : (await Deno.stat(`${directory}/${name}`)).size;
}

testWith(
  NEEDS,
  "removeStaleUploads() keeps the file of an upload in progress",
  () =>
    withFileServer(async ({ path, port }) => {
      using client = await RawClient.connect(port);
      // The lock comes before the bytes, and a gathering writer writes only so many at once.
      const text = "n".repeat(100_000);
      await client.send(request("PUT /files/in/a", `Content-Length: ${text.length + 2}`) + text);
      await until(async () => await sizeOfPart(`${path}/in`) > 0);
      assertEquals(await removeStaleUploads(path, assertNoReport), 0);
      await client.send("ew");
      assertEquals((await client.readResponse()).status, 201);
      assertEquals(await Deno.readTextFile(`${path}/in/a`), `${text}ew`);
    }),
);

testWith(
  ["read", "write"],
  "removeStaleUploads() removes nothing when the directory is missing",
  () =>
    withDirectory(async (path) => {
      assertEquals(await removeStaleUploads(`${path}/none`, assertNoReport), 0);
    }),
);
