// oncePerSecond() keeps its last text: the time within a second, and with another second each time.

import { formatDate, oncePerSecond } from "../../lib/http/date.ts";

const START = Date.UTC(2026, 10, 25);

for (const [name, step] of [["within a second", 0], ["another second each time", 1000]] as const) {
  const dateAt = oncePerSecond(formatDate);
  let moment = START;
  Deno.bench(name, { group: "oncePerSecond()" }, () => {
    dateAt(moment += step);
  });
}
