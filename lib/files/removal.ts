// A file goes by its name: at once, or, where the conditions are not met, not at all.

import type { Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import type { Directory } from "./directory.ts";
import { notFound } from "./faults.ts";
import { withLock } from "./locks.ts";
import { folderOf, lookAt, syncFolder } from "./paths.ts";
import { validatorsOfAll } from "./validators.ts";

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
  if (path === null) {
    check(null);
    throw notFound();
  }
  await withLock(path, async () => {
    const info = await lookAt(path);
    if (info?.isDirectory) throw new StatusError(409, "The name is that of a folder.");
    check(info === null ? null : validatorsOfAll(info));
    await Deno.remove(path);
  });
  if (isDurable) await syncFolder(folderOf(path));
}
