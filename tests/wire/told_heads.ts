// Messages through a parser each, or through one for all: everything that a head is told to be.

import type { MessageLimits } from "../../lib/http/limits.ts";
import type { RequestHead } from "../../lib/http/message.ts";
import { RequestParser } from "../../lib/http/parser.ts";
import { StatusError } from "../../lib/http/status.ts";
import { fromLatin1, toLatin1 } from "../support/raw_client.ts";

/** A message: its head, perhaps with empty lines before, and its content as it is sent. */
export interface Message {
  readonly head: string;
  readonly content: string;
}

/** What a parser has made of octets, all of a head included, in words. */
class Reader {
  readonly found: unknown[] = [];
  readonly #parser: RequestParser;

  constructor(limits: MessageLimits) {
    this.#parser = new RequestParser(limits);
  }

  /** Feeds octets; whether the parser still goes on. */
  feed(octets: Uint8Array): boolean {
    try {
      this.#parser.push(octets);
      for (let event = this.#parser.next(); event !== null; event = this.#parser.next()) {
        if (event.type === "head") {
          this.found.push({ ...told(event.head), line: this.#parser.requestLine });
        } else if (event.type === "content") this.#addContent(toLatin1(event.data));
        else this.found.push("end");
      }
      return true;
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.found.push([error.status, error.message, this.#parser.requestLine]);
      return false;
    }
  }

  #addContent(text: string): void {
    const last = this.found.at(-1);
    if (typeof last === "string" && last !== "end") this.found[this.found.length - 1] = last + text;
    else this.found.push(` ${text}`);
  }
}

const told = (head: RequestHead) => ({ ...head, fields: [...head.fields] });

/** Each message by a parser of its own, as far as one of them ends the connection. */
export function readApart(messages: readonly Message[], limits: MessageLimits): unknown[] {
  const found: unknown[] = [];
  for (const { head, content } of messages) {
    const reader = new Reader(limits);
    const goesOn = reader.feed(fromLatin1(head + content));
    found.push(...reader.found);
    if (!goesOn) break;
  }
  return found;
}

export function readTogether(pieces: Iterable<Uint8Array>, limits: MessageLimits): unknown[] {
  const reader = new Reader(limits);
  for (const piece of pieces) {
    if (!reader.feed(piece)) break;
  }
  return reader.found;
}

export const octetsOf = (messages: readonly Message[]): Uint8Array =>
  fromLatin1(messages.map(({ head, content }) => head + content).join(""));
