// The field lines of responses (RFC 9110 section 5): nothing that a handler says can break out of
// its field, or set one that only the server writes.

import type { ResponseFields } from "./fields.ts";
import { isFieldValue, isToken } from "./syntax.ts";

/** Fields that only the server writes. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/**
 * The field lines of a response. Every character is one octet.
 *
 * @throws {TypeError} where a name or a value cannot be sent as it is.
 */
export function fieldLines(fields: ResponseFields): string {
  let lines = "";
  for (const name in fields) {
    const value = fields[name]!;
    if (typeof value === "string") lines += fieldLine(name, value);
    else for (const each of value) lines += fieldLine(name, each);
  }
  return lines;
}

/** Whether fields can never change any more. */
export function areFrozen(fields: ResponseFields): boolean {
  if (!Object.isFrozen(fields)) return false;
  for (const name in fields) {
    if (!Object.isFrozen(fields[name])) return false;
  }
  return true;
}

/**
 * Of each name the line that was last made of it: handlers set the same few fields, often to the
 * same values, and to check and put together one costs 0.2 us.
 */
const lastLines = new Map<string, { readonly value: string; readonly line: string }>();
const MOST_NAMES = 256;
const LONGEST_VALUE = 256;

function fieldLine(name: string, value: string): string {
  const last = lastLines.get(name);
  if (last?.value === value) return last.line;
  const line = composeLine(name, value);
  const isKept = value.length <= LONGEST_VALUE &&
    (last !== undefined || lastLines.size < MOST_NAMES);
  if (isKept) lastLines.set(name, { value, line });
  return line;
}

function composeLine(name: string, value: string): string {
  if (!isToken(name) || OWN_FIELDS.has(name.toLowerCase())) {
    throw new TypeError(
      `A handler cannot set the field ${JSON.stringify(name)}`,
    );
  }
  if (!isFieldValue(value)) {
    throw new TypeError(
      `The field ${name} cannot have the value ${JSON.stringify(value)}`,
    );
  }
  return `${name}: ${value}\r\n`;
}
