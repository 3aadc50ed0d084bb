import { assert, assertEquals } from "@std/assert";
import { Sweeper, type Swept } from "../../lib/server/sweeper.ts";
import { until } from "../support/wait.ts";

Deno.test("Sweeper sweeps its members for as long as there are any", async () => {
  const sweeper = new Sweeper();
  const moments: number[] = [];
  const member: Swept = { sweep: (now) => moments.push(now) };
  sweeper.add(member);
  await until(() => moments.length >= 3);
  sweeper.delete(member);
  // A timer that went on would be found by the test runner.
  assertEquals(moments, moments.toSorted((one, other) => one - other));
  assertEquals(sweeper.now, moments.at(-1));
});

Deno.test("Sweeper does not count the time in which the program was held up", async () => {
  const sweeper = new Sweeper();
  const moments: number[] = [];
  const member: Swept = { sweep: (now) => moments.push(now) };
  sweeper.add(member);
  await until(() => moments.length >= 1);
  const end = performance.now() + 1500;
  while (performance.now() < end);
  const { length } = moments;
  await until(() => moments.length > length);
  sweeper.delete(member);
  assert(moments[length]! - moments[length - 1]! < 501); // 500, but for rounding.
});
