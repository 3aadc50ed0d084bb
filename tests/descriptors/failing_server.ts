// A program that takes all file descriptors while it answers, and then fails. Its stack leads
// through a module that has made no stack before.

import { serve } from "../../lib/mod.ts";
import { DescriptorBudget } from "../../lib/server/descriptors.ts";
import { failWithin } from "./failing_module.ts";

const budget = new DescriptorBudget();
console.log(`limit ${budget.limit}`);
budget.release();
const server = serve(({ target }) => {
  if (target !== "/fail") return { status: 200, content: "alive" };
  const files: Deno.FsFile[] = [];
  try {
    for (;;) files.push(Deno.openSync("/dev/null"));
  } catch {
    setTimeout(() => files.forEach((file) => file.close()), 100);
  }
  return failWithin([1, 2, 3]);
}, { hostname: "127.0.0.1", port: 0 });
console.log(`port ${server.port}`);
