// Deadlines as plain numbers, without a clock, and the timer that checks them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS, limitsWith, SYSTEM_BUFFER } from "../../lib/server/limits.ts";
import {
  type DeadlineOwner,
  Deadlines,
  DeadlineTimer,
  type Waiting,
} from "../../lib/server/deadlines.ts";

import { until } from "../support/wait.ts";

const SECOND = 1000;
const KiB = 1024;

/** Deadlines with the default limits, some of them replaced. */
const deadlinesWith = (replaced: Partial<typeof DEFAULT_LIMITS> = {}) =>
  new Deadlines(limitsWith(replaced));

/** The first whole second at which the deadlines are exceeded, or null within ten hours. */
function lateAt(deadlines: Deadlines, isAtCapacity = false): number | null {
  for (let second = 0; second < 36_000; second++) {
    if (deadlines.isLate(second * SECOND, isAtCapacity)) return second;
  }
  return null;
}

Deno.test("Deadlines.isLate() follows the limit of each wait", () => {
  const cases: [waiting: Waiting, second: number | null][] = [
    ["handler", null],
    ["request", 61],
    ["head", 11],
    ["content", 21],
    ["discard", 21],
    ["response", 21],
    ["linger", 3],
  ];
  for (const [waiting, second] of cases) {
    const deadlines = deadlinesWith();
    deadlines.expect(waiting, 0);
    assertEquals(lateAt(deadlines), second, waiting);
  }
});

Deno.test("Deadlines.isLate() is never true when a timeout is 0", () => {
  const deadlines = deadlinesWith({
    idleTimeout: 0,
    headerTimeout: 0,
    bodyTimeout: 0,
    minRate: 0,
    lingerTimeout: 0,
  });
  for (const waiting of ["request", "head", "content", "discard", "response", "linger"] as const) {
    deadlines.expect(waiting, 0);
    assertEquals(lateAt(deadlines), null, waiting);
  }
});

Deno.test("Deadlines.isLate() ends an idle connection after a second when the server is at capacity", () => {
  const deadlines = deadlinesWith();
  deadlines.expect("request", 0);
  assertEquals(lateAt(deadlines, true), 2);
  deadlines.expect("head", 0);
  assertEquals(lateAt(deadlines, true), 11);
});

Deno.test("Deadlines.isLate() does not extend the time for a head by further bytes", () => {
  const deadlines = deadlinesWith();
  for (let second = 0; second <= 10; second++) deadlines.expect("head", second * SECOND);
  assertEquals(lateAt(deadlines), 11);
});

/** Brings content at a pace until the deadlines is late, or for ten hours. */
function lateWhileReceiving(deadlines: Deadlines, bytes: number, every: number): number | null {
  deadlines.beginContent(0);
  for (let second = 0; second < 36_000; second += every) {
    deadlines.expect("content", second * SECOND);
    for (let waited = 0; waited < every; waited++) {
      if (deadlines.isLate((second + waited) * SECOND, false)) return second + waited;
    }
    deadlines.receive(bytes, (second + every) * SECOND);
  }
  return null;
}

Deno.test("Deadlines.isLate() accepts content at the minimum rate and above only", () => {
  assertEquals(lateWhileReceiving(deadlinesWith(), KiB, 1), null);
  assertEquals(lateWhileReceiving(deadlinesWith(), 20 * KiB, 20), null);
  assertEquals(lateWhileReceiving(deadlinesWith(), 10 * KiB, 10), null);
  assertEquals(lateWhileReceiving(deadlinesWith(), KiB / 2, 1), 41);
  assertEquals(lateWhileReceiving(deadlinesWith(), 1, 1), 21);
  assertEquals(lateWhileReceiving(deadlinesWith(), 100 * KiB, 22), 21);
  assertEquals(lateWhileReceiving(deadlinesWith({ minRate: 0 }), 1, 20), null);
});

Deno.test("Deadlines.isLate() gives little credit for a fast beginning", () => {
  const deadlines = deadlinesWith();
  deadlines.beginContent(0);
  deadlines.expect("content", 0);
  deadlines.receive(1024 * 1024 * KiB, SECOND);
  for (let second = 1; second < 100; second++) {
    deadlines.expect("content", second * SECOND);
    if (deadlines.isLate((second + 1) * SECOND, false)) {
      assertEquals(second, 41);
      return;
    }
    deadlines.receive(1, (second + 1) * SECOND);
  }
  throw new Error("It never was late");
});

Deno.test("Deadlines.isLate() does not count the handler's time against the client", () => {
  const deadlines = deadlinesWith();
  deadlines.beginContent(0);
  for (let second = 0; second < 10_000; second += 100) {
    deadlines.expect("content", second * SECOND);
    deadlines.receive(KiB, (second + 1) * SECOND);
    assertEquals(deadlines.isLate((second + 99) * SECOND, false), false);
  }
});

Deno.test("Deadlines.isLate() accepts a response that is read at the minimum rate, however long it takes", () => {
  // The system takes all that its buffer holds at once, and more only when a third is read.
  const deadlines = deadlinesWith();
  deadlines.expect("response", 0);
  deadlines.send(SYSTEM_BUFFER, 0);
  const third = Math.floor(SYSTEM_BUFFER / 3);
  let second = 0;
  for (let read = 0; read < 100; read++) {
    for (const end = second + Math.ceil(third / KiB); second < end; second++) {
      assertEquals(deadlines.isLate(second * SECOND, false), false, `second ${second}`);
    }
    deadlines.send(third, second * SECOND);
  }
});

Deno.test("Deadlines.isLate() ends a client that stopped reading once it could have read everything", () => {
  const deadlines = deadlinesWith({ minRate: 64 * KiB });
  deadlines.expect("response", 0);
  deadlines.send(640 * KiB, 0);
  assertEquals(lateAt(deadlines), 10 + 20 + 1);
  // However much it has read before, only what the system may still hold counts.
  const greedy = deadlinesWith({ minRate: 64 * KiB });
  for (let round = 0; round < 1000; round++) greedy.send(SYSTEM_BUFFER, 0);
  greedy.expect("response", 0);
  assertEquals(lateAt(greedy), 64 + 20 + 1);
});

Deno.test("limitsWith() throws for what no limit can be", () => {
  assertEquals(limitsWith({}), DEFAULT_LIMITS);
  for (const value of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => limitsWith({ content: value }), RangeError);
  }
  for (const name of ["requestLine", "fieldSection", "fieldCount"]) {
    assertThrows(() => limitsWith({ [name]: 0 }), RangeError);
  }
  for (const name of ["conections", "toString", ""]) {
    assertThrows(() => limitsWith({ [name]: 1 }), RangeError, `There is no limit ${name}`);
  }
});

Deno.test("DeadlineTimer ticks while it has an owner", async () => {
  const timer = new DeadlineTimer();
  const moments: number[] = [];
  const owner: DeadlineOwner = { onTick: (now) => moments.push(now) };
  timer.add(owner);
  await until(() => moments.length >= 3);
  timer.delete(owner);
  // A timer that went on would be found by the test runner.
  assertEquals(moments, moments.toSorted((one, other) => one - other));
  assertEquals(timer.now, moments.at(-1));
});

Deno.test("DeadlineTimer.now does not count the time in which the program was blocked", async () => {
  const timer = new DeadlineTimer();
  const moments: number[] = [];
  const owner: DeadlineOwner = { onTick: (now) => moments.push(now) };
  timer.add(owner);
  await until(() => moments.length >= 1);
  const end = performance.now() + 1500;
  while (performance.now() < end);
  const { length } = moments;
  await until(() => moments.length > length);
  timer.delete(owner);
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
