// Content that is sent again and again, with memory in front of it for the head: both leave in one
// write, and nothing is copied. Whoever asks within the same second gets the same head.

import { headLength, type ResponseHead, writeHead } from "./writer.ts";

/** Octets in front of the content: most heads fit. */
const SIZE = 512;

/** The memory in front of one content. */
export class Headroom {
  readonly #memory: Uint8Array<ArrayBuffer>;
  #head: ResponseHead | null = null;
  /** The head and the content. */
  #joined: Uint8Array<ArrayBuffer> | null = null;
  #useCount = 0;

  /** @param memory What holds the content, behind the room for the head. */
  constructor(memory: Uint8Array<ArrayBuffer>) {
    this.#memory = memory;
  }

  /**
   * Puts a head in front of the content.
   *
   * @returns The octets of both, to be {@linkcode release}d once they have been sent, or null where
   * the head is too long, or another one is still on its way to somebody.
   */
  join(head: ResponseHead): Uint8Array | null {
    if (this.#joined === null || !isSameHead(head, this.#head!)) {
      const start = SIZE - headLength(head);
      if (start < 0 || this.#useCount > 0) return null;
      // The content may be on its way to somebody: nothing of it is touched.
      writeHead(head, "", this.#memory.subarray(0, SIZE), start);
      this.#head = head;
      this.#joined = this.#memory.subarray(start);
    }
    this.#useCount++;
    return this.#joined;
  }

  /** Takes note that octets got by {@linkcode join} are not needed any more. */
  release(): void {
    this.#useCount--;
  }
}

function isSameHead(one: ResponseHead, other: ResponseHead): boolean {
  return one.beginning === other.beginning && one.rest === other.rest;
}

const headrooms = new WeakMap<Uint8Array, Headroom>();

/** A copy of content that has room for its head, of which {@linkcode headroomOf} knows. */
export function withHeadroom(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(SIZE + octets.length);
  memory.set(octets, SIZE);
  const content = memory.subarray(SIZE);
  headrooms.set(content, new Headroom(memory));
  return content;
}

/** The room in front of content, or null where it has none. */
export function headroomOf(content: Uint8Array): Headroom | null {
  return headrooms.get(content) ?? null;
}
