// Every system call that takes a path, and every synchronous one, but for what open_file.ts does in
// one go. Methods return promises, but for those whose calls have to be allowed by the policy.

import { blockingCalls, UnresponsiveError } from "./blocking_calls.ts";
import { noSpace, nullIfNotFound, nullIfUnreachable, nullUnlessUnresponsive } from "./errors.ts";
import { FileWorker, RemoteFile } from "./file_worker.ts";
import { statFileSystem, SyncFilePolicy } from "./sync_policy.ts";

/** An open file, of a local or of a network file system. */
export type FileHandle = Deno.FsFile | RemoteFile;

/** Has the files of network file systems open. */
const worker = new FileWorker();

/** Milliseconds for a call that writes a large file to a disk: 12 GB at 100 MB/s. */
const SYNC_TIMEOUT = 120_000;

/** For the start of the server. */
export const { realPathSync, statSync } = Deno;

/** Interruptions of one call: signals are rare, and a call must not be repeated for ever. */
const MAX_INTERRUPTIONS = 100;

/** Makes a call again that a signal has interrupted (EINTR). Deno does so for some calls only. */
export async function retry<T>(call: () => T | Promise<T>): Promise<T> {
  for (let interruptions = 0;; interruptions++) {
    try {
      return await call();
    } catch (error) {
      const isInterrupted = error instanceof Deno.errors.Interrupted;
      if (!isInterrupted || interruptions === MAX_INTERRUPTIONS) throw error;
    }
  }
}

/** A call on another thread: the disk may have to answer. */
function call<T>(make: () => Promise<T>, timeout?: number): Promise<T> {
  return blockingCalls.run(() => retry(make), timeout === undefined ? {} : { timeout });
}

/** Creates a directory. */
export function mkdir(path: string): Promise<void> {
  return call(() => Deno.mkdir(path));
}

/** Removes a file or an empty directory. */
export function remove(path: string): Promise<void> {
  return call(() => Deno.remove(path));
}

/**
 * Removes what is at a path, and all that is below a directory. Links are not followed, also where
 * one appears meanwhile: the system's calls go from directory to directory (`unlinkat`).
 */
export function removeTree(path: string): Promise<void> {
  return call(() => Deno.remove(path, { recursive: true }), Infinity);
}

/** Cleans up after an error, unless the disk does not answer before the error is returned. */
export async function cleanUp(error: unknown, work: () => Promise<void>): Promise<void> {
  const done = work();
  if (error instanceof UnresponsiveError) done.catch(() => {});
  else await done;
}

/**
 * Reads a directory.
 *
 * @param read Is called with the entries, and once more after an interruption: it begins anew then.
 */
export function readDir<T>(
  path: string,
  read: (entries: AsyncIterable<Deno.DirEntry>) => Promise<T>,
): Promise<T> {
  return retry(() => read(entriesOf(path)));
}

async function* entriesOf(path: string): AsyncGenerator<Deno.DirEntry> {
  const iterator = Deno.readDir(path)[Symbol.asyncIterator]();
  try {
    const next = () => blockingCalls.run(() => iterator.next());
    for (let entry = await next(); !entry.done; entry = await next()) yield entry.value;
  } finally {
    // After an error, Deno 2.9 would leave the directory open. Not awaited: a call may hang.
    iterator.return?.().catch(() => {});
  }
}

/** Checks of the path of a new file. */
const CHECKS = 4;

/** The calls on the files of one directory, synchronous inside where the policy allows that. */
export class FileSystem {
  readonly policy: SyncFilePolicy;
  /** Of node:fs, since Deno has none. Loaded on demand: that takes 7 ms. */
  #existsSync: ((path: string) => boolean) | null = null;

  constructor(path: string, clock?: () => number) {
    this.policy = new SyncFilePolicy(path, clock);
  }

  #call<T>(runSync: () => T, runAsync: () => Promise<T>): Promise<T> {
    return this.policy.isAllowed ? retry(() => this.policy.measure(runSync)) : call(runAsync);
  }

  /** A call on an open file: not in this thread if its close may wait for a network. */
  #callFile<T>(
    file: FileHandle,
    runSync: (file: Deno.FsFile) => T,
    runAsync: (file: FileHandle) => Promise<T>,
  ): Promise<T> {
    return file instanceof RemoteFile
      ? call(() => runAsync(file))
      : this.#call(() => runSync(file), () => runAsync(file));
  }

  /** What is at a path in a directory in use, links not followed; null where nothing is. */
  async lstat(path: string): Promise<Deno.FileInfo | null> {
    try {
      return await this.#call(() => Deno.lstatSync(path), () => Deno.lstat(path));
    } catch (error) {
      return nullIfNotFound(error);
    }
  }

  /** As {@linkcode lstat}, for several paths: without a promise for each where that is possible. */
  async lstatAll(paths: readonly string[]): Promise<(Deno.FileInfo | null)[]> {
    if (!this.policy.isAllowed) return await Promise.all(paths.map((path) => this.lstat(path)));
    return await retry(() => this.policy.measure(() => paths.map(lstatOrNull)));
  }

  fstat(file: FileHandle): Promise<Deno.FileInfo> {
    return this.#callFile(file, (file) => file.statSync(), (file) => file.stat());
  }

  /** Locks an open file unless it is locked; a wait could be for a turn of this very thread. */
  tryLock(file: FileHandle): Promise<boolean> {
    return this.#callFile(file, (file) => file.tryLockSync(true), (file) => file.tryLock(true));
  }

  /** Releases the lock of a file that is open in this thread. Closing it does the same. */
  async unlock(file: FileHandle): Promise<void> {
    if (!(file instanceof RemoteFile)) {
      await this.#call(() => file.unlockSync(), () => file.unlock());
    }
  }

  /** Opens a directory, a file that was found just now, or a new one. */
  open(path: string, options: Deno.OpenOptions = { read: true }): Promise<FileHandle> {
    if (!this.policy.isAllowed) return this.openAsync(path, options);
    return retry(() => this.policy.measure(() => Deno.openSync(path, options)));
  }

  /** Opens a file, never synchronously. */
  async openAsync(
    path: string,
    options: Deno.OpenOptions = { read: true },
  ): Promise<FileHandle> {
    const isNetwork = await this.policy.isNetwork();
    const open = (): Promise<FileHandle> =>
      isNetwork ? worker.open(path, options) : Deno.open(path, options);
    const dispose = (late: FileHandle) => {
      late.close();
      if (options.createNew) remove(path).catch(() => {});
    };
    return await blockingCalls.run(() => retry(open), { dispose });
  }

  /** Goes to a position: that reads nothing. */
  async seek(file: FileHandle, position: number): Promise<void> {
    await this.#callFile(
      file,
      (file) => file.seekSync(position, Deno.SeekMode.Start),
      (file) => file.seek(position, Deno.SeekMode.Start),
    );
  }

  /**
   * Reads as `file.read` does. Only bytes that are probably cached are read synchronously. The
   * system reads into the buffer itself: a late read must not find it in other use.
   */
  async read(file: FileHandle, buffer: Uint8Array, isCached: boolean): Promise<number | null> {
    if (file instanceof RemoteFile) {
      const bytes = await call(() => file.read(buffer.length));
      if (bytes !== null) buffer.set(bytes);
      return bytes?.length ?? null;
    }
    if (isCached && this.policy.isAllowed) {
      return await retry(() => this.policy.measure(() => file.readSync(buffer)));
    }
    return await call(() => file.read(buffer), Infinity);
  }

  /** The path without links, or null where it leads nowhere or may not be read. */
  realPath(path: string): Promise<string | null> {
    return this.#call(() => Deno.realPathSync(path), () => Deno.realPath(path))
      .catch(nullIfUnreachable);
  }

  /**
   * Whether what is known is at a path without links. A program that exchanges a directory for a
   * link between check and use has to succeed in each of several checks.
   */
  async isAt(path: string, { dev, ino }: Deno.FileInfo, checks = CHECKS): Promise<boolean> {
    for (let check = 0; check < checks; check++) {
      if (await this.realPath(path) !== path) return false;
      const found = await this.lstat(path);
      if (found === null || found.dev !== dev || found.ino !== ino) return false;
    }
    return true;
  }

  /** Whether a path without links is a directory: as careful as {@linkcode isAt}. */
  async isDirectoryAt(path: string): Promise<boolean> {
    for (let check = 0; check < CHECKS; check++) {
      if (await this.realPath(path) !== path) return false;
      if (!(await this.lstat(path))?.isDirectory) return false;
    }
    return true;
  }

  /** Renames a file, and replaces the one that has the name; or a directory. */
  rename(path: string, to: string): Promise<void> {
    return this.#call(() => Deno.renameSync(path, to), () => Deno.rename(path, to));
  }

  /** Gives a file another name. */
  link(path: string, other: string): Promise<void> {
    return this.#call(() => Deno.linkSync(path, other), () => Deno.link(path, other));
  }

  /**
   * Writes at least a part of the bytes, and returns how many.
   *
   * @param isQuick Whether there are so few that the system only copies them.
   */
  async write(file: FileHandle, bytes: Uint8Array, isQuick: boolean): Promise<number> {
    if (file instanceof RemoteFile) return await call(() => file.write(bytes));
    if (isQuick && this.policy.isAllowed) {
      return await retry(() => this.policy.measure(() => file.writeSync(bytes)));
    }
    return await call(() => file.write(bytes), Infinity); // As for reading.
  }

  /**
   * Whether a file is unchanged since an lstat. To be called where the policy allows it.
   *
   * @param hasDirectories Whether a directory in the path may have become a link.
   */
  isUnchangedSync(path: string, info: Deno.FileInfo, hasDirectories: boolean): boolean {
    return this.policy.measure(() => {
      try {
        if (hasDirectories && Deno.realPathSync(path) !== path) return false;
        return isSameState(Deno.lstatSync(path), info);
      } catch {
        return false; // The read that follows finds the reason.
      }
    });
  }

  /**
   * Whether nothing is at a path, or a link that leads nowhere; false also where that is not known. It
   * takes 1 us, and the error of a failed lstat 8.
   */
  isAbsent(path: string): boolean {
    const existsSync = this.#existsSync;
    if (existsSync === null) {
      import("node:fs").then((loaded) => this.#existsSync = loaded.existsSync);
      return false;
    }
    return this.policy.isAllowed && !this.policy.measure(() => existsSync(path));
  }

  /**
   * What is at a path: null where nothing is, undefined after an error, whose reason the read that
   * follows finds. To be called where the policy allows it.
   */
  lstatSync(path: string): Deno.FileInfo | null | undefined {
    return this.policy.measure(() => {
      try {
        return Deno.lstatSync(path);
      } catch (error) {
        return error instanceof Deno.errors.NotFound ? null : undefined;
      }
    });
  }
}

/** Has the disk store a file. */
export function sync(file: FileHandle): Promise<void> {
  return call(() => file.sync(), SYNC_TIMEOUT);
}

/** As {@linkcode FileSystem.lstat}, synchronous. To be called where the policy allows it. */
export function lstatOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    return nullIfNotFound(error);
  }
}

/** Like {@linkcode FileSystem.lstat}, but asynchronous. */
export function lstat(path: string): Promise<Deno.FileInfo | null> {
  return call(() => Deno.lstat(path)).catch(nullIfNotFound);
}

/** The path of something in a directory. */
export function join(directory: string, ...segments: readonly string[]): string {
  return `${directory === "/" ? "" : directory}/${segments.join("/")}`;
}

/** The path of the directory that a path is in. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function isSameState(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.isFile === other.isFile && one.ino === other.ino && one.dev === other.dev &&
    one.size === other.size &&
    isSameTime(one.mtime, other.mtime) && isSameTime(one.ctime, other.ctime);
}

/** Whether two times of a file are the same. */
export function isSameTime(one: Date | null, other: Date | null): boolean {
  return one?.getTime() === other?.getTime();
}

/**
 * Asks the disk whether a directory is there, however long that takes. The call waits for no other
 * one and is not counted: there must be one at a time only.
 */
export async function hasDirectory(path: string): Promise<boolean> {
  const info = await retry(() => Deno.lstat(path)).catch(nullIfNotFound);
  if (!info?.isDirectory) return false;
  await statFileSystem(path); // The system may remember the answer to lstat.
  return true;
}

/** Bytes. Shorter uploads are received without a check: 64 KiB. */
const MIN_CHECKED_LENGTH = 65536;

/**
 * Checks the space before an upload. The upload itself finds out why the check has failed.
 *
 * @throws {StatusError} 507 where the disk is known to be too full for a file of this length.
 */
export async function checkSpace(directory: string, length: number | null): Promise<void> {
  if (length === null || length <= MIN_CHECKED_LENGTH) return;
  const found = await call(() => statFileSystem(directory)).catch(nullUnlessUnresponsive);
  if (found !== null && length > found.bavail * found.bsize) throw noSpace();
}
