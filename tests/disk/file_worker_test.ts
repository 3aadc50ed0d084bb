// Files in another thread behave as those of this one.

import { assertEquals, assertRejects } from "@std/assert";
import { FileWorker } from "../../lib/disk/file_worker.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

testWith(
  ["read", "write"],
  "FileWorker has files open for another thread, with the same errors",
  () =>
    withDirectory(async (path) => {
      const worker = new FileWorker();
      try {
        const file = await worker.open(`${path}/a`, { write: true, read: true, createNew: true });
        assertEquals(await file.tryLock(true), true);
        const other = await worker.open(`${path}/a`, { read: true });
        assertEquals(await other.tryLock(true), false);
        const bytes = new TextEncoder().encode("0123456789");
        const writing = file.write(bytes);
        bytes.fill(0);
        assertEquals(await writing, 10);
        await file.sync();
        const { size, isFile, mtime, ino } = await file.stat();
        const expected = await Deno.stat(`${path}/a`);
        assertEquals([size, isFile, mtime, ino], [10, true, expected.mtime, expected.ino]);
        await other.seek(6, Deno.SeekMode.Start);
        assertEquals(new TextDecoder().decode((await other.read(100))!), "6789");
        assertEquals(await other.read(100), null);
        file.close();
        file.close();
        assertEquals(await other.tryLock(true), true);
        other.close();
        const create = () => worker.open(`${path}/a`, { write: true, createNew: true });
        await assertRejects(create, Deno.errors.AlreadyExists);
        const long = () => worker.open(`${path}/${"x".repeat(300)}`, { read: true });
        const error = await assertRejects(long, Error);
        assertEquals((error as { code?: string }).code, "ENAMETOOLONG");
      } finally {
        worker.terminate();
      }
    }),
);
