// Whole responses on their way out. They gather here as long as further requests are at hand, and
// leave in one write: sixteen pipelined requests cost one system call in place of sixteen.

import { type Headroom, headroomOf } from "../http/headroom.ts";
import { lengthOf, type ResponseHead, writeHead } from "../http/writer.ts";
import { giveBackMemory, LARGE, takeMemory } from "./response_memory.ts";
import type { Transport } from "./transport.ts";

/** Hears how many octets of a response have been sent, its head included. */
export type OnSent = (octets: number) => void;

/** A response that has not been reported yet. */
interface Unreported {
  readonly size: number;
  readonly onSent: OnSent;
}

/** The whole responses of one connection, in the order of their requests. */
export class Outbox {
  readonly #transport: Transport;
  #memory: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;
  /** Content that did not fit: it is sent from where it is, since to copy it would cost more. */
  #rest: Uint8Array | null = null;
  /** What is to be released once the rest has been sent: the rest begins with its own head then. */
  #headroom: Headroom | null = null;
  /** Octets before each response count as those of the one before. */
  #unreported: Unreported[] = [];

  /** @param transport What takes the octets. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Whether there is nothing to be sent. */
  get isEmpty(): boolean {
    return this.#length === 0 && this.#rest === null;
  }

  /** Whether it has to be emptied before the next response. */
  get isFull(): boolean {
    return this.#length > LARGE / 2 || this.#rest !== null;
  }

  /**
   * Puts a response behind the others.
   *
   * @param head Its head.
   * @param content Its content: ASCII text, or octets, which must not change until they have been
   * sent.
   * @param onSent Hears what has become of it.
   */
  put(head: ResponseHead, content: string | Uint8Array, onSent: OnSent | null): void {
    if (!this.#putJoined(head, content)) this.#gather(head, content);
    if (onSent === null) return;
    this.#unreported.push({ size: lengthOf(head) + content.length, onSent });
  }

  /** A large response leaves in one write where nothing is before it and its content has the room. */
  #putJoined(head: ResponseHead, content: string | Uint8Array): boolean {
    const isLarge = lengthOf(head) + content.length > LARGE;
    if (!isLarge || typeof content === "string" || this.#length > 0) return false;
    const headroom = headroomOf(content);
    const joined = headroom?.join(head) ?? null;
    if (joined === null) return false;
    [this.#rest, this.#headroom] = [joined, headroom];
    return true;
  }

  #gather(head: ResponseHead, content: string | Uint8Array): void {
    const text = typeof content === "string" ? content : "";
    const length = lengthOf(head) + text.length;
    const memory = this.#take(this.#length + length, content.length - text.length);
    writeHead(head, text, memory, this.#length);
    this.#length += length;
    if (typeof content !== "string" && content.length > 0) this.#append(memory, content);
  }

  /** Memory for so many octets in all, and for further ones if they are few. */
  #take(size: number, further: number): Uint8Array<ArrayBuffer> {
    const wanted = size + further <= LARGE ? size + further : size;
    const memory = this.#memory;
    if (memory !== null && memory.length >= wanted) return memory;
    const larger = takeMemory(wanted);
    if (memory !== null) {
      larger.set(memory.subarray(0, this.#length));
      giveBackMemory(memory);
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

  /**
   * Sends everything.
   *
   * @throws {PeerGone} where the connection is lost.
   */
  async flush(): Promise<void> {
    const [memory, length, unreported] = [this.#memory, this.#length, this.#unreported];
    const [rest, headroom] = [this.#rest, this.#headroom];
    [this.#memory, this.#length, this.#rest, this.#headroom] = [null, 0, null, null];
    if (unreported.length > 0) this.#unreported = [];
    const before = this.#transport.octetsSent;
    try {
      if (memory !== null) await this.#transport.write(memory.subarray(0, length));
      if (rest !== null) await this.#transport.write(rest);
      if (memory !== null) giveBackMemory(memory);
    } finally {
      headroom?.release();
      if (unreported.length > 0) report(unreported, this.#transport.octetsSent - before);
    }
  }
}

function report(responses: readonly Unreported[], octets: number): void {
  let left = octets;
  for (const { size, onSent } of responses) {
    const sent = Math.min(size, left);
    left -= sent;
    onSent(sent);
  }
}
