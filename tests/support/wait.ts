// Waiting for what must come, however late a busy machine lets it be.

/** Milliseconds after which it counts as never: far more than anything here ever takes. */
const PATIENCE = 30_000;

/** Looks again and again until something is true. */
export async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!await isTrue()) {
    if (performance.now() > end) throw new Error(`It never came: ${isTrue}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
