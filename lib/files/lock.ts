// Locks: one holder at a time for a key in this isolate, and for a directory on this machine.

import { Backoff, sleep } from "../server/deadlines.ts";

/** The end of the queue of each key. */
const queues = new Map<string, Promise<void>>();

/** Runs alone among the calls with the same key in this isolate, in the order of the calls. */
export async function withLock<T>(key: string, run: () => Promise<T>): Promise<T> {
  const previous = queues.get(key);
  const done = Promise.withResolvers<void>();
  queues.set(key, done.promise);
  try {
    await previous;
    return await run();
  } finally {
    done.resolve();
    if (queues.get(key) === done.promise) queues.delete(key);
  }
}

/** Milliseconds between two tries to lock a directory: a lock is held for less than one. */
const MIN_BACKOFF = 1;
const MAX_BACKOFF = 16;

/** Milliseconds after which a directory that stays locked is used without the lock. */
const LOCK_TIMEOUT = 3000;

/**
 * Runs with a directory locked by flock(2), alone among the workers and processes of this machine
 * that do the same. The lock is advisory: where the system refuses it, or where it is not released
 * in time, the call runs without. It must not be nested.
 */
export async function withDirectoryLock<T>(directory: string, run: () => Promise<T>): Promise<T> {
  // First the lock of this isolate: its calls need not compete for the other one.
  return await withLock(`${directory}/`, async () => {
    using _ = await lockDirectory(directory);
    return await run();
  });
}

/** The open directory, locked if possible. Closing it releases the lock. */
async function lockDirectory(directory: string): Promise<Deno.FsFile | null> {
  let file: Deno.FsFile | null = null;
  try {
    file = await Deno.open(directory);
    const end = performance.now() + LOCK_TIMEOUT;
    const backoff = new Backoff(MIN_BACKOFF, MAX_BACKOFF);
    // A blocking lock would occupy one of the threads that do the other file operations.
    while (!await file.tryLock(true) && performance.now() <= end) await sleep(backoff.next());
  } catch {
    // Some file systems lock no directories, NFS for instance.
  }
  return file;
}
