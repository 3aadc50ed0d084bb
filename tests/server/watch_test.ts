// Deadlines as plain numbers: no clock, so no test here can be early or late.

import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS, limitsWith, SYSTEM_BUFFER } from "../../lib/server/limits.ts";
import { type Awaited, Watch } from "../../lib/server/watch.ts";

const SECOND = 1000;
const KiB = 1024;

/** A watch with the default deadlines, some of them replaced. */
const watching = (replaced: Partial<typeof DEFAULT_LIMITS> = {}) => new Watch(limitsWith(replaced));

/** The first whole second at which a watch is late, or null where it is not within ten hours. */
function lateAt(watch: Watch, isCrowded = false): number | null {
  for (let second = 0; second < 36_000; second++) {
    if (watch.isLate(second * SECOND, isCrowded)) return second;
  }
  return null;
}

Deno.test("Watch waits for each thing as long as the limits say", () => {
  const cases: [awaited: Awaited, second: number | null][] = [
    ["nothing", null],
    ["request", 61],
    ["head", 11],
    ["content", 21],
    ["drain", 21],
    ["response", 21],
    ["end", 3],
  ];
  for (const [awaited, second] of cases) {
    const watch = watching();
    watch.expect(awaited, 0);
    assertEquals(lateAt(watch), second, awaited);
  }
});

Deno.test("Watch waits for ever where a timeout is 0", () => {
  const watch = watching({
    idleTimeout: 0,
    headTimeout: 0,
    stallTimeout: 0,
    minRate: 0,
    lingerTimeout: 0,
  });
  for (const awaited of ["request", "head", "content", "drain", "response", "end"] as const) {
    watch.expect(awaited, 0);
    assertEquals(lateAt(watch), null, awaited);
  }
});

Deno.test("Watch gives an idle connection up after a second while the server is full", () => {
  const watch = watching();
  watch.expect("request", 0);
  assertEquals(lateAt(watch, true), 2);
  watch.expect("head", 0);
  assertEquals(lateAt(watch, true), 11);
});

Deno.test("Watch is not renewed by a trickle of a head", () => {
  const watch = watching();
  for (let second = 0; second <= 10; second++) watch.expect("head", second * SECOND);
  assertEquals(lateAt(watch), 11);
});

/** Brings content at a pace until the watch is late, or for ten hours. */
function lateWhileReceiving(watch: Watch, octets: number, every: number): number | null {
  watch.beginContent(0);
  for (let second = 0; second < 36_000; second += every) {
    watch.expect("content", second * SECOND);
    for (let waited = 0; waited < every; waited++) {
      if (watch.isLate((second + waited) * SECOND, false)) return second + waited;
    }
    watch.receive(octets, (second + every) * SECOND);
  }
  return null;
}

Deno.test("Watch lets content come at any pace from the least on, and not below", () => {
  assertEquals(lateWhileReceiving(watching(), KiB, 1), null);
  assertEquals(lateWhileReceiving(watching(), 20 * KiB, 20), null);
  assertEquals(lateWhileReceiving(watching(), 10 * KiB, 10), null);
  assertEquals(lateWhileReceiving(watching(), KiB / 2, 1), 41);
  assertEquals(lateWhileReceiving(watching(), 1, 1), 21);
  assertEquals(lateWhileReceiving(watching(), 100 * KiB, 22), 21);
  assertEquals(lateWhileReceiving(watching({ minRate: 0 }), 1, 20), null);
});

Deno.test("Watch gives little credit for a fast beginning", () => {
  const watch = watching();
  watch.beginContent(0);
  watch.expect("content", 0);
  watch.receive(1024 * 1024 * KiB, SECOND);
  for (let second = 1; second < 100; second++) {
    watch.expect("content", second * SECOND);
    if (watch.isLate((second + 1) * SECOND, false)) {
      assertEquals(second, 41);
      return;
    }
    watch.receive(1, (second + 1) * SECOND);
  }
  throw new Error("It never was late");
});

Deno.test("Watch does not hold the handler's own time against the client", () => {
  const watch = watching();
  watch.beginContent(0);
  for (let second = 0; second < 10_000; second += 100) {
    watch.expect("content", second * SECOND);
    watch.receive(KiB, (second + 1) * SECOND);
    assertEquals(watch.isLate((second + 99) * SECOND, false), false);
  }
});

Deno.test("Watch lets a response be read at any pace from the least on, however long it takes", () => {
  // The system takes all that its buffer holds at once, and more only when a third is read.
  const watch = watching();
  watch.expect("response", 0);
  watch.send(SYSTEM_BUFFER, 0);
  const third = Math.floor(SYSTEM_BUFFER / 3);
  let second = 0;
  for (let read = 0; read < 100; read++) {
    for (const end = second + Math.ceil(third / KiB); second < end; second++) {
      assertEquals(watch.isLate(second * SECOND, false), false, `second ${second}`);
    }
    watch.send(third, second * SECOND);
  }
});

Deno.test("Watch gives a peer up that has stopped reading, once it could have read everything", () => {
  const watch = watching({ minRate: 64 * KiB });
  watch.expect("response", 0);
  watch.send(640 * KiB, 0);
  assertEquals(lateAt(watch), 10 + 20 + 1);
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
