// A few seconds of the soak, so that it stays in working order; `deno task soak` is the real one.

import { assert } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { soak } from "./soak.ts";

testWith(
  [...FOR_PROGRAM, "linux"],
  "the program survives a short soak",
  () =>
    withDirectory(async (path) => {
      const { visits } = await soak(path, { seed: 1, clients: 40, duration: 3000 });
      assert(Object.values(visits).every((count) => count > 0), JSON.stringify(visits));
    }),
);
