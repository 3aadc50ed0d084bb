// The memory that responses gather in, in two sizes. What nobody uses at the moment is kept for the
// next: to allocate 150 octets anew costs a microsecond.

/** Octets of a large piece: a page of text with its head, or a hundred small responses. */
export const LARGE = 16384;

/** Octets of a small piece: one small response. */
const SMALL = 2048;

/**
 * Pieces that are kept, 2 MiB and 1 MiB: a thousand connections that are answered in one turn of
 * the loop take a small piece each. Bought: 4 us of 24 for each of their requests.
 */
const MOST_SMALL = 1024;
const MOST_LARGE = 64;

type Memory = Uint8Array<ArrayBuffer>;

const spareSmall: Memory[] = [];
const spareLarge: Memory[] = [];

/** Memory for so many octets at least. */
export function takeMemory(size: number): Memory {
  if (size <= SMALL) return spareSmall.pop() ?? new Uint8Array(SMALL);
  if (size <= LARGE) return spareLarge.pop() ?? new Uint8Array(LARGE);
  return new Uint8Array(size);
}

/** Gives memory back, once nothing is written from it any more. */
export function giveBackMemory(memory: Memory): void {
  if (memory.length === SMALL) {
    if (spareSmall.length < MOST_SMALL) spareSmall.push(memory);
  } else if (memory.length === LARGE) {
    if (spareLarge.length < MOST_LARGE) spareLarge.push(memory);
  }
}
