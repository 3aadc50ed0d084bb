// Where file work may be synchronous, so that everybody waits for it: only what the system answers
// from its memory, a look at a name in a directory in use just now, or a piece of a file that comes as
// fast as memory does. To ask another thread costs ten times as much. Not on file systems across a
// network, which may hang; and a disk that turns out slow is asked asynchronously from then on, for
// a while.

import { isNetworkFileSystem } from "./file_system.ts";
import { isFileAt, isFileAtSync, lstat, lstatSync } from "./paths.ts";

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
