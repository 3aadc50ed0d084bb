// MKCOL (RFC 4918 section 9.3): creates a directory in one that exists.

import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { join, mkdir, remove } from "../disk/file_system.ts";
import { withLock, withSync } from "./lock.ts";
import { invalidName, MAX_SEGMENTS, nameOf, type Root, splitName, wasReplaced } from "./root.ts";
import type { FileSettings } from "./settings.ts";
import { checkPreconditions, conditionsOf } from "./validators.ts";

/**
 * Creates the directory that a request names.
 *
 * @param allow The methods of what exists already, for the 405.
 * @throws {StatusError} 405 for a name that exists, 409 without the directory above, 415 with content.
 */
export async function makeDirectory(
  root: Root,
  request: HttpRequest,
  { isDurable, allow }: Pick<FileSettings, "isDurable"> & { readonly allow: string },
): Promise<HttpResponse> {
  const name = nameOf(request, invalidName).replace(/\/$/, "");
  const exists = () => new StatusError(405, "This name exists already.", { "Allow": allow });
  if (request.content.length !== 0) {
    throw new StatusError(415, "A folder is created without content: MKCOL has none.");
  }
  if (name === "") throw exists();
  const segments = splitName(name, root.showsHidden);
  if (segments === null || segments.length > MAX_SEGMENTS) throw invalidName();
  const parent = await root.findDirectory(segments.slice(0, -1).join("/"));
  if (parent === null) {
    throw new StatusError(409, "The folder in which to create this one does not exist.");
  }
  const path = join(parent, segments.at(-1)!);
  await withSync(root.fs, isDurable ? [parent] : [], () =>
    withLock(path, async () => {
      if (await root.fs.lstat(path) !== null) throw exists();
      checkPreconditions(conditionsOf(request), null, Date.now());
      await create(root, path).catch((error) => {
        throw error instanceof Deno.errors.AlreadyExists ? exists() : error;
      });
    }));
  const location = request.path.endsWith("/") ? request.path : `${request.path}/`;
  return { status: 201, fields: { "Location": location } };
}

/** Creates a directory at a path without links, unless a link appears on the way. */
async function create(root: Root, path: string): Promise<void> {
  await mkdir(path);
  root.keep(path);
  if (await root.fs.isDirectoryAt(path)) return;
  await remove(path);
  throw wasReplaced();
}
