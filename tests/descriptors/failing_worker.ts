// The worker of the program, which fails after a while.

import "../../lib/program/worker.ts";

setTimeout(() => {
  throw new Error("it is broken");
}, 500);
