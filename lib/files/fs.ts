// Paths of the file system, and what the system says of them, absence being an answer.

import type { StatsFs } from "node:fs";
import { StatusError } from "../http/status.ts";

/** How often a swap of directories has to succeed in a row to go unnoticed. */
const CHECKS = 4;

/** The path of something in a directory. */
export function join(directory: string, ...segments: readonly string[]): string {
  return `${directory === "/" ? "" : directory}/${segments.join("/")}`;
}

/** The path of the directory that a path is in. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** What is at a path, links not followed, or null where there is nothing. */
export async function lstat(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The same, without anything else happening in this program meanwhile. */
export function lstatSync(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The path without links, or null where it leads nowhere, or to where we may not look. */
export async function realPathOrNull(path: string): Promise<string | null> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    const isHidden = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.FilesystemLoop ||
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Error && "code" in error && error.code === "ENAMETOOLONG";
    if (isHidden) return null;
    throw error;
  }
}

/**
 * Whether an open file is the one at a path in which there is no link.
 *
 * Between two policy at a path, somebody with another way into the directory may swap a directory for
 * a link; there is no openat in Deno that would rule that out. So we look several times.
 */
export async function isFileAt(path: string, { dev, ino }: Deno.FileInfo): Promise<boolean> {
  for (let look = 0; look < CHECKS; look++) {
    if (await realPathOrNull(path) !== path) return false;
    const found = await lstat(path);
    if (!found?.isFile || found.dev !== dev || found.ino !== ino) return false;
  }
  return true;
}

/** The same, without anything else happening in this program meanwhile. */
export function isFileAtSync(path: string, { dev, ino }: Deno.FileInfo): boolean {
  try {
    for (let look = 0; look < CHECKS; look++) {
      if (Deno.realPathSync(path) !== path) return false;
      const found = Deno.lstatSync(path);
      if (!found.isFile || found.dev !== dev || found.ino !== ino) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether two policy saw the same file in the same state, as far as the system tells. */
export function isSameState(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.isFile && one.ino === other.ino && one.dev === other.dev && one.size === other.size &&
    isSameMoment(one.mtime, other.mtime) && isSameMoment(one.ctime, other.ctime);
}

/** Whether two times of a file are the same. */
export function isSameMoment(one: Date | null, other: Date | null): boolean {
  return one?.getTime() === other?.getTime();
}

/** What opens a directory. */
interface Opener {
  open(path: string): Deno.FsFile | Promise<Deno.FsFile>;
}

/** Directories that are open so that what is done in them can be made to last, power cut or not. */
export class DirectorySync {
  readonly #directories: readonly Deno.FsFile[];

  private constructor(directories: readonly Deno.FsFile[]) {
    this.#directories = directories;
  }

  /** Opens directories: before anything is done, so that a refusal comes in time. */
  static async open(paths: Iterable<string>, policy: Opener): Promise<DirectorySync> {
    const directories: Deno.FsFile[] = [];
    try {
      for (const path of paths) directories.push(await policy.open(path));
    } catch (error) {
      for (const directory of directories) directory.close();
      throw error;
    }
    return new DirectorySync(directories);
  }

  /** Makes it last. */
  async sync(): Promise<void> {
    for (const directory of this.#directories) await directory.sync();
  }

  /** Closes the directories. */
  [Symbol.dispose](): void {
    for (const directory of this.#directories) directory.close();
  }
}

// Where file work may be synchronous, so that everybody waits for it: only what the system answers
// from its memory, a look at a name in a directory in use just now, or a piece of a file that comes as
// fast as memory does. To ask another thread costs ten times as much. Not on file systems across a
// network, which may hang; and a disk that turns out slow is asked asynchronously from then on, for
// a while.

/** Milliseconds that a look may take: more than the system lets other programs run in between. */
const SLOW_CALL = 10;

/** How many times as long as a slow look took is to be made up for: nobody waits 2 % of the time. */
const COOLDOWN_FACTOR = 50;

/**
 * Milliseconds of slow policy that pass before nobody policy any more: on a busy machine, a look is
 * slow now and then because another program has the processor.
 */
const SLOW_BUDGET = 50;

/** The synchronous policy at the files of one directory. */
export class SyncFilePolicy {
  readonly #path: string;
  readonly #clock: () => number;
  #isProbing = false;
  /** When all slow policy will be made up for: never, before it is known where the files are. */
  #slowUntil = Infinity;

  /**
   * @param path The path of the directory.
   * @param clock Tells how long policy take: milliseconds, which only go forward.
   */
  constructor(path: string, clock: () => number = () => performance.now()) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Whether policy have been quick of late, and are allowed. */
  get isAllowed(): boolean {
    if (this.#slowUntil === 0) return true;
    if (!this.#isProbing) this.#probe();
    return this.#clock() >= this.#slowUntil - SLOW_BUDGET * COOLDOWN_FACTOR;
  }

  async #probe(): Promise<void> {
    this.#isProbing = true;
    if (!await isNetworkFileSystem(this.#path)) this.#slowUntil = 0;
  }

  /** What is at a path, links not followed, or null where there is nothing. */
  lstat(path: string): Deno.FileInfo | null | Promise<Deno.FileInfo | null> {
    return this.isAllowed ? this.take(() => lstatSync(path)) : lstat(path);
  }

  /** What the system says of an open file. */
  fstat(file: Deno.FsFile): Deno.FileInfo | Promise<Deno.FileInfo> {
    return this.isAllowed ? this.take(() => file.statSync()) : file.stat();
  }

  /**
   * Locks a file, and returns whether nobody else had it. To wait would be to wait for ever where
   * that is somebody in this very program, who gets no turn meanwhile.
   */
  lock(file: Deno.FsFile): boolean | Promise<boolean> {
    return this.isAllowed ? this.take(() => file.tryLockSync(true)) : file.tryLock(true);
  }

  /** Opens a directory, or a file, for what can be done without its content. */
  open(path: string): Deno.FsFile | Promise<Deno.FsFile> {
    return this.isAllowed ? this.take(() => Deno.openSync(path)) : Deno.open(path);
  }

  /** Whether an open file is the one at a path in which there is no link. */
  isFileAt(path: string, info: Deno.FileInfo): boolean | Promise<boolean> {
    return this.isAllowed ? this.take(() => isFileAtSync(path, info)) : isFileAt(path, info);
  }

  /** Takes a look, and the time that it needs. */
  take<T>(look: () => T): T {
    const start = this.#clock();
    try {
      return look();
    } finally {
      const end = this.#clock();
      const elapsed = end - start;
      if (elapsed > SLOW_CALL) {
        this.#slowUntil = Math.max(this.#slowUntil, end) + COOLDOWN_FACTOR * elapsed;
      }
    }
  }
}

// What is known of the file system that files are on. Only node:fs tells, and only with
// --allow-sys=statfs. Without that, a full disk is noticed when it is full, and every file system
// is taken for a local one.

async function statFileSystem(path: string): Promise<StatsFs | null> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "statfs" });
  if (state !== "granted") return null;
  const { statfs } = await import("node:fs/promises");
  return await statfs(path);
}

/** Bytes that can as well be received before it turns out that they have no room: 64 KiB. */
const MIN_CHECKED_LENGTH = 65536;

/** @throws {StatusError} 507 where it is known that a file of this length has no room. */
export async function checkSpace(directory: string, length: number | null): Promise<void> {
  if (length === null || length <= MIN_CHECKED_LENGTH) return;
  const found = await statFileSystem(directory);
  if (found !== null && length > found.bavail * found.bsize) throw noSpace();
}

/** The error for a file that there is no room for. */
export function noSpace(): StatusError {
  return new StatusError(507, "There is no room left for the file.");
}

/** Types, as statfs(2) has them, whose answers come across a network, or from another program. */
const NETWORK_TYPES: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xfe534d42, // SMB 2
  0xff534d42, // CIFS
  0x65735546, // FUSE
  0x00c36400, // Ceph
  0x01021997, // 9P
  0x5346414f, // AFS
  0x0bd00bd0, // Lustre
  0x01161970, // GFS2
  0x7461636f, // OCFS2
]);

/** Whether it is known that a file system is somewhere else, where it may hang. */
export async function isNetworkFileSystem(path: string): Promise<boolean> {
  try {
    const found = await statFileSystem(path);
    return found !== null && NETWORK_TYPES.has(found.type);
  } catch {
    return true; // Who cannot even be asked is not waited for.
  }
}

// What the file system refuses, as the status that a client understands. Everything else is a
// fault of the server's and stays what it is.

/**
 * The error to answer with after an operation on a client's file has failed.
 *
 * @param use What the file was wanted for: what is not there cannot be read, what is in the
 * way cannot be written over.
 */
export function toStatusError(
  error: unknown,
  use: "reading" | "writing",
): unknown {
  if (!(error instanceof Error) || error instanceof StatusError) return error;
  if (error instanceof Deno.errors.PermissionDenied) {
    return new StatusError(403, "The server may not touch this file.");
  }
  switch ("code" in error ? error.code : undefined) {
    case "EROFS":
      return new StatusError(403, "The directory is read-only.");
    case "ENOSPC":
    case "EDQUOT":
      return noSpace();
    case "ENAMETOOLONG":
      return use === "reading"
        ? notFound()
        : new StatusError(400, "The name of the file is too long.");
    case "ESTALE": // NFS: somebody else has removed it meanwhile.
      return new StatusError(503, "The file has gone from under us.", { "Retry-After": "1" });
    case "EMFILE":
    case "ENFILE":
      return new StatusError(503, "The server has too many files open.", { "Retry-After": "1" });
  }
  if (error instanceof Deno.errors.AlreadyExists && use === "writing") return inTheWay();
  if (isNotFound(error)) return use === "reading" ? notFound() : inTheWay();
  return error;
}

function isNotFound(error: Error): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.IsADirectory || error instanceof Deno.errors.FilesystemLoop;
}

/** The error for a file that has changed, or is not there, against the request's conditions. */
export function preconditionFailed(): StatusError {
  return new StatusError(412, "The file is not in the state that the request asks for.");
}

/** The error for a file that is not there, or not to be seen. */
export function notFound(): StatusError {
  return new StatusError(404, "There is no such file.");
}

function inTheWay(): StatusError {
  return new StatusError(
    409,
    "Something else is in the way of the file, or its directory is gone.",
  );
}
