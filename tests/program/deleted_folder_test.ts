// The deletion of a large folder by a program that is killed meanwhile.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

/** So many files take half a second to remove. */
const COUNT = 20_000;

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
}

testWith(
  FOR_PROGRAM,
  "a folder whose deletion is killed is gone, and what is left of it at the next start",
  () =>
    withDirectory(async (path) => {
      await Deno.mkdir(`${path}/folder`);
      for (let at = 0; at < COUNT; at++) {
        Deno.openSync(`${path}/folder/f${at}`, { write: true, create: true }).close();
      }
      await Deno.writeTextFile(`${path}/kept`, "kept");
      const args = ["--directory", path, "--allow-delete"];
      const program = await Program.start(args);
      const answer = fetch(program.url("/files/folder/"), { method: "DELETE" }).catch(() => null);
      await until(async () => !(await names(path)).includes("folder"));
      await program.stop("SIGKILL");
      await (await answer)?.body?.cancel();
      const left = (await names(path)).filter((name) => name.endsWith(".deleted"));
      assert(left.length <= 1);
      const next = await Program.start(args);
      const listing = await fetch(next.url("/files/"), {
        headers: { "Accept": "application/json" },
      });
      const shown = (await listing.json() as { name: string }[]).map(({ name }) => name);
      assertEquals(shown, ["kept"]);
      await until(async () => (await names(path)).length === 1);
      await next.stop();
      assertEquals(await listTree(path), ["kept"]);
    }),
);
