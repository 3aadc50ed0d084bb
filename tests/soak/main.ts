// `deno task soak [--seed N] [--clients N] [--seconds N]`: under two minutes by default.

import { parseArgs } from "@std/cli/parse-args";
import { withDirectory } from "../support/temp.ts";
import { soak } from "./soak.ts";

const flags = parseArgs(Deno.args, { string: ["seed", "clients", "seconds"] });
const seed = Number(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
const clients = Number(flags.clients ?? 300);
const duration = 1000 * Number(flags.seconds ?? 60);

console.log(`seed ${seed}: ${clients} clients for ${Math.round(duration / 750)} seconds`);
await withDirectory(async (path) => {
  const { sessions, descriptors, memory } = await soak(path, { seed, clients, duration });
  console.table(sessions);
  console.log(`descriptors: ${descriptors.join(" before, ")} after`);
  console.log(`resident memory: ${memory.join(" MiB, then ")} MiB`);
});
