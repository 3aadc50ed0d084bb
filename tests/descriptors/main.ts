// `deno task descriptor-test [--seed N] [--rounds N] [--connections N] [--limit N]`: fifty rounds of
// ten thousand connections for each limit, or as many as the limit of this process allows.

import { parseArgs } from "@std/cli/parse-args";
import { withDirectory } from "../support/temp.ts";
import { exhaust, type ExhaustOptions } from "./exhaust.ts";

const flags = parseArgs(Deno.args, { string: ["seed", "rounds", "connections", "limit"] });
const seed = Number(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
const rounds = Number(flags.rounds ?? 50);
const connections = Number(flags.connections ?? 10_000);

const CASES: readonly Partial<ExhaustOptions>[] = [
  {},
  { hasAdmin: false },
  { isSecure: true },
  { workers: 2 },
];

/** Two workers need 90 descriptors for themselves. */
const MIN_FOR_WORKERS = 128;

console.log(`seed ${seed}`);
for (const descriptors of [40, 64, 256, 1024]) {
  if (flags.limit !== undefined && Number(flags.limit) !== descriptors) continue;
  const cases = CASES.filter(({ workers }) => !workers || descriptors >= MIN_FOR_WORKERS);
  for (const [at, each] of cases.entries()) {
    // The rounds are divided among the cases.
    const share = Math.ceil((rounds - at) / cases.length);
    const options = { ...each, descriptors, rounds: share, connections, seed };
    const start = performance.now();
    await withDirectory(async (path) => {
      const { connected, finished } = await exhaust(path, options);
      const seconds = Math.round((performance.now() - start) / 1000);
      console.log(
        `${descriptors} descriptors, ${JSON.stringify(each)}: ${share} rounds, ` +
          `${connected} connections, ${finished} of ${2 * share} transfers, ${seconds} s`,
      );
    });
  }
}
