// Fields (RFC 9110 section 5). Received ones keep their order, are found whatever the case of
// their name, and are read as one list where they are repeated.

import { isSameName, trimBlanks } from "./syntax.ts";

/** The fields of a received message, in the order of their lines. They never change. */
export class Fields implements Iterable<readonly [string, string]> {
  // Two arrays and a linear search: a head has a dozen lines, and a name of another length is
  // told at once.
  readonly #names: string[] = [];
  readonly #values: string[] = [];

  /**
   * The fields of the given lines.
   *
   * @param lines Name and value of each line, in order.
   */
  constructor(lines: Iterable<readonly [string, string]> = []) {
    for (const [name, value] of lines) {
      this.#names.push(name);
      this.#values.push(value);
    }
  }

  /** How many field lines there are. */
  get size(): number {
    return this.#names.length;
  }

  /** Whether a line of this name is there, be its value empty or not. */
  has(name: string): boolean {
    for (const each of this.#names) {
      if (isSameName(each, name)) return true;
    }
    return false;
  }

  /** The field's value, its lines joined by ", " (RFC 9110 section 5.3), or null without any. */
  get(name: string): string | null {
    let value: string | null = null;
    for (let line = 0; line < this.#names.length; line++) {
      if (!isSameName(this.#names[line]!, name)) continue;
      value = value === null ? this.#values[line]! : `${value}, ${this.#values[line]!}`;
    }
    return value;
  }

  /** The values of the lines of this name, one each, in order. */
  lines(name: string): string[] {
    return this.#values.filter((_, line) => isSameName(this.#names[line]!, name));
  }

  /** Whether the field, read as a list, has this member in any case. */
  lists(name: string, member: string): boolean {
    const value = this.get(name);
    return value !== null &&
      listMembers(value).some((each) => isSameName(each, member));
  }

  /** Name and value of each line, in order. */
  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    for (let line = 0; line < this.#names.length; line++) {
      yield [this.#names[line]!, this.#values[line]!];
    }
  }
}

/**
 * The members of a comma-separated list without their blanks; empty ones are left out
 * (RFC 9110 section 5.6.1). Only for fields whose members hold no quoted string.
 */
export function listMembers(value: string): string[] {
  return value.split(",").map(trimBlanks).filter((member) => member !== "");
}

/** The fields of a response: field names and values; an array stands for several lines of one name. */
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
