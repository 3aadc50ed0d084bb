// What a log in JSON tells.

/** A line, as it has been parsed. */
// deno-lint-ignore no-explicit-any -- what is in there is what the tests are about
export type LogLine = any;

function linesOf(log: string): LogLine[] {
  return log.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** The lines of requests. */
export function requestsIn(log: string): LogLine[] {
  return linesOf(log).filter(({ id }) => id !== undefined);
}

/** How many lines it says are missing: a disk that hangs for a moment holds up no request. */
export function droppedIn(log: string): number {
  return linesOf(log).filter(({ event }) => event === "lines_dropped")
    .reduce((sum, { detail }) => sum + Number.parseInt(detail), 0);
}
