// The handlers of /files, composed of one function a verb.

import type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
import { isForm } from "../http/multipart.ts";
import { StatusError } from "../http/status.ts";
import type { Route } from "../router.ts";
import { FileCache } from "./cache.ts";
import { deleteFile } from "./delete.ts";
import { notFound, toStatusError } from "../disk/errors.ts";
import { storeForm } from "./form.ts";
import { getCachedFile, getFile } from "./get.ts";
import { getDirectory } from "./get_directory.ts";
import { redirectToSlash } from "./list.ts";
import { makeDirectory } from "./make_directory.ts";
import { move } from "./move.ts";
import { putFile } from "./put.ts";
import { nameOf, type Root } from "./root.ts";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "./settings.ts";

/**
 * The handlers for one directory; null for what its settings do not allow.
 *
 * @example
 * ```ts
 * import { type FileHandlers, fileHandlers } from "@wireserve/wireserve/files";
 *
 * const handlers: FileHandlers = fileHandlers("docs");
 * console.log(handlers.put); // null: only reading is allowed
 * ```
 */
export interface FileHandlers {
  /** Redirects from the directory's name without a slash to the one with it. */
  readonly redirect: Handler | null;
  /** Sends the file that the parameter `name` names, or the listing of a directory. */
  readonly read: Handler | null;
  /** Stores the request's content, or the files of a form in a folder: 201. */
  readonly post: Handler | null;
  /** Stores the request's content: 201 where it is new, else 204. */
  readonly put: Handler | null;
  /** Deletes a file, or a folder with everything in it: 204, 200. */
  readonly remove: Handler | null;
  /** Creates a folder: 201. */
  readonly makeDirectory: Handler | null;
  /** Gives a file or a folder another name: 201, 204 where a file was replaced. */
  readonly move: Handler | null;
}

/**
 * The handlers for a directory. Without one, reading and uploads are 404.
 *
 * @param clock The time in milliseconds since 1970, for the age of files in the cache.
 */
export function handlersOf(
  root: Root | null,
  settings: FileSettings = DEFAULT_FILE_SETTINGS,
  clock: () => number = Date.now,
): FileHandlers {
  if (root === null) {
    const changes = { remove: null, makeDirectory: null, move: null };
    return { redirect: null, read: noDirectory, post: noDirectory, put: noDirectory, ...changes };
  }
  const { isReadOnly, allowsDelete } = settings;
  const upload: Handler = (request) =>
    answer(root, "writing", request, putFile(root, request, settings));
  const post: Handler = (request) =>
    isForm(request.fields.get("Content-Type"))
      ? answer(root, "writing", request, storeForm(root, request, settings))
      : upload(request);
  const remove: Handler = (request) =>
    answer(root, "reading", request, deleteFile(root, request, settings));
  const allowsMove = !isReadOnly && allowsDelete;
  const allow = [
    ...["GET", "HEAD", "POST", "PUT"],
    ...(allowsMove ? ["DELETE", "MOVE"] : []),
    "OPTIONS",
  ].join(", ");
  const make: Handler = (request) =>
    answer(root, "writing", request, makeDirectory(root, request, { ...settings, allow }));
  const rename: Handler = (request) =>
    answer(root, "writing", request, move(root, request, settings));
  return {
    redirect: redirectToSlash,
    read: readHandler(root, settings, clock),
    post: isReadOnly ? null : post,
    put: isReadOnly ? null : upload,
    remove: allowsMove ? remove : null,
    makeDirectory: isReadOnly ? null : make,
    move: allowsMove ? rename : null,
  };
}

/** The sentences of a 405. */
interface Hints {
  /** Where nothing may be written. */
  readonly readOnly: string;
  /** Where nothing may be deleted. */
  readonly noDelete: string;
}

/**
 * The routes of all handlers.
 *
 * @param base The path of the files, escaped, with a slash at both ends.
 * @throws {TypeError} for another base.
 */
export function routesOf(
  files: FileHandlers,
  base: string,
  { readOnly, noDelete }: Hints,
): readonly Route[] {
  if (!/^\/(?:.*[^/]\/)?$/.test(base)) {
    throw new TypeError(`The base ${JSON.stringify(base)} has no slash at both ends`);
  }
  const path = `${base}{name...}`;
  const deleteHint = files.put === null ? readOnly : noDelete;
  return [
    ...(base === "/" ? [] : [{ method: "GET", path: base.slice(0, -1), handler: files.redirect }]),
    { method: "GET", path, handler: files.read },
    { method: "POST", path, handler: files.post, hint: readOnly },
    { method: "PUT", path, handler: files.put, hint: readOnly },
    { method: "MKCOL", path, handler: files.makeDirectory, hint: readOnly },
    { method: "DELETE", path, handler: files.remove, hint: deleteHint },
    { method: "MOVE", path, handler: files.move, hint: deleteHint },
  ];
}

function noDirectory(): never {
  throw new StatusError(404, "No directory is served: start the server with --directory DIR.");
}

/** A cached file is answered without a promise. */
function readHandler(root: Root, settings: FileSettings, clock: () => number): Handler {
  const cache = new FileCache(root.fs, clock);
  const { hasIndex = false, hasFallback = false } = settings;
  const source = { root, cache, settings };
  const read = async (request: HttpRequest, name: string, file: string): Promise<HttpResponse> => {
    const found = isDirectory(file) ? null : await getFile(source, request, file);
    if (found !== null) return found;
    try {
      return await getDirectory(root, request, name, settings);
    } catch (error) {
      const isAllowed = hasFallback && (settings.mayRead?.(request, INDEX) ?? true);
      const page = isAllowed && isMissingPage(error, name)
        ? await getFile(source, request, INDEX)
        : null;
      if (page === null) throw error;
      return page;
    }
  };
  return (request) => {
    const name = nameOf(request, notFound);
    const file = hasIndex && isDirectory(name) && !ASKS_FOR_FOLDER.test(request.query ?? "")
      ? name + INDEX
      : name;
    return getCachedFile(cache, request, file) ??
      answer(root, "reading", request, read(request, name, file));
  };
}

const INDEX = "index.html";

/** Queries about the folder itself: an archive of it, a count, or its listing as it is. */
const ASKS_FOR_FOLDER = /(?:^|&)(?:zip|tar|count)(?:[=&]|$)/;

function isDirectory(name: string): boolean {
  return name === "" || name.endsWith("/");
}

/** Whether something may be a page that a script shows: a style or a picture has an ending. */
function isMissingPage(error: unknown, name: string): boolean {
  const isMissing = error instanceof StatusError && error.status === 404;
  return isMissing && !/\.[^/]*\/?$/.test(name);
}

async function answer(
  root: Root,
  use: "reading" | "writing",
  { path }: HttpRequest,
  response: Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    return await response;
  } catch (error) {
    const known = toStatusError(error, use, path);
    throw await isOfMissingRoot(root, known) ? rootMissing() : known;
  }
}

/** What cannot be found, or does not meet a condition, may be so because the root is gone. */
const MISSING: ReadonlySet<number> = new Set([404, 409, 412]);

async function isOfMissingRoot(root: Root, error: unknown): Promise<boolean> {
  if (error instanceof StatusError && !MISSING.has(error.status)) return false;
  return await root.isMissing();
}

function rootMissing(): StatusError {
  const retry = { "Retry-After": "1" };
  return new StatusError(503, "The served directory is missing at the moment: try again.", retry);
}
