// Reads a log in JSON.

/** A line, parsed. */
// deno-lint-ignore no-explicit-any -- the tests check its fields
export type LogLine = any;

function linesOf(log: string): LogLine[] {
  return log.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** The lines of requests. */
export function requestsIn(log: string): LogLine[] {
  return linesOf(log).filter(({ id }) => id !== undefined);
}

/** How many lines the log says are missing: requests do not wait for a disk that hangs. */
export function droppedIn(log: string): number {
  return linesOf(log).filter(({ event }) => event === "lines_dropped")
    .reduce((sum, { detail }) => sum + Number.parseInt(detail), 0);
}
