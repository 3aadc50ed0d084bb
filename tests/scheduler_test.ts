import { assert, assertEquals } from "@std/assert";
import { RequestTurns, scheduler, Slots } from "../lib/scheduler.ts";
import { testWith } from "./support/needs.ts";

Deno.test("Scheduler.turn() gives each client its turn, however many turns others wait for", async () => {
  const order: string[] = [];
  const wait = (client: string) => scheduler.turn(9, client).then(() => order.push(client));
  await Promise.all([..."aaaaa", "b", "c"].map(wait));
  assertEquals(order.join(""), "abcaaaa");
});

/** Keeps the thread busy for some milliseconds. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

Deno.test("Scheduler.take() refuses what the slice has no room for, until the next one", async () => {
  await scheduler.turn(0);
  assertEquals([0.5, 1, 1, 4].map((cost) => scheduler.take(cost)), [true, true, false, false]);
  await scheduler.turn(0);
  assert(scheduler.take(1));
});

Deno.test("Scheduler.turn() begins as many steps as a slice has room for, and then has a poll", async () => {
  await scheduler.turn(9);
  let slices = 0;
  const begun: number[] = [];
  const steps = Array.from(
    { length: 10 },
    () => scheduler.turn(0.5).then(() => begun.push(slices)),
  );
  const nextSlice = async () => {
    while (begun.length < 10) {
      const { length } = begun;
      await new Promise((resolve) => setImmediate(resolve));
      if (begun.length > length) slices++;
    }
  };
  await Promise.all([...steps, nextSlice()]);
  assertEquals(begun, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
});

Deno.test("Scheduler.turn() lets much light work come first, but not for ever", async () => {
  const turnsUntil = async (light: number) => {
    await scheduler.turn(9);
    let turns = 0;
    let isOver = false;
    const waiting = scheduler.turn(9).then(() => isOver = true);
    for (; !isOver; turns++) {
      for (let count = 0; count < light; count++) scheduler.count();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waiting;
    return turns;
  };
  const [none, much] = [await turnsUntil(0), await turnsUntil(1)];
  assert(much > 6 * none && much < 10 * none, `${none} ${much}`);
});

testWith(["net"], "Scheduler.turn() lets the sockets be polled in each turn", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  const turns: number[] = [];
  for (let round = 0; round < 10; round++) {
    let isRead = false;
    const reading = server.read(new Uint8Array(1)).then(() => isRead = true);
    await scheduler.turn(9); // The read is waiting for the socket.
    await client.write(new Uint8Array(1));
    let count = 0;
    for (; !isRead; count++) {
      work(1);
      await scheduler.turn(9);
    }
    turns.push(count);
    await reading;
  }
  // An immediate alone takes up to 61.
  assert(turns.toSorted((one, other) => one - other)[5]! <= 4, `${turns}`);
});

const BUSY = 64;

/** Has connections served until another round begins, in which none has been served. */
async function beginRound(): Promise<void> {
  const others = Array.from({ length: BUSY + 1 }, () => new RequestTurns());
  await others.map((each) => each.next()).at(-1);
}

Deno.test("RequestTurns.next() lets no one wait where few connections are busy", async () => {
  await beginRound();
  const few = Array.from({ length: BUSY }, () => new RequestTurns());
  for (let request = 0; request < 100; request++) {
    for (const each of few) assertEquals(each.next(), null);
  }
  await beginRound();
});

Deno.test("RequestTurns.next() has each of many connections wait until all had their turn", async () => {
  await beginRound();
  const many = Array.from({ length: 10 * BUSY }, () => new RequestTurns());
  for (const each of many.slice(0, BUSY)) assertEquals(each.next(), null);
  const waiting: Promise<number>[] = [];
  let served = 0;
  // As long as others are served for the first time, however late, the round goes on.
  for (const each of many.slice(BUSY)) {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    served++;
    waiting.push(each.next()!.then(() => served));
  }
  assertEquals(new Set(await Promise.all(waiting)), new Set([9 * BUSY]));
  for (const each of many.slice(0, BUSY)) assertEquals(each.next(), null);
  await beginRound();
});

Deno.test("Slots.isFreeFor() leaves something to each client", () => {
  const slots = new Slots(32);
  const fill = (client: string) => {
    let count = 0;
    for (; slots.isFreeFor(client); count++) slots.acquire(client);
    return count;
  };
  assertEquals([fill("a"), fill("b"), fill("c"), fill("d")], [16, 8, 4, 2]);
  for (let at = 0; at < 16; at++) slots.release("a");
  assertEquals(fill("e"), 9);
});
