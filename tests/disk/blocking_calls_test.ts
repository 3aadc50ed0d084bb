// Calls that hang: their number is bounded, they have a deadline, and nothing late does harm.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { BlockingCalls, UnresponsiveError } from "../../lib/disk/blocking_calls.ts";

/** Milliseconds. */
const TIMEOUT = 200;

/** A call that returns when the test says so. */
class HungCall {
  readonly #result = Promise.withResolvers<string>();
  count = 0;

  readonly run = (): Promise<string> => {
    this.count++;
    return this.#result.promise;
  };

  return(): void {
    this.#result.resolve("late");
  }
}

const quick = () => Promise.resolve("now");

Deno.test("BlockingCalls.run() passes on results and errors, and leaves no timer", async () => {
  const calls = new BlockingCalls(2, TIMEOUT);
  assertEquals(await Promise.all([1, 2, 3, 4].map(() => calls.run(quick))), Array(4).fill("now"));
  await assertRejects(() => calls.run(() => Promise.reject(new TypeError("no"))), TypeError, "no");
  assertEquals(calls.pending, 0);
});

Deno.test("BlockingCalls.run() makes so many calls at a time, in their order", async () => {
  const calls = new BlockingCalls(2, TIMEOUT);
  const hung = [new HungCall(), new HungCall(), new HungCall()];
  const results = hung.map((call) => calls.run(call.run));
  assertEquals(hung.map(({ count }) => count), [1, 1, 0]);
  hung[1]!.return();
  await results[1];
  await Promise.resolve();
  assertEquals(hung.map(({ count }) => count), [1, 1, 1]);
  for (const call of hung) call.return();
  assertEquals(await Promise.all(results), ["late", "late", "late"]);
});

Deno.test("BlockingCalls.run() is 503 with Retry-After after the deadline", async () => {
  const calls = new BlockingCalls(1, TIMEOUT);
  const [hung, waiting] = [new HungCall(), new HungCall()];
  const late: string[] = [];
  const start = performance.now();
  const results = await Promise.allSettled([
    calls.run(hung.run, { dispose: (value) => late.push(value) }),
    calls.run(waiting.run),
  ]);
  const elapsed = performance.now() - start;
  assert(elapsed >= TIMEOUT && elapsed < 3 * TIMEOUT, String(elapsed));
  for (const result of results) {
    assert(result.status === "rejected");
    assertInstanceOf(result.reason, UnresponsiveError);
    assertEquals([result.reason.status, result.reason.fields["Retry-After"]], [503, "10"]);
  }
  assertEquals([waiting.count, calls.pending], [0, 1]);
  hung.return();
  const [{ reason }] = results as [PromiseRejectedResult, unknown];
  await reason.returned;
  assertEquals([late, calls.pending], [["late"], 0]);
});

Deno.test("BlockingCalls.run() fails at once while nothing returns, and tries one at a time", async () => {
  const calls = new BlockingCalls(2, TIMEOUT);
  const [first, trial, next] = [new HungCall(), new HungCall(), new HungCall()];
  await assertRejects(() => calls.run(first.run), UnresponsiveError);
  const trying = calls.run(trial.run);
  trying.catch(() => {});
  const start = performance.now();
  await assertRejects(() => calls.run(next.run), UnresponsiveError);
  assert(performance.now() - start < TIMEOUT / 2);
  await assertRejects(() => trying, UnresponsiveError);
  await assertRejects(() => calls.run(next.run), UnresponsiveError);
  assertEquals([trial.count, next.count], [1, 0], "all threads are in use");
  first.return();
  trial.return();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(await calls.run(quick), "now");
});

Deno.test("BlockingCalls.run() is patient with one slow call while others return", async () => {
  const calls = new BlockingCalls(4, TIMEOUT);
  const slow = new HungCall();
  const storing = calls.run(slow.run, { timeout: 20 * TIMEOUT });
  for (let round = 0; round < 30; round++) {
    await new Promise((resolve) => setTimeout(resolve, TIMEOUT / 10));
    assertEquals(await calls.run(quick), "now");
  }
  slow.return();
  assertEquals(await storing, "late");
});

Deno.test("BlockingCalls.run() has no deadline for a call that wants none", async () => {
  const calls = new BlockingCalls(1, TIMEOUT);
  const hung = new HungCall();
  const cleaned: string[] = [];
  await assertRejects(() => calls.run(hung.run), UnresponsiveError);
  const cleaning = calls.run(() => Promise.resolve(cleaned.push("done")), { timeout: Infinity });
  assertEquals(cleaned, []);
  hung.return();
  await cleaning;
  assertEquals(cleaned, ["done"]);
});
