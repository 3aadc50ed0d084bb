// MOVE (RFC 4918 section 9.9): gives a file, a link or a directory another name by one rename.

import { allowsOverwrite, destinationOf, isDeep } from "../http/destination.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { decodePath } from "../http/target.ts";
import { codeOf, notFound } from "../disk/errors.ts";
import { join, parentOf, remove } from "../disk/file_system.ts";
import { identify } from "../disk/open_file.ts";
import { withCommitLocks, withLocks, withSync } from "./lock.ts";
import {
  invalidName,
  leadsOutside,
  MAX_SEGMENTS,
  nameOf,
  type Root,
  splitName,
  temporaryName,
  wasReplaced,
} from "./root.ts";
import type { FileSettings } from "./settings.ts";
import {
  checkPreconditions,
  conditionsOf,
  preconditionFailed,
  validatorsOfAny,
} from "./validators.ts";

/** A rename that has been checked as far as its names go. */
interface Move {
  readonly from: string;
  /** The path that a link leads to, else the same. Conditions are about what is there. */
  readonly target: string;
  readonly to: string;
  /** Whether a file at the destination may be replaced. */
  readonly overwrites: boolean;
  readonly settings: Pick<FileSettings, "allowsReplace" | "isDurable">;
}

/**
 * Moves what a request names to its Destination: 201, or 204 where a file was replaced. A directory
 * replaces nothing and is not replaced, which differs from RFC 4918: nothing that is not named is
 * removed.
 *
 * @throws {StatusError} 400 and 502 for the destination, 403 onto itself or below, 404 without a
 * source, 409 where a directory is missing or in the way, 412 for a condition or `Overwrite: F`.
 */
export async function move(
  root: Root,
  request: HttpRequest,
  settings: Pick<FileSettings, "allowsReplace" | "isDurable">,
): Promise<HttpResponse> {
  const { fields } = request;
  isDeep(fields);
  const overwrites = allowsOverwrite(fields);
  const destination = destinationOf(fields, request.authority);
  const name = nameOf(request, notFound);
  const segments = segmentsOf(root, destination, { path: decodePath(request.path), name });
  if (name === "") throw new StatusError(403, "The served folder itself cannot be moved.");
  const from = await root.findFile(name.replace(/\/$/, ""));
  if (from === null) {
    checkPreconditions(conditionsOf(request), null, Date.now());
    throw notFound();
  }
  const parent = await root.findDirectory(segments.slice(0, -1).join("/"));
  if (parent === null) {
    throw new StatusError(409, "The folder to move this to does not exist: create it first.");
  }
  const to = join(parent, segments.at(-1)!);
  if (from === to) throw new StatusError(403, "Nothing can be moved onto itself.");
  const target = await root.resolve(from) ?? from;
  const isNew = await commit(root, request, { from, target, to, overwrites, settings });
  return { status: isNew ? 201 : 204, fields: { "Location": destination } };
}

/** The name at a destination. What is before it is the same as before the request's own name. */
function segmentsOf(
  root: Root,
  destination: string,
  source: { readonly path: string; readonly name: string },
): readonly string[] {
  const base = source.path.slice(0, source.path.length - source.name.length);
  const path = decodePath(destination);
  if (!path.startsWith(base)) {
    throw new StatusError(502, "The destination is outside of the served folder.");
  }
  const name = path.slice(base.length);
  if (name === "") throw new StatusError(403, "The served folder itself cannot be replaced.");
  if (name.endsWith("/") && !source.name.endsWith("/")) {
    throw new StatusError(400, "The destination ends in a slash, and the request does not.");
  }
  const segments = /%2f/i.test(destination)
    ? null
    : splitName(name.replace(/\/$/, ""), root.showsHidden);
  if (segments === null || segments.length > MAX_SEGMENTS) throw invalidName();
  return segments;
}

/** Moves alone among all changes of both names. Returns whether the name is new. */
async function commit(root: Root, request: HttpRequest, move: Move): Promise<boolean> {
  const { from, target, to, settings: { isDurable } } = move;
  const directories = isDurable ? [parentOf(from), parentOf(to)] : [];
  return await withSync(
    root.fs,
    new Set(directories),
    () =>
      withLocks([from, target, to], () =>
        withCommitLocks(root.fs, [from, target, to], async () => {
          const source = await checkSource(root, request, move);
          if (source.isDirectory && to.startsWith(`${from}/`)) {
            throw new StatusError(403, "A folder cannot be moved into itself.");
          }
          const isNew = await checkDestination(root, move, source.isDirectory);
          await checkDirectories(root, move);
          await (source.isDirectory || move.overwrites
            ? rename(root, move)
            : renameToNew(root, move));
          await checkMoved(root, to, source);
          root.keep(to);
          return isNew;
        })),
  );
}

/** Checks that the source is still there, and the conditions of the request, which are about it. */
async function checkSource(
  root: Root,
  request: HttpRequest,
  { from, target }: Move,
): Promise<Deno.FileInfo> {
  const [own, info] = [await root.fs.lstat(from), await root.fs.lstat(target)];
  if (own === null || !(info?.isFile || info?.isDirectory)) throw notFound();
  if (info.isFile && request.path.endsWith("/")) throw notFound();
  const current = await validatorsOfAny(target, info, root.fs);
  checkPreconditions(conditionsOf(request), current, Date.now());
  if (own.isSymlink) return own; // It moves as a file does, and is followed only where it may be.
  const proven = await identify(root.fs, from, root.directoriesOf(from));
  if (proven === null) throw wasReplaced();
  return proven;
}

/** Returns whether the name at the destination is new. */
async function checkDestination(
  root: Root,
  { to, overwrites, settings: { allowsReplace } }: Move,
  isDirectory: boolean,
): Promise<boolean> {
  const found = await root.fs.lstat(to);
  if (found === null) return true;
  const target = await root.resolve(to);
  if (target === null) throw leadsOutside();
  if (!overwrites) throw preconditionFailed();
  if (!allowsReplace) {
    throw new StatusError(409, "The file exists already, and this server does not replace files.");
  }
  const info = await root.fs.lstat(target);
  if (isDirectory || info?.isDirectory) {
    throw new StatusError(409, "Folders are not merged or replaced: delete the one in the way.");
  }
  return false;
}

/** Clients cannot plant links; other programs can, at any moment. */
async function checkDirectories({ fs }: Root, { from, to }: Move): Promise<void> {
  for (const directory of new Set([parentOf(from), parentOf(to)])) {
    if (!await fs.isDirectoryAt(directory)) throw wasReplaced();
  }
}

/**
 * Checks that nothing else was moved: in the moment of the rename, a program may have exchanged the
 * directory for a link. What comes from outside is put where no client can read it.
 */
async function checkMoved({ fs }: Root, to: string, source: Deno.FileInfo): Promise<void> {
  const found = await fs.lstat(to);
  if (found?.ino === source.ino && found.dev === source.dev) return;
  const foreign = join(parentOf(to), temporaryName("foreign"));
  if (found !== null) await fs.rename(to, foreign);
  throw new Error(`A directory on the way was exchanged during a move: see ${foreign}`);
}

async function rename(root: Root, { from, to, overwrites }: Move): Promise<void> {
  try {
    const [source, found] = [await root.fs.lstat(from), await root.fs.lstat(to)];
    const isSameFile = source !== null && source.isFile && (source.nlink ?? 1) > 1 &&
      found?.ino === source.ino && found.dev === source.dev;
    // Of two names of one file, rename(2) would leave both.
    await (isSameFile ? remove(from) : root.fs.rename(from, to));
  } catch (error) {
    const code = codeOf(error);
    const isTaken = code === "ENOTEMPTY" || code === "ENOTDIR" || code === "EEXIST";
    if (!isTaken) throw error;
    if (!overwrites) throw preconditionFailed();
    throw new StatusError(409, "Something of this name has just been created.");
  }
}

/** Errors of link(2) that are about hard links, not about these names. */
const WITHOUT_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "EOPNOTSUPP", "ENOTSUP", "EMLINK"]);

/** Of all programs that create the same name, one succeeds. For a moment the file has both names. */
async function renameToNew(root: Root, move: Move): Promise<void> {
  try {
    await root.fs.link(move.from, move.to);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw preconditionFailed();
    // The locks still exclude all clients.
    if (WITHOUT_LINKS.has(codeOf(error))) return await rename(root, move);
    throw error;
  }
  await remove(move.from);
}
