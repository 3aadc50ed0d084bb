// The log as a queue: requests do not wait, the buffer is bounded, and lost lines are reported.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AccessLog } from "../../lib/access_log/access_log.ts";
import type { LogFormat } from "../../lib/access_log/format.ts";
import type { LineSink } from "../../lib/access_log/sink.ts";
import { exchangeWith } from "../support/exchange.ts";
import { until } from "../support/wait.ts";

/** Characters that may wait. */
const ROOM = 4 * 1024 * 1024;

const LINE = '192.0.2.1 - - [20/Nov/2026:09:05:07 +0000] "GET /a HTTP/1.1" 200 5 1.235ms\n';

/** A sink that keeps what it is given, once it is let. */
class Kept implements LineSink {
  readonly batches: string[] = [];
  /** What a write waits for. */
  gate: Promise<void> = Promise.resolve();
  /** How many lines of the next batches are lost. */
  readonly losses: number[] = [];

  async write(lines: string): Promise<number> {
    await this.gate;
    const all = lines.split("\n").slice(0, -1);
    const lost = Math.min(this.losses.shift() ?? 0, all.length);
    this.batches.push(all.slice(0, all.length - lost).map((line) => `${line}\n`).join(""));
    return lost;
  }

  get text(): string {
    return this.batches.join("");
  }
}

async function logged(format: LogFormat, write: (log: AccessLog) => void): Promise<string> {
  const sink = new Kept();
  const log = new AccessLog(format, sink);
  write(log);
  await log.flush();
  return sink.text;
}

Deno.test("AccessLog writes requests, events and the lines of others in their order", async () => {
  const text = await logged("common", (log) => {
    log.request(exchangeWith());
    log.append("from a worker\nanother\n");
    log.event("serving", "x");
  });
  assert(text.startsWith(`${LINE}from a worker\nanother\n[`));
  assertMatch(text, /\] serving x\n$/);
});

Deno.test("AccessLog writes no requests where it is off, but events all the same", async () => {
  assertEquals(await logged("off", (log) => log.request(exchangeWith())), "");
  assertMatch(await logged("off", (log) => log.event("serving", "x")), /^\[.*\] serving x\n$/);
});

Deno.test("AccessLog writes by itself, in batches", async () => {
  const sink = new Kept();
  const log = new AccessLog("common", sink);
  for (let line = 0; line < 100; line++) log.request(exchangeWith());
  assertEquals(sink.batches, []);
  await until(() => sink.batches.length > 0);
  assertEquals(sink.batches, [LINE.repeat(100)]);
});

Deno.test("AccessLog.flush() waits for what is there, not for all that comes meanwhile", async () => {
  const batches: string[] = [];
  let isOver = false;
  const log = new AccessLog("common", {
    write(lines) {
      batches.push(lines);
      if (!isOver) log.append("x".repeat(100_000) + "\n");
      return Promise.resolve(0);
    },
  });
  log.append("1\n");
  await log.flush();
  assertEquals(batches[0], "1\n");
  log.append("x".repeat(100_000) + "\n2\n");
  await log.flush();
  assertMatch(batches.join(""), /\n2\n/);
  isOver = true;
  await log.flush();
});

Deno.test("AccessLog takes a batch that is large enough to its sink at once", async () => {
  const sink = new Kept();
  const log = new AccessLog("common", sink);
  const { length } = LINE.repeat(900);
  assert(length > 64 * 1024);
  for (let line = 0; line < 900; line++) log.request(exchangeWith());
  await log.flush();
  assertEquals(sink.batches.length, 2);
  assertEquals(sink.text, LINE.repeat(900));
});

Deno.test("AccessLog drops lines while its sink blocks, and reports how many", async () => {
  const sink = new Kept();
  const stuck = Promise.withResolvers<void>();
  sink.gate = stuck.promise;
  const log = new AccessLog("common", sink);
  const count = 100_000;
  for (let line = 0; line < count; line++) log.request(exchangeWith());
  const { droppedLines } = log;
  // What is on its way and what waits, of which there is no more than 4 MiB.
  const kept = count - droppedLines;
  assert(kept * LINE.length <= ROOM + 2 * 64 * 1024, `${kept} lines are kept`);
  assert(kept * LINE.length > ROOM);
  stuck.resolve();
  await log.flush();
  assertEquals(sink.text.match(/"GET/g)?.length, kept);
  assertStringIncludes(sink.text, `] lines_dropped ${droppedLines} lines\n`);
  // It is reported once.
  log.request(exchangeWith());
  await log.flush();
  assertEquals(sink.batches.at(-1), LINE);
  assertEquals(log.droppedLines, droppedLines);
});

Deno.test("AccessLog returns at once, and holds no more, for a sink that never resolves", () => {
  const log = new AccessLog("common", { write: () => new Promise(() => {}) });
  const line = "x".repeat(1023) + "\n";
  for (let batch = 0; batch < 100_000; batch++) log.append(line);
  // 64 KiB are on their way for ever, 4 MiB wait.
  assertEquals(log.droppedLines, 100_000 - 64 - ROOM / 1024);
});

Deno.test("AccessLog takes as many of a worker's lines as there is room for", () => {
  const log = new AccessLog("common", { write: () => new Promise(() => {}) });
  log.append("x\n".repeat(40 * 1024)); // this is on its way at once
  const line = "yyyy\n"; // of which one has all its room but for its end
  log.append(line.repeat(1_000_000));
  assertEquals(log.droppedLines, 1_000_000 - Math.floor(ROOM / line.length));
});

Deno.test("AccessLog counts lines that its sink loses, and reports them once it writes again", async () => {
  const sink = new Kept();
  sink.losses.push(2, 9, 0);
  const log = new AccessLog("common", sink);
  log.append("1\n2\n3\n");
  await log.flush(); // 2 and 3 are lost, and so is the report.
  assertEquals([log.droppedLines, sink.text], [2, "1\n"]);
  log.append("4\n");
  await log.flush();
  assertMatch(sink.text, /^1\n4\n\[.*\] lines_dropped 2 lines\n$/);
  sink.losses.push(9, 9, 9);
  log.append("5\n6\n");
  await log.flush();
  log.append("7\n");
  await log.flush();
  assertMatch(sink.text, /2 lines\n\[.*\] lines_dropped 3 lines\n$/);
  assertEquals(log.droppedLines, 5);
});

Deno.test("AccessLog goes on with a sink that throws", async () => {
  const log = new AccessLog("common", { write: () => Promise.reject(new Error("broken")) });
  log.request(exchangeWith());
  await log.flush();
  log.request(exchangeWith());
  await log.flush();
  assertEquals(log.droppedLines, 2);
});
