// `deno task crash-test [--seed N] [--kills N]`: a hundred kills by default.

import { parseArgs } from "@std/cli/parse-args";
import { withDirectory } from "../support/temp.ts";
import { crash } from "./crash.ts";

const flags = parseArgs(Deno.args, { string: ["seed", "kills"] });
const seed = Number(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
const kills = Number(flags.kills ?? 100);

console.log(`seed ${seed}: ${kills} kills`);
await withDirectory(async (path) => {
  const { stored, removed } = await crash(path, kills, seed);
  console.log(
    `${stored} uploads acknowledged, none lost or incomplete; ${removed} unfinished ones removed`,
  );
});
