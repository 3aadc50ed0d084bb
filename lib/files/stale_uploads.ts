// Temporary files that nobody works on any more: a crash, of the program or of the machine, has
// left them. One that is locked is somebody's upload, here or in another process.

import { join } from "./fs.ts";
import { isTemporary } from "./root.ts";

/**
 * Removes the stale temporary files from a directory and all directories below; links are not
 * followed. What cannot be looked into is passed over, and reported unless it has just gone.
 *
 * @param report Hears of what is wrong.
 * @returns How many files have been removed.
 */
export async function removeStaleUploads(
  directory: string,
  report: (error: unknown) => void,
): Promise<number> {
  let removed = 0;
  try {
    for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
      if (isDirectory) removed += await removeStaleUploads(join(directory, name), report);
      if (isFile && isTemporary(name) && await removeIfStale(join(directory, name), report)) {
        removed++;
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) report(error);
  }
  return removed;
}

async function removeIfStale(path: string, report: (error: unknown) => void): Promise<boolean> {
  try {
    using file = await Deno.open(path, { write: true });
    if (!await file.tryLock(true)) return false;
    await Deno.remove(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) report(error);
    return false;
  }
}
