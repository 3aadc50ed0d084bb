// A few rounds of the descriptor test; `deno task descriptor-test` has hundreds.

import { assert } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { exhaust } from "./exhaust.ts";

for (
  const options of [
    { descriptors: 40, hasAdmin: false },
    { descriptors: 64 },
    { descriptors: 256, workers: 2 },
  ]
) {
  testWith(
    [...FOR_PROGRAM, "linux"],
    `the program survives more connections than descriptors: ${JSON.stringify(options)}`,
    () =>
      withDirectory(async (path) => {
        const { connected } = await exhaust(path, {
          rounds: 2,
          connections: 400,
          seed: 1,
          ...options,
        });
        assert(connected > options.descriptors);
      }),
  );
}
