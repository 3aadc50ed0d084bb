// Temporary files that nobody works on any more: a crash, of the program or of the machine, has
// left them. One that is locked is somebody's upload, here or in another process.

import { isTemporary } from "./names.ts";
import { join } from "./paths.ts";

/**
 * Removes the stale temporary files from a directory and all folders below; links are not
 * followed. What cannot be looked into is passed over.
 *
 * @returns How many files have been removed.
 */
export async function sweep(folder: string): Promise<number> {
  let removed = 0;
  try {
    for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) removed += await sweep(join(folder, name));
      if (isFile && isTemporary(name) && await removeIfStale(join(folder, name))) removed++;
    }
  } catch (error) {
    if (!isPassedOver(error)) throw error;
  }
  return removed;
}

async function removeIfStale(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { write: true });
    if (!await file.tryLock(true)) return false;
    await Deno.remove(path);
    return true;
  } catch (error) {
    if (isPassedOver(error)) return false;
    throw error;
  }
}

/** What has gone meanwhile, and what we may not touch. */
function isPassedOver(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
}
