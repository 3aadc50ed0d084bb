// What a machine needs that has only a clone of the repository: little is downloaded at the first
// start, and nothing of it for the tests alone.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { embedded, ROOT } from "../support/embedded_files.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { runProgram } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

/** Bytes that the first start may download at most. */
const MAX_DOWNLOAD = 8_000_000;

/** What `jsr:@std` is linked to, where the first start may find it. */
const BEHIND_LINKS = "deno-std";

/** Packages of modules that only programs with the library import. */
const LIBRARY_PACKAGES = ["lru-cache", "ws"];

interface Config {
  readonly imports: Readonly<Record<string, string>>;
}

async function config(): Promise<Config> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
}

testWith(["read"], "codecrafters.yml is there: the checker does not start without it", async () => {
  assertMatch(await Deno.readTextFile(`${ROOT}codecrafters.yml`), /^debug: false$/m);
});

testWith(FOR_PROGRAM, "deno.json declares no npm package for the tests alone", async () => {
  const declared = Object.values((await config()).imports).flatMap((each) =>
    /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(each)?.[1] ?? []
  );
  const { packages } = await embedded();
  const unused = declared.filter((name) => !packages.has(name) && !LIBRARY_PACKAGES.includes(name));
  assertEquals(unused, []);
});

testWith(
  FOR_PROGRAM,
  "the first start downloads little, and nothing for the tests",
  () =>
    withDirectory(async (cache) => {
      const { code, stdout, stderr } = await runProgram(["--version"], {
        env: { DENO_DIR: cache },
      });
      if (code !== 0 && /^error: .*(?:fetch|npm|registry|request)/im.test(stderr)) {
        console.warn("No registry can be reached: what the first start downloads is not measured.");
        return;
      }
      assertEquals(
        { code, stdout: stdout.slice(0, 10) },
        { code: 0, stdout: "wireserve " },
        stderr,
      );
      const { files, bytes } = await measure(`${cache}/npm`);
      assert(files > 0 && bytes < MAX_DOWNLOAD, `${bytes} bytes`);
      const { packages, dependencies } = await embedded();
      const downloaded = await packagesIn(`${cache}/npm`);
      const needed = packages.union(dependencies).add(BEHIND_LINKS);
      const unneeded = downloaded.filter((name) => !needed.has(name));
      assertEquals(unneeded, []);
    }),
);

async function measure(folder: string): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const inner = isDirectory
      ? await measure(path)
      : { files: 1, bytes: (await Deno.stat(path)).size };
    files += inner.files;
    bytes += inner.bytes;
  }
  return { files, bytes };
}

/** The names of the packages in the cache of npm packages: a folder for each, in one for its host. */
async function packagesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const host of Deno.readDir(folder)) {
    if (!host.isDirectory) continue;
    for await (const { name, isDirectory } of Deno.readDir(`${folder}/${host.name}`)) {
      if (isDirectory && !name.startsWith("@")) names.push(name);
    }
  }
  return names;
}
