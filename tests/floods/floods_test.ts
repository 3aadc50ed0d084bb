// A second of some floods with bounds for a busy machine; `deno task floods` runs them in full.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { FLOODS, prepare, runFlood } from "./floods.ts";

/** Floods that made the median client wait for 0.7 to 10 s. */
const SHORT = ["compressors", "one-byte-chunks", "unread-pipelines"];

/** Milliseconds of the median client in a flood. */
const MAX_MEDIAN = 300;

testWith(
  [...FOR_PROGRAM, "linux", "python3"],
  "the program serves a healthy client in a flood",
  (context) =>
    withDirectory(async (path) => {
      await prepare(path, 10);
      for (const flood of FLOODS.filter(({ name }) => SHORT.includes(name))) {
        await context.step(flood.name, async () => {
          const { during, memory, problems } = await runFlood(flood, path, { seconds: 1 });
          assert(during.count > 0);
          assertLessOrEqual(during.p50, MAX_MEDIAN);
          assertLessOrEqual(memory[1], flood.maxMemory);
          assertEquals(problems.filter((each) => each.includes("compressed")), []);
        });
      }
    }),
);
