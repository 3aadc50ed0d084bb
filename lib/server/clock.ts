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

/** Waits for so long, or until something happens. */
export async function elapse(milliseconds: number, event?: Promise<void>): Promise<void> {
  const elapsed = Promise.withResolvers<void>();
  const timer = setTimeout(elapsed.resolve, milliseconds);
  await (event === undefined ? elapsed.promise : Promise.race([elapsed.promise, event]));
  clearTimeout(timer);
}
