// A file goes by its name: at once, or, where the conditions are not met, not at all.

import type { Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import type { Root } from "./root.ts";
import { withDirectoryLock, withLock } from "./lock.ts";
import { lstat, notFound, parentOf, remove as removePath } from "./fs.ts";
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
 * @throws {StatusError} 404 where there is no such file, 409 for a directory.
 */
export async function removeFile(
  root: Root,
  name: string,
  { check, isDurable }: RemoveOptions,
): Promise<void> {
  const path = await root.findFile(name);
  const target = path === null ? null : await root.resolve(path);
  if (path === null || target === null) {
    check(null);
    throw notFound();
  }
  const remove = async () => {
    const info = await lstat(target);
    if (info?.isDirectory) throw new StatusError(409, "The name is that of a directory.");
    if (!info?.isFile) throw notFound();
    check(await currentValidators(target, root.fs));
    await removePath(path);
  };
  await root.fs.withSync(
    isDurable ? [parentOf(path)] : [],
    () => withLock(target, () => withDirectoryLock(root.fs, parentOf(target), remove)),
  );
}
