import { assert, assertEquals } from "@std/assert";
import { type DeadlineOwner, DeadlineTimer } from "../../lib/server/deadlines.ts";
import { until } from "../support/wait.ts";

Deno.test("DeadlineTimer sweeps its members for as long as there are any", async () => {
  const timer = new DeadlineTimer();
  const moments: number[] = [];
  const member: DeadlineOwner = { onTick: (now) => moments.push(now) };
  timer.add(member);
  await until(() => moments.length >= 3);
  timer.delete(member);
  // A timer that went on would be found by the test runner.
  assertEquals(moments, moments.toSorted((one, other) => one - other));
  assertEquals(timer.now, moments.at(-1));
});

Deno.test("DeadlineTimer does not count the time in which the program was held up", async () => {
  const timer = new DeadlineTimer();
  const moments: number[] = [];
  const member: DeadlineOwner = { onTick: (now) => moments.push(now) };
  timer.add(member);
  await until(() => moments.length >= 1);
  const end = performance.now() + 1500;
  while (performance.now() < end);
  const { length } = moments;
  await until(() => moments.length > length);
  timer.delete(member);
  assert(moments[length]! - moments[length - 1]! < 501); // 500, but for rounding.
});

Deno.test("DeadlineTimer.beginDrain() ticks at once, and not early after a delay of the program", async () => {
  const timer = new DeadlineTimer();
  const ticks: number[] = [];
  const owner: DeadlineOwner = { onTick: () => ticks.push(performance.now()) };
  timer.add(owner);
  timer.beginDrain();
  assertEquals(ticks.length, 1);
  const end = performance.now() + 500;
  while (performance.now() < end);
  await until(() => ticks.length === 2);
  timer.delete(owner);
  // The interval, of which the delay is one tenth.
  assert(ticks[1]! - end > 200, `${ticks[1]! - end} ms`);
});
