// A few kills of the crash test, so that it keeps working; `deno task crash-test` has a hundred.

import { assert } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { crash } from "./crash.ts";

testWith(
  FOR_PROGRAM,
  "the program leaves whole files when it is killed",
  () =>
    withDirectory(async (path) => {
      const { stored } = await crash(path, 8, 1);
      assert(stored > 0);
    }),
);
