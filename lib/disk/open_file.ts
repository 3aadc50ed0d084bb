// Opening a file so that no link on the way goes unnoticed: docs/decisions/0016-links-and-races.md.

import { sleep } from "../server/deadlines.ts";
import {
  type FileHandle,
  type FileSystem,
  isSameState,
  lstatOrNull,
  parentOf,
} from "./file_system.ts";

/** Bytes of a file that is read synchronously at once: most of those that are read again and again. */
export const MAX_SMALL_SIZE = 16384;

/** Checks where the directories change all the time. Each succeeds in half of all attempts at most. */
const RANDOM_CHECKS = 32;

/** Milliseconds after which a further change of a file is sure to change its ctime, in seconds. */
const SETTLED_AFTER = 3000;

/** Milliseconds after which it is sure to change the mtime: two ticks of the system's clock. */
const TIMESTAMP_INTERVAL = 20;

/** The state of some paths. */
interface Observation {
  readonly paths: readonly string[];
  readonly found: readonly (Deno.FileInfo | null)[];
  /** Whether any change from now on will be seen. */
  readonly isSettled: boolean;
}

/** What was found at a path. */
interface Found {
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/** What is known of an open file. */
interface Opened extends Found {
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

/** An open file. Its user closes it. */
export class OpenFile {
  readonly fs: FileSystem;
  readonly file: FileHandle;
  /** Its state when it was opened. */
  readonly info: Deno.FileInfo;
  readonly path: string;
  /** The content of a small file, which has been read and closed already; else null. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  #isClosed: boolean;

  constructor(fs: FileSystem, file: FileHandle, { info, path, bytes }: Opened) {
    this.fs = fs;
    this.file = file;
    this.info = info;
    this.path = path;
    this.bytes = bytes ?? null;
    this.#isClosed = bytes !== undefined;
  }

  /** A second call has no effect. */
  close(): void {
    if (!this.#isClosed) this.file.close();
    this.#isClosed = true;
  }
}

/**
 * Opens the regular file at a path, or returns null where there is none, or where a link has been
 * on the way. Deno has no openat: what proves that no directory was a link is that their state
 * is the same after the file was opened. That holds however fast a program exchanges them.
 *
 * @param directories The directories on the way, the outermost first.
 */
export async function openFile(
  fs: FileSystem,
  path: string,
  directories: readonly string[],
): Promise<OpenFile | null> {
  if (fs.policy.isAllowed) {
    const opened = openSmallFile(fs, path, directories);
    if (opened !== undefined) return opened;
  }
  const observed = await observe(fs, directories);
  // Opening a pipe could wait forever, and opening a device could do harm.
  const found = observed === null ? null : await fs.lstat(path);
  if (observed === null || !found?.isFile) return null;
  const file = await fs.open(path);
  try {
    const info = await fs.fstat(file);
    const isSame = info.dev === found.dev && info.ino === found.ino;
    if (isSame && await isProven(fs, { path, info }, observed)) {
      return new OpenFile(fs, file, { info, path });
    }
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return null;
}

/**
 * What {@linkcode openFile} does, for a small file where nothing is out of the ordinary, in one go:
 * a call at a time costs five times as much.
 *
 * @returns undefined where one look does not prove it, or a signal has interrupted a call.
 */
function openSmallFile(
  fs: FileSystem,
  path: string,
  directories: readonly string[],
): OpenFile | null | undefined {
  return fs.policy.measure(() => {
    try {
      const above = directories.map(lstatOrNull);
      if (!above.every((each) => each?.isDirectory && isSettled(each))) return undefined;
      const info = lstatOrNull(path);
      if (!info?.isFile) return null;
      if (info.size > MAX_SMALL_SIZE) return undefined;
      const opened = readSmallFile(path, info);
      const isSame = directories.every((each, at) => {
        const now = lstatOrNull(each);
        return now !== null && isSameState(now, above[at]!);
      });
      return opened !== undefined && isSame
        ? new OpenFile(fs, opened.file, { ...opened, info, path })
        : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.Interrupted) return undefined;
      throw error;
    }
  });
}

/** The content of a file that lstat has found just now; undefined where it is another one since. */
function readSmallFile(
  path: string,
  found: Deno.FileInfo,
): { readonly file: Deno.FsFile; readonly bytes: Uint8Array<ArrayBuffer> } | undefined {
  const file = Deno.openSync(path);
  try {
    const bytes = new Uint8Array(found.size);
    for (let at = 0; at < bytes.length;) {
      const count = file.readSync(bytes.subarray(at));
      if (count === null) return undefined;
      at += count;
    }
    return isSameState(file.statSync(), found) ? { file, bytes } : undefined;
  } finally {
    file.close();
  }
}

/**
 * What is at a path without links, proven as for {@linkcode openFile}; null where nothing is, or
 * where a link has been on the way.
 *
 * @param directories The directories on the way, the outermost first.
 */
export async function identify(
  fs: FileSystem,
  path: string,
  directories: readonly string[],
): Promise<Deno.FileInfo | null> {
  const observed = await observe(fs, directories);
  const found = observed === null ? null : await fs.lstat(path);
  if (observed === null || found === null) return null;
  return await isProven(fs, { path, info: found }, observed) ? found : null;
}

/** What will change if one of some directories becomes a link; null if one is a link already. */
async function observe(
  fs: FileSystem,
  directories: readonly string[],
): Promise<Observation | null> {
  const found = await fs.lstatAll(directories);
  if (!found.every((each) => each?.isDirectory)) return null;
  if (found.every(isSettled)) return { paths: directories, found, isSettled: true };
  // Files come and go in a directory. Its name is in the one above.
  const paths = directories.map(parentOf);
  const above = await fs.lstatAll(paths);
  return { paths, found: above, isSettled: above.every(isSettled) };
}

async function isProven(
  fs: FileSystem,
  { path, info }: Found,
  observed: Observation,
): Promise<boolean> {
  if (observed.isSettled && await isUnchanged(fs, observed)) return true;
  await sleep(TIMESTAMP_INTERVAL);
  if (!await fs.isAt(path, info, 1)) return false;
  if (await isUnchanged(fs, observed)) return true;
  // Files come and go all the time. At random moments, nothing can keep in step with the checks.
  for (let check = 0; check < RANDOM_CHECKS; check++) {
    await sleep(2 * Math.random());
    if (!await fs.isAt(path, info, 1)) return false;
  }
  return true;
}

async function isUnchanged(fs: FileSystem, { paths, found }: Observation): Promise<boolean> {
  const now = await fs.lstatAll(paths);
  return now.every((each, at) => {
    const before = found[at];
    return each !== null && before !== null && before !== undefined && isSameState(each, before);
  });
}

function isSettled(info: Deno.FileInfo | null): boolean {
  return info !== null && info.ctime !== null &&
    Date.now() - info.ctime.getTime() >= SETTLED_AFTER;
}
