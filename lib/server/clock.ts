// Time: that of day as the Date field carries it, made once a second rather than once a response,
// and what passes while something is waited for.

import { formatDate } from "../http/date.ts";

let second = 0;
let text = "";

/** The IMF-fixdate of now. */
export function currentDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    text = formatDate(now * 1000);
  }
  return text;
}

/** Milliseconds of the longest timer that there is, 24 days: a longer one would go off at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Waits for so long, or until something happens.
 *
 * @throws what the event is rejected with.
 */
export async function elapse(milliseconds: number, event?: Promise<void>): Promise<void> {
  const elapsed = Promise.withResolvers<void>();
  const timer = setTimeout(elapsed.resolve, Math.min(milliseconds, LONGEST_TIMER));
  try {
    await (event === undefined ? elapsed.promise : Promise.race([elapsed.promise, event]));
  } finally {
    clearTimeout(timer);
  }
}
