// One at a time, for each path: between a look at a file and its replacement, nobody else in
// this program replaces it.

const tails = new Map<string, Promise<void>>();

/** Runs when everybody who came before for the same path is done. */
export async function withLock<T>(path: string, run: () => Promise<T>): Promise<T> {
  const before = tails.get(path);
  const done = Promise.withResolvers<void>();
  tails.set(path, done.promise);
  try {
    await before;
    return await run();
  } finally {
    done.resolve();
    if (tails.get(path) === done.promise) tails.delete(path);
  }
}
