// DELETE: removes the name of a file, or a folder with everything in it (RFC 4918 section 9.6.1),
// if the conditions of the request hold.

import { isDeep } from "../http/destination.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { negotiateType, withVary } from "../http/negotiation.ts";
import { StatusError } from "../http/status.ts";
import { notFound } from "../disk/errors.ts";
import { join, lstat, parentOf, remove, removeTree } from "../disk/file_system.ts";
import { identify } from "../disk/open_file.ts";
import { withCommitLocks, withLocks, withSync } from "./lock.ts";
import { nameOf, type Root, temporaryName } from "./root.ts";
import type { FileSettings } from "./settings.ts";
import { checkPreconditions, conditionsOf, validatorsOfAny } from "./validators.ts";
import { countBelow } from "./walk.ts";

/**
 * Deletes what a request names. Of a symbolic link, only the link is removed. A folder needs a slash
 * at the end of its path, or `Depth: infinity`.
 *
 * @throws {StatusError} 404 where there is no such file, 403 for the served folder itself, 409 for a
 * folder without the slash or the header, 412 for a condition.
 */
export async function deleteFile(
  root: Root,
  request: HttpRequest,
  { isDurable }: Pick<FileSettings, "isDurable">,
): Promise<HttpResponse> {
  const name = nameOf(request, notFound);
  if (name === "") throw new StatusError(403, "The served folder itself cannot be deleted.");
  const isFolder = isDeep(request.fields) !== null || name.endsWith("/");
  const path = await root.findFile(name.replace(/\/$/, ""));
  const target = path === null ? null : await root.resolve(path);
  if (path === null || target === null) {
    checkPreconditions(conditionsOf(request), null, Date.now());
    throw notFound();
  }
  const temporary = join(parentOf(path), temporaryName("deleted"));
  const paths = { path, target, temporary, isDurable };
  const isDirectory = await change(root, paths, async () => {
    const info = await lstat(target);
    if (!(info?.isFile || info?.isDirectory)) throw notFound();
    if (info.isFile && name.endsWith("/")) throw notFound();
    if (info.isDirectory && target === path && !isFolder) {
      throw new StatusError(
        409,
        "This name belongs to a folder: delete it with everything in it by Depth: infinity.",
      );
    }
    const current = await validatorsOfAny(target, info, root.fs);
    checkPreconditions(conditionsOf(request), current, Date.now());
    if (target !== path || info.isFile) {
      await remove(path);
      return false;
    }
    await detach(root, path, temporary); // From here on, no client finds anything of it.
    return true;
  });
  if (!isDirectory) return { status: 204 };
  return report(request, await removeDirectory(root, request, paths));
}

interface Removal {
  readonly path: string;
  /** The path that a link leads to, else the same. Conditions are about what is there. */
  readonly target: string;
  /** Where a directory is while it is removed. After a crash it is found by this name. */
  readonly temporary: string;
  readonly isDurable: boolean;
}

/** Attempts to undo a rename while a program exchanges the directory for a link. */
const UNDO_ATTEMPTS = 100;

/**
 * Gives a directory its temporary name. If a link has been on the way in that moment, it was another
 * one: it gets its name back. No other directory has the temporary name, so nothing else can.
 */
async function detach(root: Root, path: string, temporary: string): Promise<void> {
  const proven = await identify(root.fs, path, root.directoriesOf(path));
  if (proven === null) throw notFound();
  await root.fs.rename(path, temporary);
  for (let attempt = 1;; attempt++) {
    const found = await root.fs.lstat(temporary);
    if (found?.ino === proven.ino && found.dev === proven.dev) return;
    try {
      await root.fs.rename(temporary, path);
      throw notFound();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || attempt === UNDO_ATTEMPTS) throw error;
    }
  }
}

/** Makes a change alone, and on the disk where that is asked for. */
function change<T>(
  root: Root,
  { path, target, isDurable }: Removal,
  make: () => Promise<T>,
): Promise<T> {
  const run = () => withCommitLocks(root.fs, [path, target], make);
  return withSync(root.fs, isDurable ? [parentOf(path)] : [], () => withLocks([path, target], run));
}

/**
 * Removes a directory that no client finds any more. What cannot be removed gets the name again:
 * "all of the member's ancestors MUST NOT be deleted" (RFC 4918 section 9.6.1).
 *
 * @returns How many files and directories were removed.
 */
async function removeDirectory(
  root: Root,
  { client }: HttpRequest,
  removal: Removal,
): Promise<number> {
  const { path, temporary } = removal;
  try {
    const { files, directories } = await countBelow(temporary, client);
    await removeTree(temporary);
    return files + directories + 1;
  } catch (error) {
    await change(root, removal, async () => {
      if (await root.fs.lstat(path) === null) await root.fs.rename(temporary, path);
    });
    throw error;
  }
}

function report(request: HttpRequest, removed: number): HttpResponse {
  const type = negotiateType(request.fields, ["text/plain", "application/json"]);
  const isJson = type === "application/json";
  return {
    status: 200,
    fields: withVary({ "Content-Type": isJson ? type : "text/plain; charset=utf-8" }, "Accept"),
    content: isJson ? `{"removed":${removed}}\n` : `${removed} files and folders were deleted.\n`,
  };
}
