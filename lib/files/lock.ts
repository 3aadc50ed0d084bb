// What a change of a directory needs. Mutual exclusion by key: within this isolate; for a directory
// on this machine; for a file of a network file system on all machines. And the sync after it.

import { Backoff, sleep } from "../server/deadlines.ts";
import { UnresponsiveError } from "../disk/blocking_calls.ts";
import { codeOf } from "../disk/errors.ts";
import { type FileHandle, type FileSystem, parentOf, sync } from "../disk/file_system.ts";

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

/** Runs alone among the calls with any of some keys, in an order that excludes a deadlock. */
export function withLocks<T>(keys: Iterable<string>, run: () => Promise<T>): Promise<T> {
  return [...new Set(keys)].sort().reduceRight<() => Promise<T>>(
    (inner, key) => () => withLock(key, inner),
    run,
  )();
}

/** The directories that are open for changes, by path. */
const directories = new Map<string, OpenDirectory>();

/**
 * An open directory, which carries the lock and is synced. Changes that begin at the same time share
 * it, until one of them is synced or has ended.
 */
class OpenDirectory implements AsyncDisposable {
  readonly file: Promise<FileHandle>;
  readonly #path: string;
  #users = 0;

  private constructor(path: string, file: Promise<FileHandle>) {
    this.#path = path;
    this.file = file;
  }

  /** Opens a directory, unless it has just been opened. */
  static async acquire(fs: FileSystem, path: string): Promise<OpenDirectory> {
    let directory = directories.get(path);
    if (directory === undefined) {
      directory = new OpenDirectory(path, fs.open(path));
      directories.set(path, directory);
    }
    directory.#users++;
    try {
      await directory.file;
      return directory;
    } catch (error) {
      await directory[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Has the disk store the changes that have been made. Nobody waits for the sync of another one:
   * file systems commit those that come together at once.
   */
  async sync(): Promise<void> {
    this.#close();
    await sync(await this.file);
  }

  /** Further changes open the path anew: another directory may have it by then. */
  #close(): void {
    if (directories.get(this.#path) === this) directories.delete(this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    if (--this.#users === 0) (await this.file.catch(() => null))?.close();
  }
}

/**
 * Changes directories and syncs them. They are opened first: a refusal precedes the change.
 *
 * @param paths Paths without links.
 */
export async function withSync<T>(
  fs: FileSystem,
  paths: Iterable<string>,
  change: () => Promise<T>,
): Promise<T> {
  await using stack = new AsyncDisposableStack();
  const changed: OpenDirectory[] = [];
  for (const path of paths) changed.push(stack.use(await OpenDirectory.acquire(fs, path)));
  const result = await change();
  await Promise.all(changed.map((directory) => directory.sync()));
  return result;
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
  return await withCommitLocks(fs, [path], change);
}

/** The same for several paths at once, which may be those of directories. */
export async function withCommitLocks<T>(
  fs: FileSystem,
  paths: readonly string[],
  change: () => Promise<T>,
): Promise<T> {
  const isNetwork = await fs.policy.isNetwork();
  const locked = new Set(isNetwork ? paths : paths.map(parentOf));
  return await [...locked].sort().reduceRight<() => Promise<T>>(
    (inner, each) => () => withSystemLock(fs, each, isNetwork, inner),
    change,
  )();
}

/** @param path Of the directory, or of the file on a network file system. */
async function withSystemLock<T>(
  fs: FileSystem,
  path: string,
  isNetwork: boolean,
  change: () => Promise<T>,
): Promise<T> {
  // The calls of this isolate queue up, rather than compete for the lock of the system.
  return await withLock(`${path}/`, async () => {
    const unlock = await (isNetwork ? lockFile(fs, path) : lockDirectory(fs, path));
    let returned: Promise<void> | null = null;
    try {
      return await change();
    } catch (error) {
      if (error instanceof UnresponsiveError) returned = error.returned;
      throw error;
    } finally {
      // Not while the change may still be made.
      if (returned === null) await unlock();
      else void returned.then(unlock);
    }
  });
}

/** Releases a lock. */
type Unlock = () => Promise<void> | void;

/**
 * Locks a directory if possible. It may not be readable. Other failures to open it are errors: too
 * many open files must not mean no lock.
 */
async function lockDirectory(fs: FileSystem, path: string): Promise<Unlock> {
  let directory: OpenDirectory;
  try {
    directory = await OpenDirectory.acquire(fs, path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return () => {};
    throw error;
  }
  const file = await directory.file;
  await tryLockUntil(fs, file, performance.now() + LOCK_TIMEOUT).catch(() => {});
  return async () => {
    await fs.unlock(file).catch(() => {});
    await directory[Symbol.asyncDispose]();
  };
}

/** Locks a file if possible, and if there is one that may be written. */
async function lockFile(fs: FileSystem, path: string): Promise<Unlock> {
  const end = performance.now() + LOCK_TIMEOUT;
  while (performance.now() <= end) {
    const file = await openExisting(fs, path);
    if (file === null) return () => {};
    try {
      if (!await tryLockUntil(fs, file, end)) return () => file.close();
      const [locked, found] = await Promise.all([fs.fstat(file), fs.lstat(path)]);
      if (found?.ino === locked.ino) return () => file.close();
    } catch (error) {
      if (!isGone(error)) {
        file.close();
        throw error;
      }
    }
    file.close(); // It was replaced or removed meanwhile.
  }
  return () => {};
}

/** NFS locks only files that are open for writing. Null for none, and for one that is executed. */
async function openExisting(fs: FileSystem, path: string): Promise<FileHandle | null> {
  try {
    return await fs.openAsync(path, { write: true });
  } catch (error) {
    if (isGone(error) || error instanceof Deno.errors.PermissionDenied) return null;
    if (codeOf(error) === "ETXTBSY" || error instanceof Deno.errors.IsADirectory) return null;
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
