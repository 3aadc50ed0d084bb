// Which files are cached, and for how long.

import { assert, assertEquals } from "@std/assert";
import { FileCache, MAX_CACHED_SIZE } from "../../lib/files/cache.ts";
import { FileSystem } from "../../lib/disk/file_system.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { cachingClock } from "../support/file_server.ts";
import { until } from "../support/wait.ts";

/** Calls that may be synchronous by now. None is slow where time stands still. */
async function localFiles(path: string, clock = () => 0): Promise<FileSystem> {
  const fs = new FileSystem(path, clock);
  await until(() => fs.policy.isAllowed);
  return fs;
}

/** Caches a file, if it may be, as reading does. */
function cacheFile(cache: FileCache, name: string, path: string): boolean {
  const info = Deno.lstatSync(path);
  if (!cache.isCacheable(info)) return false;
  const validators = { etag: '"x"', lastModified: 0 };
  const response = { status: 200, content: new Uint8Array(info.size) };
  cache.put(name, { path, info, isNegotiated: true }, null, { source: null, validators, response });
  return true;
}

testWith(
  ["read", "write"],
  "FileCache.put() caches small files that have not changed lately",
  () =>
    withDirectory(async (path) => {
      const fs = await localFiles(path);
      const moment = 1_600_000_000_000;
      for (
        const [name, size, isSmall] of [["a", MAX_CACHED_SIZE, true], [
          "b",
          MAX_CACHED_SIZE + 1,
          false,
        ]] as const
      ) {
        Deno.writeFileSync(`${path}/${name}`, new Uint8Array(0));
        Deno.truncateSync(`${path}/${name}`, size);
        const { ctime } = Deno.lstatSync(`${path}/${name}`);
        Deno.utimeSync(`${path}/${name}`, new Date(moment), new Date(moment));
        for (
          const [age, isQuiescent] of [[-1000, false], [0, false], [2999, false], [
            3000,
            true,
          ]] as const
        ) {
          const cache = new FileCache(fs, () => Math.max(moment, ctime!.getTime()) + age);
          assertEquals(
            cacheFile(cache, name, `${path}/${name}`),
            isSmall && isQuiescent,
            `${name} ${age}`,
          );
          assertEquals(cache.find(name) !== null, isSmall && isQuiescent, `${name} ${age}`);
        }
      }
    }),
);

testWith(
  ["read", "write"],
  "FileCache.put() evicts files that have not been used for the longest time",
  () =>
    withDirectory(async (path) => {
      const cache = new FileCache(await localFiles(path), cachingClock);
      const names = Array.from({ length: 300 }, (_, at) => `f${at}`);
      for (const name of names) {
        Deno.writeFileSync(`${path}/${name}`, new Uint8Array(0));
        Deno.truncateSync(`${path}/${name}`, MAX_CACHED_SIZE);
        assert(cacheFile(cache, name, `${path}/${name}`));
        assert(cacheFile(cache, name, `${path}/${name}`)); // To be cached twice costs nothing.
        assert(cache.find("f0") !== null);
      }
      const kept = names.filter((name) => cache.find(name) !== null);
      const most = Math.floor(32 * 1024 * 1024 / (MAX_CACHED_SIZE + 1024));
      assertEquals(kept, ["f0", ...names.slice(1 - most)]);
    }),
);
