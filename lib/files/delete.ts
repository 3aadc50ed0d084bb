// DELETE: removes the name of a file if the conditions of the request hold.

import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { notFound } from "../disk/errors.ts";
import { lstat, parentOf, remove } from "../disk/file_system.ts";
import { withCommitLock, withLock, withSync } from "./lock.ts";
import { nameOf, type Root } from "./root.ts";
import type { FileSettings } from "./settings.ts";
import { checkPreconditions, currentValidators } from "./validators.ts";

/**
 * Deletes the file that a request names. Of a symbolic link, only the link is removed.
 *
 * @throws {StatusError} 404 where there is no such file, 409 for a directory, 412 for a condition.
 */
export async function deleteFile(
  root: Root,
  request: HttpRequest,
  { isDurable }: Pick<FileSettings, "isDurable">,
): Promise<HttpResponse> {
  const conditions = { method: request.method, fields: request.fields, allowsReplace: true };
  const path = await root.findFile(nameOf(request, notFound));
  const target = path === null ? null : await root.resolve(path);
  if (path === null || target === null) {
    checkPreconditions(conditions, null, Date.now());
    throw notFound();
  }
  const commit = async () => {
    const info = await lstat(target);
    if (info?.isDirectory) throw new StatusError(409, "This name belongs to a directory.");
    if (!info?.isFile) throw notFound();
    checkPreconditions(conditions, await currentValidators(target, root.fs), Date.now());
    await remove(path);
  };
  await withSync(
    root.fs,
    isDurable ? [parentOf(path)] : [],
    () => withLock(target, () => withCommitLock(root.fs, target, commit)),
  );
  return { status: 204 };
}
