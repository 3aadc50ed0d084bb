// Whole responses that leave together, in one write: gathered in one piece of memory. A content too
// large for that is the last of them, and leaves from where it is, since to copy it would cost more.

import { headLength, type ResponseHead, writeHead } from "../http/writer.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { WriteSource } from "./socket.ts";

/**
 * Buffers of two sizes: one small response, and a page of text with its head or a hundred small
 * responses. 2 MiB and 1 MiB are kept for reuse: a thousand connections that are answered in one
 * turn of the event loop need a small buffer each. That saves 4 us of 24 for each request.
 */
const smallBuffers = new BufferPool(2048, 1024);
const largeBuffers = new BufferPool(16384, 64);

const LARGE_BUFFER = largeBuffers.size;

function acquireBuffer(size: number): Uint8Array<ArrayBuffer> {
  if (size <= smallBuffers.size) return smallBuffers.acquire();
  if (size <= largeBuffers.size) return largeBuffers.acquire();
  return new Uint8Array(size);
}

function releaseBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.length === smallBuffers.size) smallBuffers.release(buffer);
  else if (buffer.length === largeBuffers.size) largeBuffers.release(buffer);
}

/** Hears how many bytes of a response have been sent, its head included. */
export type OnSent = (bytes: number) => void;

/** A response that has not been reported yet. */
interface Unreported {
  readonly size: number;
  readonly onSent: OnSent;
}

/** Responses in the order of their requests, until they have been sent. */
export class WriteBatch implements WriteSource {
  #memory: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;
  /** Content that did not fit. */
  #rest: Uint8Array | null = null;
  /** Bytes before each response count as those of the one before. */
  #unreported: Unreported[] | null = null;

  /** Whether it has to be sent before the next response is put into it. */
  get isFull(): boolean {
    return this.#length > LARGE_BUFFER / 2 || this.#rest !== null;
  }

  /** Puts a response behind the others, see {@linkcode WriteBuffer.put}. */
  put(head: ResponseHead, content: string | Uint8Array, onSent: OnSent | null): void {
    this.#gather(head, content);
    if (onSent === null) return;
    this.#unreported ??= [];
    this.#unreported.push({ size: headLength(head) + content.length, onSent });
  }

  #gather(head: ResponseHead, content: string | Uint8Array): void {
    const text = typeof content === "string" ? content : "";
    const length = headLength(head) + text.length;
    const memory = this.#take(this.#length + length, content.length - text.length);
    writeHead(head, text, memory, this.#length);
    this.#length += length;
    if (typeof content !== "string" && content.length > 0) this.#append(memory, content);
  }

  /** Buffer for so many bytes in all, and for further ones if they are few. */
  #take(size: number, further: number): Uint8Array<ArrayBuffer> {
    const wanted = size + further <= LARGE_BUFFER ? size + further : size;
    const memory = this.#memory;
    if (memory !== null && memory.length >= wanted) return memory;
    const larger = acquireBuffer(wanted);
    if (memory !== null) {
      larger.set(memory.subarray(0, this.#length));
      releaseBuffer(memory);
    }
    return this.#memory = larger;
  }

  #append(memory: Uint8Array, content: Uint8Array): void {
    if (content.length > memory.length - this.#length) {
      this.#rest = content;
      return;
    }
    memory.set(content, this.#length);
    this.#length += content.length;
  }

  next(): Uint8Array | null {
    const [length, rest] = [this.#length, this.#rest];
    if (length > 0) {
      this.#length = 0;
      return this.#memory!.subarray(0, length);
    }
    this.#rest = null;
    return rest;
  }

  done(bytes: number): void {
    if (this.#memory !== null) releaseBuffer(this.#memory);
    if (this.#unreported !== null) report(this.#unreported, bytes);
  }
}

function report(responses: readonly Unreported[], bytes: number): void {
  let left = bytes;
  for (const { size, onSent } of responses) {
    const sent = Math.min(size, left);
    left -= sent;
    onSent(sent);
  }
}
