// Where file work may be synchronous, so that everybody waits for it: only for looks at what was in
// use just now, which the system answers from its memory in microseconds, a tenth of what it costs
// to ask another thread. A disk that takes longer all the same, one across a network for instance,
// is asked asynchronously from then on, for a while.

/** Milliseconds that a look may take: more than the system lets other programs run in between. */
const QUICK = 10;

/** How many times as long as a slow look took nobody looks again: nobody waits 2 % of the time. */
const PENANCE = 50;

/** The synchronous looks at the files of one directory. */
export class QuickLooks {
  #slowUntil = 0;

  /** Whether looks have been quick of late, and are allowed. */
  get areAllowed(): boolean {
    return performance.now() >= this.#slowUntil;
  }

  /** Takes a look, and the time that it needs. */
  take<T>(look: () => T): T {
    const start = performance.now();
    try {
      return look();
    } finally {
      const end = performance.now();
      const elapsed = end - start;
      if (elapsed > QUICK) this.#slowUntil = end + PENANCE * elapsed;
    }
  }
}
