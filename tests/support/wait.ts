// Waiting for events, however late they come on a busy machine.

/** Milliseconds before a test fails: far more than any event needs. */
const PATIENCE = 30_000;

/** Checks a condition every few milliseconds until it is true. */
export async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!await isTrue()) {
    if (performance.now() > end) throw new Error(`It did not become true: ${isTrue}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
