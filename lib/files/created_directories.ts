// Directories that uploads create, and what cannot be removed at once.

import { UnresponsiveError } from "../disk/blocking_calls.ts";
import { hasDirectory, remove } from "../disk/file_system.ts";
import { withLock } from "./lock.ts";

/**
 * The directories that uploads have created, by their real paths. The last of several uploads in
 * a new directory removes it, unless one of them was stored. What cannot be removed, because of a
 * fault of the disk for instance, is removed later.
 */
export class CreatedDirectories {
  /** Uploads in progress in or below each directory. */
  readonly #uploads = new Map<string, number>();
  /** Directories without a complete upload. The symbol tells one creation from the next. */
  readonly #tentative = new Map<string, symbol>();
  /** Temporary files whose removal has failed. */
  readonly #files = new Set<string>();
  #hasFailed = false;
  readonly #root: string;
  #isWaiting = false;
  /** Removals queue up: two at a time would find each other's directories not empty. */
  readonly #lock: string;

  constructor(root: string) {
    this.#root = root;
    this.#lock = `created directories of ${root}`;
  }

  enter(directory: string): void {
    this.#uploads.set(directory, (this.#uploads.get(directory) ?? 0) + 1);
  }

  add(directory: string): void {
    this.#tentative.set(directory, Symbol());
  }

  isTentative(directory: string): boolean {
    return this.#tentative.has(directory);
  }

  keep(directories: Iterable<string>): void {
    for (const directory of directories) this.#tentative.delete(directory);
  }

  /** Ends an upload. Its directories, the innermost first, are removed where they are unused. */
  async leave(directories: readonly string[]): Promise<void> {
    for (const directory of directories) {
      const others = this.#uploads.get(directory)! - 1;
      if (others > 0) this.#uploads.set(directory, others);
      else this.#uploads.delete(directory);
    }
    if (!directories.some((directory) => this.#tentative.has(directory))) return;
    const removing = withLock(this.#lock, () => this.#remove(directories));
    await removing.catch(() => {}); // The disk does not answer: they are removed later.
  }

  async #remove(directories: readonly string[], isRetry = false): Promise<void> {
    for (const directory of directories) {
      const creation = this.#tentative.get(directory);
      if (creation === undefined || this.#uploads.has(directory)) continue;
      try {
        await remove(directory);
      } catch (error) {
        // If it is not empty, the upload in it will remove it.
        if (!isNotEmpty(error)) this.#retryLater(error);
        if (error instanceof UnresponsiveError) throw error;
        if (!isRetry || !isNotFound(error)) continue;
      }
      // Another upload may have created it again meanwhile.
      if (this.#tentative.get(directory) === creation) this.#tentative.delete(directory);
    }
  }

  /** Removes a temporary file, now or later. */
  async removeFile(path: string): Promise<void> {
    try {
      await remove(path);
    } catch (error) { // Not found may mean that its directory is elsewhere for a moment.
      this.#files.add(path);
      this.#retryLater(error);
    }
  }

  /** With the next upload, or as soon as a disk answers that does not. */
  #retryLater(error: unknown): void {
    this.#hasFailed = true;
    if (!(error instanceof UnresponsiveError) || this.#isWaiting) return;
    this.#isWaiting = true;
    hasDirectory(this.#root).catch(() => {}).then(() => {
      this.#isWaiting = false;
      return this.retryRemovals();
    }).catch(() => {});
  }

  /** Tries again to remove what could not be removed. @throws {UnresponsiveError} */
  async retryRemovals(): Promise<void> {
    if (!this.#hasFailed) return;
    this.#hasFailed = false;
    for (const path of this.#files) {
      try {
        await remove(path);
      } catch (error) {
        if (!isNotFound(error)) this.#retryLater(error);
        if (error instanceof UnresponsiveError) throw error;
        if (this.#hasFailed) return;
      }
      this.#files.delete(path);
    }
    const directories = [...this.#tentative.keys()].sort((a, b) => b.length - a.length);
    await withLock(this.#lock, () => this.#remove(directories, true));
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

function isNotEmpty(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOTEMPTY";
}
