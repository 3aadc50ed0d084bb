// Conditional requests (RFC 9110 section 13): what a request's conditions make of the current
// representation. The order of section 13.2.2 is the order of the code.

import { parseDate } from "./date.ts";
import type { Fields } from "./fields.ts";

/** What distinguishes one state of a representation from another. */
export interface Validators {
  /** The entity tag, quotes and a `W/` included (section 8.8.3). */
  readonly etag: string;
  /** When it was last modified: milliseconds since 1970, UTC. */
  readonly lastModified: number;
  /** The entity tags of other representations of the same state: for conditions on writing. */
  readonly others?: readonly string[];
}

/**
 * What comes of a condition: it holds, or what stands in the place of the response, `not modified`
 * being a 304 and `failed` a 412.
 */
export type Verdict = "holds" | "not modified" | "failed";

/**
 * Evaluates the preconditions of a request.
 *
 * @param method The method: what is not GET or HEAD fails where those have nothing new.
 * @param fields The fields of the request.
 * @param current The validators of the current representation, or null where there is none.
 * @param now The present moment, in milliseconds since 1970.
 */
export function evaluatePreconditions(
  method: string,
  fields: Fields,
  current: Validators | null,
  now: number,
): Verdict {
  const isRead = method === "GET" || method === "HEAD";
  const ifMatch = fields.get("If-Match");
  if (ifMatch !== null) {
    if (!isMatched(ifMatch, current, isSameStrong)) return "failed";
  } else if (isModifiedSince(fields.get("If-Unmodified-Since"), current, now) === true) {
    return "failed";
  }
  const ifNoneMatch = fields.get("If-None-Match");
  if (ifNoneMatch !== null) {
    if (isMatched(ifNoneMatch, current, isSameWeak)) return isRead ? "not modified" : "failed";
  } else if (
    isRead && isModifiedSince(fields.get("If-Modified-Since"), current, now) === false
  ) {
    return "not modified";
  }
  return "holds";
}

/**
 * Whether the condition of a range request holds: If-Range names the current representation by a
 * strong entity tag or by its exact date, or is not there (section 13.1.5).
 *
 * @param fields The fields of the request.
 * @param current The validators of the current representation.
 * @param now The present moment, in milliseconds since 1970.
 */
export function isRangeCurrent(fields: Fields, current: Validators, now: number): boolean {
  const condition = fields.get("If-Range");
  if (condition === null) return true;
  if (condition.startsWith('"')) return isSameStrong(condition, current.etag);
  // Within its own second the file may have changed once more (section 8.8.2.2).
  const isSettled = wholeSeconds(now) > wholeSeconds(current.lastModified);
  return isSettled && parseDate(condition, now) === wholeSeconds(current.lastModified);
}

type Comparison = (one: string, other: string) => boolean;

function isMatched(condition: string, current: Validators | null, isSame: Comparison): boolean {
  if (current === null) return false;
  const tags = [current.etag, ...current.others ?? []];
  return condition === "*" ||
    entityTags(condition).some((tag) => tags.some((each) => isSame(tag, each)));
}

/** Whether the representation is newer than a date; null where there is no date to compare. */
function isModifiedSince(
  date: string | null,
  current: Validators | null,
  now: number,
): boolean | null {
  const moment = date === null ? null : parseDate(date, now);
  return moment === null || current === null ? null : wholeSeconds(current.lastModified) > moment;
}

/** Section 8.8.3.2. */
function isSameStrong(one: string, other: string): boolean {
  return one === other && !one.startsWith("W/");
}

/** Section 8.8.3.2. */
function isSameWeak(one: string, other: string): boolean {
  return one.replace(/^W\//, "") === other.replace(/^W\//, "");
}

/** Dates of HTTP have no fractions of a second. */
function wholeSeconds(moment: number): number {
  return Math.floor(moment / 1000) * 1000;
}

const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/y;
const SEPARATOR = /[ \t]*(?:,[ \t]*)*/y;

/** The entity tags of a list, which may have commas in them; none where the list is malformed. */
function entityTags(list: string): string[] {
  const tags: string[] = [];
  let at = 0;
  while (at < list.length) {
    ENTITY_TAG.lastIndex = at;
    const tag = ENTITY_TAG.exec(list)?.[0];
    if (tag === undefined && (at > 0 || !/^[ \t,]/.test(list))) return [];
    if (tag !== undefined) tags.push(tag);
    SEPARATOR.lastIndex = at + (tag?.length ?? 0);
    at = SEPARATOR.lastIndex + SEPARATOR.exec(list)![0].length;
  }
  return tags;
}
