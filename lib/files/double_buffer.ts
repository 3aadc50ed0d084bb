// The memory that large files pass through, in pieces. Large pieces make the system calls cheap,
// and a second one is filled while the first is emptied; but a peer that dawdles keeps what it has
// got. So there is a fixed number of them for all, and small ones for those who come too late.

import { BufferPool } from "../server/buffer_pool.ts";

/** Bytes of a small piece: 64 KiB. */
export const SMALL_BUFFER = 65536;

/** Bytes of a large piece: 256 KiB. Half as many cost a third more CPU, twice as many save 5 %. */
const LARGE_BUFFER = 4 * SMALL_BUFFER;

/** Pairs of large pieces at most: 16 MiB. */
const MAX_DOUBLE_BUFFERS = 32;

/** Pairs that nobody uses are kept for the next, as long as there are few. */
const MAX_FREE = 4;

/** Two large pieces. */
export type DoubleBuffer = readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];

const largeBuffers = new BufferPool(LARGE_BUFFER, 2 * MAX_FREE);

/** A pair of large buffers, to be given back, or null where none is left. */
export function acquireDoubleBuffer(): DoubleBuffer | null {
  if (largeBuffers.inUse >= 2 * MAX_DOUBLE_BUFFERS) return null;
  return [largeBuffers.acquire(), largeBuffers.acquire()];
}

/** Gives a pair back, once nothing is read into it or written from it any more. */
export function releaseDoubleBuffer(buffers: DoubleBuffer): void {
  for (const buffer of buffers) largeBuffers.release(buffer);
}
