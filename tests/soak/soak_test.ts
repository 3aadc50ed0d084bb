// A few seconds of the soak test, so that it keeps working; `deno task soak` runs it in full.

import { assert } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { soak } from "./soak.ts";

testWith(
  [...FOR_PROGRAM, "linux"],
  "the program survives a short soak",
  () =>
    withDirectory(async (path) => {
      const { sessions } = await soak(path, { seed: 1, clients: 40, duration: 3000 });
      assert(Object.values(sessions).every((count) => count > 0), JSON.stringify(sessions));
    }),
);
