// GET of a directory: which of its forms the query asks for.

import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { notFound } from "../disk/errors.ts";
import { archiveDirectory } from "./archive.ts";
import { listDirectory, redirectToSlash } from "./list.ts";
import type { Root } from "./root.ts";
import type { FileSettings } from "./settings.ts";
import { acquireWalk, countBelow } from "./walk.ts";

/**
 * A directory as a listing, as the result of a search (`?q=`), as an archive (`?zip`, `?tar`), or as
 * a count (`?count`); or the redirect to its URL with a slash.
 *
 * @throws {StatusError} 404 for what is no directory, 400 for a malformed query, 503 for too many.
 */
export async function getDirectory(
  root: Root,
  request: HttpRequest,
  name: string,
  settings: FileSettings,
): Promise<HttpResponse> {
  const path = await root.findDirectory(name.replace(/(?<=.)\/$/, ""));
  if (path === null) throw notFound();
  if (name !== "" && !name.endsWith("/")) return redirectToSlash(request);
  const parameters = new URLSearchParams(request.query ?? "");
  if (parameters.has("count")) return await count(path, request);
  for (const kind of ["zip", "tar"] as const) {
    if (parameters.has(kind)) return await archiveDirectory(root, request, { path, name }, kind);
  }
  return await listDirectory(root, request, { path, name }, settings);
}

/** What `DELETE` would remove, but for the directory itself. */
async function count(path: string, { client, signal }: HttpRequest): Promise<HttpResponse> {
  using _slot = acquireWalk(client);
  const found = await countBelow(path, client, () => signal.aborted);
  return {
    status: 200,
    fields: { "Content-Type": "application/json", "Cache-Control": "no-store" },
    content: `${JSON.stringify(found)}\n`,
  };
}
