// Statistics of rounds: median, range and quantiles.

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/**
 * A quantile, by the nearest rank.
 *
 * @param part From 0 to 1.
 * @throws {RangeError} for no values.
 */
export function quantile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new RangeError("No values have no quantile");
  const ordered = values.toSorted((a, b) => a - b);
  return ordered[Math.min(ordered.length - 1, Math.max(0, Math.ceil(part * ordered.length) - 1))]!;
}

/**
 * Median and range. The median of an even number of values is the mean of the middle two.
 *
 * @throws {RangeError} for no values.
 */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("No values have no median");
  const ordered = values.toSorted((a, b) => a - b);
  const half = ordered.length >> 1;
  const isOdd = ordered.length % 2 === 1;
  const median = isOdd ? ordered[half]! : (ordered[half - 1]! + ordered[half]!) / 2;
  return { median, least: ordered[0]!, most: ordered.at(-1)! };
}
