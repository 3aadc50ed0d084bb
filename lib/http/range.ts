// Range requests (RFC 9110 section 14).

import { listMembers } from "./fields.ts";

/**
 * A part of a representation.
 *
 * @example
 * ```ts
 * import { type ByteRange, contentRange } from "@wireserve/wireserve/http";
 *
 * const range: ByteRange = { first: 0, last: 4 };
 * console.log(contentRange(range, 10)); // bytes 0-4/10
 * ```
 */
export interface ByteRange {
  /** The first octet, counted from 0. */
  readonly first: number;
  /** The last octet, inclusive. */
  readonly last: number;
}

/** Ranges in one request. With more, the whole representation is sent (section 14.2). */
const MAX_RANGES = 50;

/** Ranges with no more octets between them are sent as one: a part's head is longer than that. */
const MAX_GAP = 80;

const INTEGER_RANGE = /^([0-9]+)-([0-9]*)$/;
const SUFFIX_RANGE = /^-([0-9]+)$/;

/**
 * The ranges of a Range field in ascending order, coalesced where they overlap or nearly touch.
 *
 * @param length The length of the representation in octets.
 * @returns An empty list if no range is satisfiable; null if the field is to be ignored: another
 * unit, a syntax error, too many ranges.
 *
 * @example
 * ```ts
 * import { selectRanges } from "@wireserve/wireserve";
 *
 * console.log(selectRanges("bytes=2-3", 10)); // [{ first: 2, last: 3 }]
 * ```
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

/** A range as specified, with `first` after `last` if it is unsatisfiable; null if malformed. */
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
    if (previous !== undefined && range.first <= previous.last + MAX_GAP) {
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
 * The value of Content-Range (section 14.4), of a 416 if the range is null.
 *
 * @param length The length of the representation in octets.
 *
 * @example
 * ```ts
 * import { contentRange } from "@wireserve/wireserve";
 *
 * console.log(contentRange({ first: 2, last: 3 }, 10)); // bytes 2-3/10
 * ```
 */
export function contentRange(range: ByteRange | null, length: number): string {
  return `bytes ${range === null ? "*" : `${range.first}-${range.last}`}/${length}`;
}

/** The content of a multipart/byteranges response (section 14.6). */
export interface Multipart {
  /** The media type, with its boundary. */
  readonly type: string;
  /** Each part: its delimiter and fields, then its range. */
  readonly parts: readonly { readonly head: string; readonly range: ByteRange }[];
  /** The closing delimiter. */
  readonly tail: string;
  /** The length of the whole in octets. */
  readonly length: number;
}

/**
 * Lays out ranges of a representation, given its length in octets and its media type. The boundary
 * must be unguessable: an uploaded file could contain a known one.
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
