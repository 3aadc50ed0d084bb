// Results: samples by row and server, the better idiom of a peer, and verdicts on the targets. A
// figure with an error in any of its rounds is invalid.

import { type Spread, spread } from "./statistics.ts";
import type { Family, Metric, Row, Target } from "./row.ts";

export interface Result {
  readonly row: string;
  readonly family: Family;
  readonly server: string;
  readonly samples: Partial<Record<Metric, number[]>>;
  /** If not empty, no figure is valid. */
  readonly errors: string[];
}

export interface Verdict {
  readonly row: Row;
  readonly target: Target;
  /** The figure that the target bounds, or null if it is invalid. */
  readonly measured: number | null;
  readonly isMet: boolean;
}

/** Median and range of a figure, or null if it is invalid. */
export function figure(result: Result | undefined, metric: Metric): Spread | null {
  const values = result?.samples[metric] ?? [];
  return result === undefined || result.errors.length > 0 || values.length === 0
    ? null
    : spread(values);
}

/** The results of a row, one per server: of two idioms the one with more requests per second. */
export function ofRow(results: readonly Result[], { id }: Row): Result[] {
  const best = new Map<Family, Result>();
  for (const result of results.filter(({ row }) => row === id)) {
    const rival = best.get(result.family);
    const isBetter = rival === undefined ||
      (figure(result, "rate")?.median ?? 0) > (figure(rival, "rate")?.median ?? 0);
    if (isBetter) best.set(result.family, result);
  }
  return [...best.values()];
}

/** The ratio of two figures, or null if one is missing. */
export function ratio(
  some: Result | undefined,
  other: Result | undefined,
  metric: Metric,
): number | null {
  const [above, below] = [figure(some, metric), figure(other, metric)];
  return above === null || below === null || below.median === 0
    ? null
    : above.median / below.median;
}

/** The verdicts on the targets of the rows that were measured. */
export function judge(rows: readonly Row[], results: readonly Result[]): Verdict[] {
  return rows.flatMap((row) => {
    const measured = ofRow(results, row);
    const find = (family: Family) => measured.find((each) => each.family === family);
    return row.targets.map((target): Verdict => {
      const { metric, relation, factor, against } = target;
      const ours = find("wireserve");
      const value = against === null
        ? figure(ours, metric)?.most ?? null
        : ratio(ours, find(against), metric);
      const isMet = value !== null && (relation === "<=" ? value <= factor : value >= factor);
      return { row, target, measured: value, isMet };
    });
  });
}
