// Mutual exclusion by key: within this isolate; for a directory on this machine; for a file of a
// network file system on all machines.

import { Backoff, sleep } from "../server/deadlines.ts";
import { codeOf, type FileHandle, type FileSystem, parentOf, UnresponsiveError } from "./fs.ts";

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

/** Milliseconds after which what stays locked is used without the lock. */
const LOCK_TIMEOUT = 3000;

/**
 * Changes what is at a path without links, alone among the processes that do the same. They lock
 * the directory by flock(2), which a network file system does for this machine only: there they
 * lock the file that is replaced. Where the system refuses the lock, and after a timeout, the
 * change is made without it.
 */
export async function withCommitLock<T>(
  fs: FileSystem,
  path: string,
  change: () => Promise<T>,
): Promise<T> {
  const isNetwork = await fs.policy.isNetwork();
  // The calls of this isolate queue up, rather than compete for the lock of the system.
  return await withLock(`${isNetwork ? path : parentOf(path)}/`, async () => {
    const lock = await (isNetwork ? lockFile(fs, path) : lockDirectory(fs, parentOf(path)));
    let returned: Promise<void> | null = null;
    try {
      return await change();
    } catch (error) {
      if (error instanceof UnresponsiveError) returned = error.returned;
      throw error;
    } finally {
      // Closing it releases the lock: not while the change may still be made.
      if (returned === null) lock?.close();
      else void returned.then(() => lock?.close());
    }
  });
}

/**
 * The open directory, locked if possible; null where it may not be read. Other failures to open it
 * are errors: too many open files must not mean no lock.
 */
async function lockDirectory(fs: FileSystem, directory: string): Promise<FileHandle | null> {
  let file: FileHandle;
  try {
    file = await fs.open(directory);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
  await tryLockUntil(fs, file, performance.now() + LOCK_TIMEOUT).catch(() => {});
  return file;
}

/** The open file, locked if possible; null where there is none that may be written. */
async function lockFile(fs: FileSystem, path: string): Promise<FileHandle | null> {
  const end = performance.now() + LOCK_TIMEOUT;
  while (performance.now() <= end) {
    const file = await openExisting(fs, path);
    if (file === null) return null;
    try {
      if (!await tryLockUntil(fs, file, end)) return file;
      const [locked, found] = await Promise.all([fs.fstat(file), fs.lstat(path)]);
      if (found?.ino === locked.ino) return file;
    } catch (error) {
      if (!isGone(error)) {
        file.close();
        throw error;
      }
    }
    file.close(); // It was replaced or removed meanwhile.
  }
  return null;
}

/** NFS locks only files that are open for writing. Null for none, and for one that is executed. */
async function openExisting(fs: FileSystem, path: string): Promise<FileHandle | null> {
  try {
    return await fs.openAsync(path, { write: true });
  } catch (error) {
    if (isGone(error) || error instanceof Deno.errors.PermissionDenied) return null;
    if (codeOf(error) === "ETXTBSY") return null;
    throw error;
  }
}

/** Whether an error means that a file was removed, perhaps on another machine. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || codeOf(error) === "ESTALE";
}

/** Returns whether it is locked. A lock that waits would occupy one of the threads for files. */
async function tryLockUntil(fs: FileSystem, file: FileHandle, end: number): Promise<boolean> {
  const backoff = new Backoff(MIN_BACKOFF, MAX_BACKOFF);
  try {
    while (!await fs.tryLock(file)) {
      if (performance.now() > end) return false;
      await sleep(backoff.next());
    }
    return true;
  } catch (error) {
    if (error instanceof UnresponsiveError || isGone(error)) throw error;
    return false; // Some file systems lock nothing, or no directories, as NFS.
  }
}
