// Fields (RFC 9110 section 5): those of a received message, and the type of those of a response.

import { hasNameAt, isSameName, trimBlanks } from "./syntax.ts";

/**
 * The fields of a received message, immutable, in the order of their lines.
 *
 * @example
 * ```ts
 * import { Fields } from "@wireserve/wireserve";
 *
 * const fields = new Fields([["Accept", "text/html"], ["accept", "text/plain"]]);
 * console.log(fields.get("ACCEPT")); // text/html, text/plain
 * ```
 */
export class Fields implements Iterable<readonly [string, string]> {
  // One text and offsets into it, since most values are never read.
  #text = "";
  #offsets: readonly number[] = [];

  /** The fields of the given lines: name and value of each, in order. */
  constructor(lines: Iterable<readonly [string, string]> = []) {
    const offsets: number[] = [];
    let text = "";
    for (const [name, value] of lines) {
      const nameEnd = text.length + name.length;
      offsets.push(text.length, nameEnd, nameEnd, nameEnd + value.length);
      text += name + value;
    }
    this.#text = text;
    this.#offsets = offsets;
  }

  /**
   * The fields of a section that has been scanned.
   *
   * @param offsets Of each line: start and end of its name, start and end of its value.
   * @internal
   */
  static ofSection(text: string, offsets: readonly number[]): Fields {
    const fields = new Fields();
    fields.#text = text;
    fields.#offsets = offsets;
    return fields;
  }

  /** The number of field lines. */
  get size(): number {
    return this.#offsets.length / 4;
  }

  /** Whether there is a line of this name, even with an empty value. */
  has(name: string): boolean {
    return this.#find(name, 0) >= 0;
  }

  /** The field's value, its lines joined by ", " (RFC 9110 section 5.3), or null without any. */
  get(name: string): string | null {
    let at = this.#find(name, 0);
    if (at < 0) return null;
    let value = this.#valueAt(at);
    while ((at = this.#find(name, at + 4)) >= 0) value += `, ${this.#valueAt(at)}`;
    return value;
  }

  /** The values of the lines of this name, one each, in order. */
  lines(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 4)) {
      values.push(this.#valueAt(at));
    }
    return values;
  }

  /** Whether the field, read as a list, has this member in any case. */
  lists(name: string, member: string): boolean {
    const value = this.get(name);
    return value !== null && listMembers(value).some((each) => isSameName(each, member));
  }

  /** Name and value of each line, in order. */
  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    for (let at = 0; at < this.#offsets.length; at += 4) {
      yield [this.#nameAt(at), this.#valueAt(at)];
    }
  }

  /** Where the offsets of the next line of this name begin, or -1. */
  #find(name: string, from: number): number {
    const offsets = this.#offsets;
    const { length } = name;
    for (let at = from; at < offsets.length; at += 4) {
      const start = offsets[at]!;
      if (offsets[at + 1]! - start === length && hasNameAt(this.#text, start, name)) return at;
    }
    return -1;
  }

  #nameAt(at: number): string {
    return this.#text.slice(this.#offsets[at], this.#offsets[at + 1]);
  }

  #valueAt(at: number): string {
    return this.#text.slice(this.#offsets[at + 2], this.#offsets[at + 3]);
  }
}

/** The members of a list without quoted strings (RFC 9110 section 5.6.1). Empty ones are ignored. */
export function listMembers(value: string): string[] {
  return value.split(",").map(trimBlanks).filter((member) => member !== "");
}

/**
 * The fields of a response by name. An array stands for several lines of one name.
 *
 * @example
 * ```ts
 * import type { ResponseFields } from "@wireserve/wireserve/http";
 *
 * const fields: ResponseFields = { "Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"] };
 * ```
 */
export type ResponseFields = Readonly<
  Record<string, string | readonly string[]>
>;

/** The name, as it is written there, under which a response's fields have a field, or null. */
export function nameIn(fields: ResponseFields, name: string): string | null {
  for (const each in fields) {
    if (isSameName(each, name)) return each;
  }
  return null;
}
