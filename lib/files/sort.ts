// The order of listings: what people expect of names, and sorting that gives way to other clients.

import { StatusError } from "../http/status.ts";
import { scheduler } from "../scheduler.ts";
import type { Entry, ListingPart, SortKey, SortOrder } from "./view.ts";

const SORT_KEYS: ReadonlySet<string> = new Set(["name", "size", "modified", "type"]);

/** The order that a query asks for: `sort=size`, `sort=-size` for descending; null for none. */
export function sortOrderOf(query: URLSearchParams): SortOrder | null {
  const value = query.get("sort");
  if (value === null) return null;
  const isDescending = value.startsWith("-");
  const key = isDescending ? value.slice(1) : value;
  if (SORT_KEYS.has(key)) return { key: key as SortKey, isDescending };
  throw new StatusError(400, "A listing can be sorted by name, size, modified and type.");
}

/** The part that a query asks for by `offset` and `limit`; all by default. */
export function partOf(query: URLSearchParams, limit: number = Infinity): ListingPart {
  const numberOf = (name: string, otherwise: number): number => {
    const value = query.get(name);
    if (value === null) return otherwise;
    if (/^[0-9]{1,9}$/.test(value)) return Number(value);
    throw new StatusError(400, `The ${name} of a listing is a number of entries.`);
  };
  return { offset: numberOf("offset", 0), limit: numberOf("limit", limit) };
}

export type Comparison<T> = (one: T, other: T) => number;

let collator: Intl.Collator | null = null;

/**
 * Compares names as people do: 2 before 10, Ü beside U. It is the same on every machine, whatever
 * its language. The first collator of a process takes 10 ms.
 */
export function compareNames(one: string, other: string): number {
  collator ??= new Intl.Collator("en", { numeric: true });
  return collator.compare(one, other) || (one < other ? -1 : one > other ? 1 : 0);
}

function endingOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
}

/** The comparison of names for an order; null where it needs more than names. */
export function nameComparison({ key, isDescending }: SortOrder): Comparison<string> | null {
  if (key === "size" || key === "modified") return null;
  const compare: Comparison<string> = key === "name" ? compareNames : (one, other) => {
    const [ending, otherEnding] = [endingOf(one), endingOf(other)];
    return ending < otherEnding ? -1 : ending > otherEnding ? 1 : compareNames(one, other);
  };
  return isDescending ? (one, other) => compare(other, one) : compare;
}

/** The comparison of entries for an order. Where they are equal, names ascend. */
export function entryComparison(order: SortOrder): Comparison<Entry> {
  const byName = nameComparison(order);
  if (byName !== null) return (one, other) => byName(one.name, other.name);
  const valueOf = order.key === "size"
    ? ({ size }: Entry) => size ?? -1
    : ({ modified }: Entry) => modified;
  const sign = order.isDescending ? -1 : 1;
  return (one, other) =>
    sign * (valueOf(one) - valueOf(other)) || compareNames(one.name, other.name);
}

/** Items that are sorted, or merged, without giving way, and how many milliseconds they take. */
const SORTED_AT_ONCE = 512;
const SORT_COST = 0.6;

/** Sorts as `toSorted` does, in steps. */
export async function sortInSteps<T>(
  items: readonly T[],
  compare: Comparison<T>,
  client: string,
): Promise<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += SORTED_AT_ONCE) {
    if (!scheduler.take(SORT_COST)) await scheduler.turn(SORT_COST, client);
    const run = items.slice(at, at + SORTED_AT_ONCE);
    // By code units first, which costs little: comparisons of names are halved.
    if (typeof run[0] === "string") run.sort();
    runs.push(run.sort(compare));
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(await merge(runs[at]!, runs[at + 1] ?? [], compare, client));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T>(
  one: readonly T[],
  other: readonly T[],
  compare: Comparison<T>,
  client: string,
): Promise<readonly T[]> {
  const merged: T[] = [];
  for (let [at, otherAt] = [0, 0]; at < one.length || otherAt < other.length;) {
    if (merged.length % (4 * SORTED_AT_ONCE) === 0 && !scheduler.take(SORT_COST)) {
      await scheduler.turn(SORT_COST, client);
    }
    const isOne = otherAt === other.length ||
      at < one.length && compare(one[at]!, other[otherAt]!) <= 0;
    merged.push(isOne ? one[at++]! : other[otherAt++]!);
  }
  return merged;
}
