// What the buffer pool saves: a buffer that was released (hit), one that must be allocated because
// all are in use (miss), and an allocation without the pool.

import { BufferPool } from "../../lib/server/write_buffer.ts";

for (const size of [2048, 16384, 262_144]) {
  const group = `${size} bytes`;
  const pool = new BufferPool(size, 1);
  pool.release(pool.acquire());
  Deno.bench(`acquire and release, ${size} bytes (hit)`, { group }, () => {
    pool.release(pool.acquire());
  });
  const empty = new BufferPool(size, 0);
  Deno.bench(`acquire and release, ${size} bytes (miss)`, { group, baseline: true }, () => {
    empty.release(empty.acquire());
  });
  Deno.bench(`new Uint8Array(${size})`, { group }, () => {
    new Uint8Array(size);
  });
}
