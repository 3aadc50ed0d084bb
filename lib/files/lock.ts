// Mutual exclusion by key: within this isolate, and for a directory on this machine.

import { Backoff, sleep } from "../server/deadlines.ts";
import type { FileHandle, FileSystem } from "./fs.ts";

const queues = new Map<string, Promise<void>>();

/** Runs alone and in order among the calls with a key, which must not be nested. */
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

/** Milliseconds between two attempts: a commit takes less than one. */
const MIN_BACKOFF = 1;
const MAX_BACKOFF = 16;

/** Milliseconds after which a directory that stays locked is used without the lock. */
const LOCK_TIMEOUT = 3000;

/**
 * Runs with a directory locked by flock(2), alone among the processes of this machine that do the
 * same. It runs without the lock where the system refuses it, or after a timeout.
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

/**
 * The open directory, locked if possible; null where it may not be read. Closing it releases the
 * lock. Other failures to open it are errors: too many open files must not mean no lock.
 */
async function lockDirectory(fs: FileSystem, directory: string): Promise<FileHandle | null> {
  let file: FileHandle;
  try {
    file = await fs.open(directory);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
  const end = performance.now() + LOCK_TIMEOUT;
  const backoff = new Backoff(MIN_BACKOFF, MAX_BACKOFF);
  try {
    // A blocking lock would occupy one of the threads for file operations.
    while (!await fs.tryLock(file) && performance.now() <= end) await sleep(backoff.next());
  } catch {
    // Some file systems lock no directories, NFS for instance.
  }
  return file;
}
