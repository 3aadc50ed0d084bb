// The memory that responses gather in, in two sizes. What nobody uses at the moment is kept for the
// next: to allocate 150 bytes anew costs a microsecond.

/** Bytes of a large piece: a page of text with its head, or a hundred small responses. */
export const LARGE_BUFFER = 16384;

/** Bytes of a small piece: one small response. */
const SMALL_BUFFER = 2048;

/**
 * Pieces that are kept, 2 MiB and 1 MiB: a thousand connections that are answered in one turn of
 * the loop take a small piece each. Bought: 4 us of 24 for each of their requests.
 */
const MAX_SMALL_BUFFERS = 1024;
const MAX_LARGE_BUFFERS = 64;

type Buffer = Uint8Array<ArrayBuffer>;

const freeSmall: Buffer[] = [];
const freeLarge: Buffer[] = [];

/** Buffer for so many bytes at least. */
export function acquireBuffer(size: number): Buffer {
  if (size <= SMALL_BUFFER) return freeSmall.pop() ?? new Uint8Array(SMALL_BUFFER);
  if (size <= LARGE_BUFFER) return freeLarge.pop() ?? new Uint8Array(LARGE_BUFFER);
  return new Uint8Array(size);
}

/** Gives memory back, once nothing is written from it any more. */
export function releaseBuffer(memory: Buffer): void {
  if (memory.length === SMALL_BUFFER) {
    if (freeSmall.length < MAX_SMALL_BUFFERS) freeSmall.push(memory);
  } else if (memory.length === LARGE_BUFFER) {
    if (freeLarge.length < MAX_LARGE_BUFFERS) freeLarge.push(memory);
  }
}
