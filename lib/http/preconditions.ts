// Conditional requests (RFC 9110 section 13), evaluated in the order of section 13.2.2.

import { parseDate } from "./date.ts";
import type { Fields } from "./fields.ts";

/**
 * The validators of one state of a representation (section 8.8).
 *
 * @example
 * ```ts
 * import { evaluatePreconditions, Fields, type Validators } from "@wireserve/wireserve/http";
 *
 * const validators: Validators = { etag: '"1"', lastModified: 0 };
 * const fields = new Fields([["If-None-Match", '"1"']]);
 * console.log(evaluatePreconditions("GET", fields, validators, Date.now())); // not modified
 * ```
 */
export interface Validators {
  /** The entity tag with its quotes and, if it is weak, its `W/` (section 8.8.3). */
  readonly etag: string;
  /** The time of the last modification, in milliseconds since 1970, UTC. */
  readonly lastModified: number;
  /** Entity tags of other representations of the same state, which match as well. */
  readonly others?: readonly string[];
}

/**
 * The result of the preconditions: `not modified` is answered with 304, `failed` with 412.
 *
 * @example
 * ```ts
 * import { evaluatePreconditions, Fields, type Verdict } from "@wireserve/wireserve/http";
 *
 * const fields = new Fields([["If-Match", "*"]]);
 * const verdict: Verdict = evaluatePreconditions("PUT", fields, null, Date.now());
 * console.log(verdict); // failed
 * ```
 */
export type Verdict = "holds" | "not modified" | "failed";

/**
 * Evaluates the preconditions of a request.
 *
 * @param method The method: a false If-None-Match is 304 for GET and HEAD, 412 for others.
 * @param current The validators of the current representation, or null if there is none.
 * @param now Milliseconds since 1970.
 *
 * @example
 * ```ts
 * import { evaluatePreconditions, Fields } from "@wireserve/wireserve";
 *
 * const fields = new Fields([["If-None-Match", '"a"']]);
 * const current = { etag: '"a"', lastModified: 0 };
 * console.log(evaluatePreconditions("GET", fields, current, Date.now())); // not modified
 * ```
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
 * Whether If-Range is absent or matches the current representation, by a strong entity tag or the
 * exact date (section 13.1.5).
 *
 * @param now Milliseconds since 1970.
 *
 * @example
 * ```ts
 * import { Fields, isRangeCurrent } from "@wireserve/wireserve";
 *
 * const fields = new Fields([["If-Range", '"a"']]);
 * console.log(isRangeCurrent(fields, { etag: '"b"', lastModified: 0 }, Date.now())); // false
 * ```
 */
export function isRangeCurrent(fields: Fields, current: Validators, now: number): boolean {
  const condition = fields.get("If-Range");
  if (condition === null) return true;
  if (condition.startsWith('"')) return isSameStrong(condition, current.etag);
  // A date is weak while its second lasts: another change may follow (section 8.8.2.2).
  const isStrong = wholeSeconds(now) > wholeSeconds(current.lastModified);
  return isStrong && parseDate(condition, now) === wholeSeconds(current.lastModified);
}

type Comparison = (one: string, other: string) => boolean;

function isMatched(condition: string, current: Validators | null, isSame: Comparison): boolean {
  if (current === null) return false;
  const tags = [current.etag, ...current.others ?? []];
  return condition === "*" ||
    entityTags(condition).some((tag) => tags.some((each) => isSame(tag, each)));
}

/** Whether the representation is newer than a date; null without a date to compare. */
function isModifiedSince(
  date: string | null,
  current: Validators | null,
  now: number,
): boolean | null {
  const moment = date === null ? null : parseDate(date, now);
  return moment === null || current === null ? null : wholeSeconds(current.lastModified) > moment;
}

/** Section 8.8.3.2, as the next one. */
function isSameStrong(one: string, other: string): boolean {
  return one === other && !one.startsWith("W/");
}

function isSameWeak(one: string, other: string): boolean {
  return one.replace(/^W\//, "") === other.replace(/^W\//, "");
}

function wholeSeconds(moment: number): number {
  return Math.floor(moment / 1000) * 1000;
}

const ENTITY_TAGS = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
const ENTITY_TAG_LIST = /^[ \t,]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t,]*)*$/;

/** The entity tags of a list, which may contain commas; none if the list is malformed. */
function entityTags(list: string): string[] {
  return ENTITY_TAG_LIST.test(list) ? list.match(ENTITY_TAGS) ?? [] : [];
}
