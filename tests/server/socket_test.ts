// Writes that wait for room: of any size while few do, and small ones where many do.

import { assertEquals } from "@std/assert";
import { ConnectionState } from "../../lib/http/connection_state.ts";
import { Deadlines, DeadlineTimer } from "../../lib/server/deadlines.ts";
import { DEFAULT_LIMITS } from "../../lib/server/limits.ts";
import { Socket } from "../../lib/server/socket.ts";

/** A connection that takes one byte, and the next bytes once it has room. */
class FullConn {
  /** The sizes of the writes. */
  readonly sizes: number[] = [];
  readonly #room = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    this.sizes.push(bytes.length);
    if (this.sizes.length === 1) return 1;
    await this.#room.promise;
    return bytes.length;
  }

  makeRoom(): void {
    this.#room.resolve();
  }
}

function socketOf(conn: FullConn): Socket {
  return new Socket(conn as unknown as Deno.Conn, {
    state: new ConnectionState(),
    deadlines: new Deadlines(DEFAULT_LIMITS),
    timer: new DeadlineTimer(),
  });
}

Deno.test("Socket.write() waits with small writes where many others wait for room", async () => {
  const size = 65_536;
  const conns = Array.from({ length: 100 }, () => new FullConn());
  const writes = conns.map((conn) => socketOf(conn).write(new Uint8Array(size)));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(conns.filter(({ sizes }) => sizes[1] === size - 1).length, 64);
  assertEquals(conns.filter(({ sizes }) => sizes[1] === 2048).length, 36);
  for (const conn of conns) conn.makeRoom();
  await Promise.all(writes);
  assertEquals(
    new Set(conns.map(({ sizes }) => sizes.slice(1).reduce((sum, each) => sum + each))),
    new Set([size - 1]),
  );
  // All that have waited are forgotten.
  const next = new FullConn();
  next.makeRoom();
  await socketOf(next).write(new Uint8Array(size));
  assertEquals(next.sizes, [size, size - 1]);
});
