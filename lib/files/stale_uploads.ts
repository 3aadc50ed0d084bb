// What a crash has left under temporary names. A file that is locked belongs to an upload in progress,
// in this process or another one. A directory is one that was being deleted.

import { printOnOneLine } from "../disk/errors.ts";
import { FileSystem, join, readDir, remove, removeTree } from "../disk/file_system.ts";
import { isTemporary } from "./root.ts";

/**
 * Removes the stale temporary files and directories from a directory and all directories below. Links are not
 * followed. What cannot be read is skipped, and reported unless it was just removed.
 *
 * @returns How many of them were removed.
 */
export async function removeStaleUploads(
  directory: string,
  report: (error: unknown) => void,
  fs: FileSystem = new FileSystem(directory),
): Promise<number> {
  let removed = 0;
  try {
    for (
      const { name, isFile, isDirectory } of await readDir(
        directory,
        (found) => Array.fromAsync(found),
      )
    ) {
      if (isDirectory && isTemporary(name) && name.endsWith(".deleted")) {
        await removeTree(join(directory, name));
        removed++;
      } else if (isDirectory) {
        removed += await removeStaleUploads(join(directory, name), report, fs);
      }
      if (isFile && isTemporary(name) && await removeIfStale(fs, join(directory, name), report)) {
        removed++;
      }
    }
  } catch (error) {
    reportUnlessGone(error, directory, report);
  }
  return removed;
}

async function removeIfStale(
  fs: FileSystem,
  path: string,
  report: (error: unknown) => void,
): Promise<boolean> {
  try {
    using file = await fs.openAsync(path, { write: true });
    if (!await fs.tryLock(file)) return false;
    await remove(path);
    return true;
  } catch (error) {
    reportUnlessGone(error, path, report);
    return false;
  }
}

function reportUnlessGone(
  error: unknown,
  path: string,
  report: (error: unknown) => void,
): void {
  if (error instanceof Deno.errors.NotFound) return;
  printOnOneLine(error, path);
  report(error);
}
