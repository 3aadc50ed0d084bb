// Deadlines as plain numbers: no clock, so no test here can be early or late.

import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS, limitsWith, SYSTEM_BUFFER } from "../../lib/server/limits.ts";
import { Deadlines, type Waiting } from "../../lib/server/deadlines.ts";

const SECOND = 1000;
const KiB = 1024;

/** A deadlines with the default deadlines, some of them replaced. */
const watching = (replaced: Partial<typeof DEFAULT_LIMITS> = {}) =>
  new Deadlines(limitsWith(replaced));

/** The first whole second at which a deadlines is late, or null where it is not within ten hours. */
function lateAt(deadlines: Deadlines, isAtCapacity = false): number | null {
  for (let second = 0; second < 36_000; second++) {
    if (deadlines.isLate(second * SECOND, isAtCapacity)) return second;
  }
  return null;
}

Deno.test("Deadlines waits for each thing as long as the limits say", () => {
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
    const deadlines = watching();
    deadlines.expect(waiting, 0);
    assertEquals(lateAt(deadlines), second, waiting);
  }
});

Deno.test("Deadlines waits for ever where a timeout is 0", () => {
  const deadlines = watching({
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

Deno.test("Deadlines gives an idle connection up after a second while the server is full", () => {
  const deadlines = watching();
  deadlines.expect("request", 0);
  assertEquals(lateAt(deadlines, true), 2);
  deadlines.expect("head", 0);
  assertEquals(lateAt(deadlines, true), 11);
});

Deno.test("Deadlines is not renewed by a trickle of a head", () => {
  const deadlines = watching();
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

Deno.test("Deadlines lets content come at any pace from the least on, and not below", () => {
  assertEquals(lateWhileReceiving(watching(), KiB, 1), null);
  assertEquals(lateWhileReceiving(watching(), 20 * KiB, 20), null);
  assertEquals(lateWhileReceiving(watching(), 10 * KiB, 10), null);
  assertEquals(lateWhileReceiving(watching(), KiB / 2, 1), 41);
  assertEquals(lateWhileReceiving(watching(), 1, 1), 21);
  assertEquals(lateWhileReceiving(watching(), 100 * KiB, 22), 21);
  assertEquals(lateWhileReceiving(watching({ minRate: 0 }), 1, 20), null);
});

Deno.test("Deadlines gives little credit for a fast beginning", () => {
  const deadlines = watching();
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

Deno.test("Deadlines does not hold the handler's own time against the client", () => {
  const deadlines = watching();
  deadlines.beginContent(0);
  for (let second = 0; second < 10_000; second += 100) {
    deadlines.expect("content", second * SECOND);
    deadlines.receive(KiB, (second + 1) * SECOND);
    assertEquals(deadlines.isLate((second + 99) * SECOND, false), false);
  }
});

Deno.test("Deadlines lets a response be read at any pace from the least on, however long it takes", () => {
  // The system takes all that its buffer holds at once, and more only when a third is read.
  const deadlines = watching();
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

Deno.test("Deadlines gives a peer up that has stopped reading, once it could have read everything", () => {
  const deadlines = watching({ minRate: 64 * KiB });
  deadlines.expect("response", 0);
  deadlines.send(640 * KiB, 0);
  assertEquals(lateAt(deadlines), 10 + 20 + 1);
  // However much it has read before, only what the system may still hold counts.
  const greedy = watching({ minRate: 64 * KiB });
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
