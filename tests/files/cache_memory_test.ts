// What is held in memory, for how long, and when policy at the files are allowed.

import { assert, assertEquals } from "@std/assert";
import { FileCache, MAX_CACHED_SIZE } from "../../lib/files/cache.ts";
import { FileSystem } from "../../lib/files/fs.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { AHEAD } from "./held_house.ts";

/** Looks that know by now that the files are local; none is slow where time stands still. */
async function localLooks(path: string, clock = () => 0): Promise<FileSystem> {
  const fs = new FileSystem(path, clock);
  await until(() => fs.policy.isAllowed);
  return fs;
}

/** Holds a file, if it may be, as reading does. */
function hold(cache: FileCache, name: string, path: string): boolean {
  const info = Deno.lstatSync(path);
  if (!cache.isCacheable(info)) return false;
  const validators = { etag: '"x"', lastModified: 0 };
  const response = { status: 200, content: new Uint8Array(0) };
  cache.put(name, { path, info, isCodable: true, validators, response });
  return true;
}

testWith(
  ["read", "write"],
  "FileCache holds what is small and has been left alone",
  () =>
    withDirectory(async (path) => {
      const fs = await localLooks(path);
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
          const held = new FileCache(fs, () => Math.max(moment, ctime!.getTime()) + age);
          assertEquals(
            hold(held, name, `${path}/${name}`),
            isSmall && isQuiescent,
            `${name} ${age}`,
          );
          assertEquals(held.find(name) !== null, isSmall && isQuiescent, `${name} ${age}`);
        }
      }
    }),
);

testWith(
  ["read", "write"],
  "FileCache lets go of what was not used for the longest time",
  () =>
    withDirectory(async (path) => {
      const held = new FileCache(await localLooks(path), () => Date.now() + AHEAD);
      const names = Array.from({ length: 300 }, (_, at) => `f${at}`);
      for (const name of names) {
        Deno.writeFileSync(`${path}/${name}`, new Uint8Array(0));
        Deno.truncateSync(`${path}/${name}`, MAX_CACHED_SIZE);
        assert(hold(held, name, `${path}/${name}`));
        assert(hold(held, name, `${path}/${name}`)); // To be held twice costs nothing.
        assert(held.find("f0") !== null);
      }
      const kept = names.filter((name) => held.find(name) !== null);
      const most = Math.floor(32 * 1024 * 1024 / (MAX_CACHED_SIZE + 1024));
      assertEquals(kept, ["f0", ...names.slice(1 - most)]);
    }),
);

Deno.test("SyncFilePolicy allows no policy for a while after slow ones", async () => {
  let now = 1000;
  const { policy } = await localLooks("/", () => now);
  const take = (elapsed: number) => policy.measure(() => (now += elapsed, elapsed));
  assertEquals(take(7), 7);
  for (let look = 0; look < 100; look++) take(10);
  assertEquals(policy.isAllowed, true);
  take(50);
  assertEquals(policy.isAllowed, true, "once, it may have been another program");
  take(20);
  assertEquals(policy.isAllowed, false);
  now += 20 * 50 - 20 - 1;
  assertEquals(policy.isAllowed, false);
  now += 1;
  assertEquals(policy.isAllowed, true);
  try {
    policy.measure(() => {
      now += 11;
      throw new Error("Gone");
    });
  } catch { /* What a look throws is for who takes it. */ }
  assertEquals(policy.isAllowed, false);
  now += 1e6;
  take(50);
  assertEquals(policy.isAllowed, true, "all is made up for, and no more than that");
  take(11);
  assertEquals(policy.isAllowed, false);
});
