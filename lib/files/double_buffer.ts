// The memory that large files pass through, in pieces. Large pieces make the system calls cheap,
// and a second one is filled while the first is emptied; but a peer that dawdles keeps what it has
// got. So there is a fixed number of them for all, and small ones for those who come too late.

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

const spare: DoubleBuffer[] = [];
let taken = 0;

/** A pair of large pieces, to be given back, or null where none is left. */
export function acquireDoubleBuffer(): DoubleBuffer | null {
  if (taken === MAX_DOUBLE_BUFFERS) return null;
  taken++;
  return spare.pop() ?? [new Uint8Array(LARGE_BUFFER), new Uint8Array(LARGE_BUFFER)];
}

/** Gives a pair back, once nothing is read into it or written from it any more. */
export function releaseDoubleBuffer(pair: DoubleBuffer): void {
  taken--;
  if (spare.length < MAX_FREE) spare.push(pair);
}
