// Mutual exclusion by key: within this isolate, and for a directory on this machine.

import { Backoff, sleep } from "../server/deadlines.ts";
import type { FileSystem } from "./fs.ts";

/** The end of the queue of each key. */
const queues = new Map<string, Promise<void>>();

/**
 * Runs alone among the calls with the same key in this isolate, in the order of the calls. A
 * nested call with the same key would wait forever.
 */
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

/** Milliseconds between two tries to lock a directory: a commit takes less than one. */
const MIN_BACKOFF = 1;
const MAX_BACKOFF = 16;

/** Milliseconds after which a directory that stays locked is used without the lock. */
const LOCK_TIMEOUT = 3000;

/**
 * Runs with a directory locked by flock(2), alone among the workers and processes of this machine
 * that do the same. The lock is advisory: where the system refuses it, or after a timeout, the
 * call runs without. It must not be nested.
 */
export async function withDirectoryLock<T>(
  fs: FileSystem,
  directory: string,
  run: () => Promise<T>,
): Promise<T> {
  // The calls of this isolate queue up, rather than compete for the lock of the system.
  return await withLock(`${directory}/`, async () => {
    using _ = await lockDirectory(fs, directory);
    return await run();
  });
}

/** The open directory, locked if possible. Closing it releases the lock. */
async function lockDirectory(fs: FileSystem, directory: string): Promise<Deno.FsFile | null> {
  let file: Deno.FsFile | null = null;
  try {
    file = await fs.open(directory);
    const end = performance.now() + LOCK_TIMEOUT;
    const backoff = new Backoff(MIN_BACKOFF, MAX_BACKOFF);
    // A blocking lock would occupy one of the threads for file operations.
    while (!await fs.tryLock(file) && performance.now() <= end) await sleep(backoff.next());
  } catch {
    // Some file systems lock no directories, NFS for instance.
  }
  return file;
}
