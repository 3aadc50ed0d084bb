// A file goes by its name: at once, or, where the conditions are not met, not at all.

import type { Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import type { Directory } from "./directory.ts";
import { notFound } from "./faults.ts";
import { withFolderLock } from "./folder_lock.ts";
import { withLock } from "./locks.ts";
import { folderOf, FolderSync, lookAt } from "./paths.ts";
import { currentValidators } from "./validators.ts";

/** Under which conditions a file is deleted, and how. */
export interface RemoveOptions {
  /** Throws where the file that is there may not be deleted. */
  readonly check: (current: Validators | null) => void;
  /** Whether the file is to stay away after a power cut. */
  readonly isDurable: boolean;
}

/**
 * Deletes a file. Of a link, it is the link that goes.
 *
 * @param name The name that the client gave, decoded.
 * @throws {StatusError} 404 where there is no such file, 409 for a folder.
 */
export async function removeFile(
  directory: Directory,
  name: string,
  { check, isDurable }: RemoveOptions,
): Promise<void> {
  const path = await directory.findFile(name);
  const target = path === null ? null : await directory.resolve(path);
  if (path === null || target === null) {
    check(null);
    throw notFound();
  }
  using folders = await FolderSync.open(
    isDurable ? [folderOf(path)] : [],
    directory.looks,
  );
  const remove = async () => {
    const info = await lookAt(target);
    if (info?.isDirectory) throw new StatusError(409, "The name is that of a folder.");
    if (!info?.isFile) throw notFound();
    check(await currentValidators(target, directory.looks));
    await Deno.remove(path);
  };
  await withLock(target, () => withFolderLock(folderOf(target), remove));
  await folders.sync();
}
