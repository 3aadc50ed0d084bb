// Range requests (RFC 9110 section 14): which octets are asked for, and how several ranges are
// laid out as multipart/byteranges (section 14.6).

import { listMembers } from "./fields.ts";

/** A part of a representation: octets from `first` to `last`, both included. */
export interface ByteRange {
  /** The first octet, counted from 0. */
  readonly first: number;
  /** The last octet, which belongs to the range. */
  readonly last: number;
}

/** Ranges that one request may ask for: beyond, it is answered with the whole. */
const MAX_RANGES = 50;

/** Octets between two ranges that are sent rather than skipped: a part's own fields are more. */
const WORTH_SKIPPING = 80;

const INTEGER_RANGE = /^([0-9]+)-([0-9]*)$/;
const SUFFIX_RANGE = /^-([0-9]+)$/;

/**
 * The ranges that a Range field asks for, in ascending order, those that overlap or nearly touch
 * made one.
 *
 * @param value The value of the field.
 * @param length Octets of the representation.
 * @returns null where the field is to be ignored: another unit, a syntax error, too many ranges.
 * An empty list where none of the ranges can be satisfied.
 */
export function selectRanges(value: string, length: number): readonly ByteRange[] | null {
  const [, list] = /^bytes=(.*)$/i.exec(value) ?? [];
  if (list === undefined) return null;
  const specifiers = listMembers(list);
  if (specifiers.length === 0 || specifiers.length > MAX_RANGES) return null;
  const ranges: ByteRange[] = [];
  for (const specifier of specifiers) {
    const range = rangeOf(specifier, length);
    if (range === null) return null;
    if (range.first <= range.last) ranges.push(range);
  }
  return coalesce(ranges);
}

/** A range as it is specified; null for a syntax error, an empty one where it has no octet. */
function rangeOf(specifier: string, length: number): ByteRange | null {
  const [, suffix] = SUFFIX_RANGE.exec(specifier) ?? [];
  if (suffix !== undefined) {
    return { first: Math.max(0, length - Number(suffix)), last: length - 1 };
  }
  const [, first, last] = INTEGER_RANGE.exec(specifier) ?? [];
  if (first === undefined) return null;
  if (last !== "" && Number(last) < Number(first)) return null;
  return {
    first: Number(first),
    last: Math.min(last === "" ? Infinity : Number(last), length - 1),
  };
}

function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const merged: ByteRange[] = [];
  for (const range of ranges.toSorted((one, other) => one.first - other.first)) {
    const previous = merged.at(-1);
    if (previous !== undefined && range.first <= previous.last + WORTH_SKIPPING) {
      merged[merged.length - 1] = {
        first: previous.first,
        last: Math.max(previous.last, range.last),
      };
    } else {
      merged.push(range);
    }
  }
  return merged;
}

/**
 * The value of Content-Range (section 14.4).
 *
 * @param range The range that is sent, or null for a 416.
 * @param length Octets of the representation.
 */
export function contentRange(range: ByteRange | null, length: number): string {
  return `bytes ${range === null ? "*" : `${range.first}-${range.last}`}/${length}`;
}

/** Several ranges as one content: what stands before each of them, and behind the last. */
export interface Multipart {
  /** The media type, with its boundary. */
  readonly type: string;
  /** The parts: a head, and the range that follows it. */
  readonly parts: readonly { readonly head: string; readonly range: ByteRange }[];
  /** The end. */
  readonly tail: string;
  /** Octets in all. */
  readonly length: number;
}

/**
 * Lays several ranges out as multipart/byteranges.
 *
 * @param ranges The ranges.
 * @param length Octets of the representation.
 * @param type The media type of the representation.
 * @param boundary A text that the representation does not have in it: one that nobody can guess.
 */
export function layOutRanges(
  ranges: readonly ByteRange[],
  length: number,
  type: string,
  boundary: string,
): Multipart {
  const parts = ranges.map((range) => ({
    head: `\r\n--${boundary}\r\nContent-Type: ${type}\r\n` +
      `Content-Range: ${contentRange(range, length)}\r\n\r\n`,
    range,
  }));
  const tail = `\r\n--${boundary}--\r\n`;
  const octets = parts.map(({ head, range }) => head.length + range.last - range.first + 1);
  return {
    type: `multipart/byteranges; boundary=${boundary}`,
    parts,
    tail,
    length: octets.reduce((sum, each) => sum + each, tail.length),
  };
}
