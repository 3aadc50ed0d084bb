/**
 * The files of a directory, for programs: conditions, ranges, compression and the cache in memory are
 * those of the file server.
 *
 * ```ts
 * import { serve } from "@wireserve/wireserve";
 * import { serveDirectory } from "@wireserve/wireserve/files";
 *
 * await using server = serve(serveDirectory("docs"), { port: 0 });
 * console.log(await (await fetch(`${server.url}library.md`)).text());
 * ```
 *
 * The program needs `--allow-read`, and to write `--allow-write`: for the directory as it is without
 * links. A directory is not a jail for what else the program does.
 *
 * @module
 */

import type { Handler } from "../http/message.ts";
import { type Route, router } from "../router.ts";
import { type FileHandlers, handlersOf, routesOf } from "./handlers.ts";
import { Root } from "./root.ts";

export type { Handler } from "../http/message.ts";
export type { Route } from "../router.ts";
export type { FileHandlers } from "./handlers.ts";

/**
 * How the files of a directory are served.
 *
 * @example
 * ```ts
 * import { type DirectoryOptions, serveDirectory } from "@wireserve/wireserve/files";
 *
 * const options: DirectoryOptions = { base: "/docs/", index: false };
 * console.log(typeof serveDirectory("docs", options)); // function
 * ```
 */
export interface DirectoryOptions {
  /**
   * The path of the directory in URLs, escaped, with a slash at both ends: `/static/`. By default
   * `/`.
   */
  readonly base?: string | undefined;
  /** Whether clients may upload files and create folders. False by default. */
  readonly writable?: boolean | undefined;
  /** Whether clients who may write may delete, rename and move as well. False by default. */
  readonly allowDelete?: boolean | undefined;
  /** Whether an upload may replace a file. True by default. */
  readonly replace?: boolean | undefined;
  /** Whether names that begin with a dot are served, listed and written. False by default. */
  readonly hidden?: boolean | undefined;
  /** Whether a folder with an `index.html` is answered with that. True by default. */
  readonly index?: boolean | undefined;
  /** Whether a missing file without a dot in its name is answered with `/index.html`: no by default. */
  readonly fallback?: boolean | undefined;
  /**
   * Whether pages and pictures among the files may run script with the rights of this origin. By
   * default only where clients cannot write: what they upload is in a sandbox.
   */
  readonly trusted?: boolean | undefined;
  /** Whether the media type follows from the name, else it is unknown. True by default. */
  readonly mediaTypes?: boolean | undefined;
  /** Whether an upload is on the disk before it is answered. True by default. */
  readonly durable?: boolean | undefined;
}

/** Every option. The type makes a name that is missing here an error. */
const NAMES: Readonly<Record<keyof DirectoryOptions, true>> = {
  base: true,
  writable: true,
  allowDelete: true,
  replace: true,
  hidden: true,
  index: true,
  fallback: true,
  trusted: true,
  mediaTypes: true,
  durable: true,
};

/**
 * A handler for each method on the files of a directory, for a table of routes of the program's own.
 * Each reads the name of the file from the parameter `name` of its route: `/static/{name...}`.
 *
 * @param path The directory, which must exist.
 * @returns The handlers; null for what the options do not allow.
 * @throws {TypeError} for an option that does not exist.
 * @throws {Deno.errors.NotFound} or {Deno.errors.NotADirectory} where there is no directory.
 * @throws {Deno.errors.NotCapable} without the permission to read it.
 *
 * @example
 * ```ts
 * import { router, serve } from "@wireserve/wireserve";
 * import { fileHandlers } from "@wireserve/wireserve/files";
 *
 * const { read } = fileHandlers("docs");
 * const routes = [{ method: "GET", path: "/docs/{name...}", handler: read }];
 * await using server = serve(router(routes), { port: 0 });
 * console.log((await fetch(`${server.url}docs/library.md`, { method: "HEAD" })).status); // 200
 * ```
 */
export function fileHandlers(
  path: string,
  options: Omit<DirectoryOptions, "base"> = {},
): FileHandlers {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(NAMES, name)) continue;
    const known = Object.keys(NAMES).join(", ");
    throw new TypeError(`There is no option ${name}: the options are ${known}`);
  }
  const { writable = false, hidden = false } = options;
  return handlersOf(new Root(path, hidden), {
    isReadOnly: !writable,
    allowsDelete: options.allowDelete ?? false,
    allowsReplace: options.replace ?? true,
    showsHidden: hidden,
    hasIndex: options.index ?? true,
    hasFallback: options.fallback ?? false,
    isTrusted: options.trusted ?? !writable,
    guessesTypes: options.mediaTypes ?? true,
    isDurable: options.durable ?? true,
  });
}

/**
 * The routes of all handlers under a path, as {@linkcode DirectoryOptions.base} has it.
 *
 * @example
 * ```ts
 * import { fileHandlers, fileRoutes } from "@wireserve/wireserve/files";
 *
 * console.log(fileRoutes(fileHandlers("docs"), "/docs/").length); // 7
 * ```
 */
export function fileRoutes(files: FileHandlers, base: string = "/"): readonly Route[] {
  return routesOf(files, base, { readOnly: READ_ONLY, noDelete: NO_DELETE });
}

const READ_ONLY = "These files are read-only.";
const NO_DELETE = "These files cannot be deleted.";

/**
 * A handler that serves the files of a directory: reading, and what the options allow of writing.
 *
 * @param path The directory, which must exist.
 * @throws {TypeError} for an option that does not exist, or a base that is no path.
 * @throws {Deno.errors.NotFound} or {Deno.errors.NotADirectory} where there is no directory.
 * @throws {Deno.errors.NotCapable} without the permission to read it.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { serveDirectory } from "@wireserve/wireserve/files";
 *
 * const handler = webHandler(serveDirectory("docs", { base: "/docs/" }));
 * const { status } = await handler(new Request("http://localhost/docs/none"));
 * console.log(status); // 404
 * ```
 */
export function serveDirectory(path: string, options: DirectoryOptions = {}): Handler {
  return router(fileRoutes(fileHandlers(path, options), options.base));
}
