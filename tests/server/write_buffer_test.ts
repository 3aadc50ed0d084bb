// Every response that is appended is sent, byte for byte and in order, however few
// bytes the system takes at a time; and when it takes no more, how much of each response was sent is reported.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { ConnectionState } from "../../lib/http/connection_state.ts";
import { DEFAULT_LIMITS } from "../../lib/server/limits.ts";
import { WriteBuffer } from "../../lib/server/write_buffer.ts";
import { DeadlineTimer } from "../../lib/server/deadlines.ts";
import { Socket } from "../../lib/server/socket.ts";
import { Deadlines } from "../../lib/server/deadlines.ts";
import { fromLatin1, toLatin1 } from "../support/raw_client.ts";

/** A socket that takes so many bytes at a time, and fails after so many in all. */
class Sink {
  taken = "";
  readonly #step: number;
  readonly #most: number;

  constructor(step: number, most: number) {
    this.#step = step;
    this.#most = most;
  }

  write(bytes: Uint8Array): Promise<number> {
    const room = this.#most - this.taken.length;
    if (room === 0) return Promise.reject(new Deno.errors.BrokenPipe("full"));
    const count = Math.min(bytes.length, this.#step, room);
    this.taken += toLatin1(bytes.subarray(0, count));
    return Promise.resolve(count);
  }
}

function outboxTo(sink: Sink): WriteBuffer {
  const conn = sink as unknown as Deno.Conn;
  return new WriteBuffer(
    new Socket(conn, {
      state: new ConnectionState(),
      deadlines: new Deadlines(DEFAULT_LIMITS),
      timer: new DeadlineTimer(),
    }),
  );
}

/** Latin-1 text of some length: no two neighbours are alike, and what is beyond ASCII is there. */
function text(length: number, seed: number, isAscii: boolean): string {
  const base = Array.from({ length: Math.min(length, 251) }, (_, at) => {
    const byte = (at * 7 + seed) % 256;
    return String.fromCharCode(isAscii ? byte & 0x7f : byte);
  }).join("");
  return base.repeat(Math.ceil(length / 251)).slice(0, length);
}

const size = fc.oneof(
  fc.nat(200),
  fc.constantFrom(2047, 2048, 2049, 8191, 8192, 16383, 16384, 16385),
  fc.nat(40000),
);
const response = fc.record({
  head: fc.tuple(fc.oneof(fc.integer({ min: 1, max: 300 }), size.map((n) => n + 1)), fc.boolean()),
  content: fc.option(size),
});

/** Sends responses as a connection does; returns what was reported of each, and what should be sent. */
async function sendAll(
  buffer: WriteBuffer,
  responses: readonly { head: [number, boolean]; content: number | null }[],
): Promise<{ reports: [index: number, bytes: number][]; sizes: number[]; all: string }> {
  const reports: [number, number][] = [];
  const sizes: number[] = [];
  let all = "";
  try {
    for (const [index, { head: [length, isAscii], content }] of responses.entries()) {
      const head = text(length, index, isAscii);
      const bytes = content === null ? null : fromLatin1(text(content, index + 100, false));
      all += head + (bytes === null ? "" : toLatin1(bytes));
      sizes.push(length + (content ?? 0));
      const cut = Math.floor(head.length / 3);
      const composed = { shared: fromLatin1(head.slice(0, cut)), own: head.slice(cut) };
      buffer.append(composed, bytes ?? "", (sent) => reports.push([index, sent]));
      if (buffer.isFull) await buffer.flush();
    }
    if (!buffer.isEmpty) await buffer.flush();
  } catch (error) {
    assertEquals((error as Error).name, "ConnectionLost");
  }
  return { reports, sizes, all };
}

Deno.test("WriteBuffer.flush() sends every byte in order, and reports each response once", async () => {
  const responses = fc.array(response, { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(responses, fc.integer({ min: 997, max: 70_000 }), async (series, step) => {
      const sink = new Sink(step, Infinity);
      const { reports, sizes, all } = await sendAll(outboxTo(sink), series);
      assert(sink.taken === all, `${sink.taken.length} bytes of ${all.length}`);
      assertEquals(reports, [...sizes.entries()]);
    }),
    { numRuns: 150 },
  );
});

Deno.test("WriteBuffer.flush() reports how much of each response was sent when the connection is lost", async () => {
  const responses = fc.array(response, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(responses, fc.nat(60_000), async (series, most) => {
      const sink = new Sink(5000, most);
      const { reports, sizes, all } = await sendAll(outboxTo(sink), series);
      assert(all.startsWith(sink.taken));
      let left = sink.taken.length;
      const expected = sizes.entries().map(([index, size]) => {
        const sent = Math.min(size, left);
        left -= sent;
        return [index, sent];
      });
      assertEquals(reports, [...expected]);
    }),
    { numRuns: 150 },
  );
});
