// ?zip and ?tar: a folder, or some of what is in it, as one file that is made while it is sent.

import { type ArchiveEntry, writeTar } from "../archive/tar.ts";
import { writeZip } from "../archive/zip.ts";
import { notFound, nullIfNotFound, toStatusError } from "../disk/errors.ts";
import { join } from "../disk/file_system.ts";
import { type Content, pieces } from "../http/content.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { Slots } from "../scheduler.ts";
import { FileContent } from "./file_body.ts";
import { entriesIn } from "./listing.ts";
import { isName, type Root } from "./root.ts";
import { compareNames, sortInSteps } from "./sort.ts";
import { type Visited, walk } from "./walk.ts";

/** Archives at one time: each has a file open, and two pieces of it in memory. */
const archives = new Slots(8);

/** Members of a ZIP file at most: the directory at its end is in memory, 80 bytes for each. */
const MAX_ZIP_ENTRIES = 500_000;

/** Bytes of small pieces that are sent together, and milliseconds after which there may be fewer. */
const GATHERED = 65_536;
const GATHER_TIME = 50;

/** What goes into an archive, and into which kind. */
interface Selection {
  readonly root: Root;
  /** The directory, a path without links. */
  readonly path: string;
  /** The names in it; null for all. */
  readonly names: readonly string[] | null;
  /** What the names of all members begin with: empty, or the folder's name and a slash. */
  readonly prefix: string;
  readonly client: string;
}

/**
 * An archive of a directory, in which all names begin with that of the directory, or of what the
 * parameters `name` select.
 *
 * @param name The name of the directory: empty, or with a slash at its end.
 * @throws {StatusError} 404 for a selected name that is not there, 503 for too many archives.
 */
export async function archiveDirectory(
  root: Root,
  request: HttpRequest,
  { path, name }: { readonly path: string; readonly name: string },
  kind: "zip" | "tar",
): Promise<HttpResponse> {
  const { client, query } = request;
  const own = name.slice(name.lastIndexOf("/", name.length - 2) + 1);
  const names = new Set(new URLSearchParams(query ?? "").getAll("name"));
  for (const each of names) {
    const isThere = isName(each, root.showsHidden) &&
      (await entriesIn(root, path, [each])).length > 0;
    if (!isThere) throw notFound();
  }
  if (!archives.isFreeFor(client)) {
    const message = "Too many archives are being sent: try again.";
    throw new StatusError(503, message, { "Retry-After": "5" });
  }
  // Loaded on demand: RFC 6266 as a typed package without dependencies.
  const { create: contentDisposition } = await import("content-disposition");
  const selection: Selection = names.size === 0
    ? { root, path, names: null, prefix: own, client }
    : { root, path, names: [...names], prefix: "", client };
  const fields = {
    "Content-Type": kind === "zip" ? "application/zip" : "application/x-tar",
    "Content-Disposition": contentDisposition(`${own.slice(0, -1) || "files"}.${kind}`),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  };
  return { status: 200, fields, content: new ArchiveContent(selection, kind) };
}

/** An archive while it is sent. */
class ArchiveContent implements Content {
  readonly length = null;
  readonly #selection: Selection;
  readonly #pieces: AsyncGenerator<Uint8Array>;
  readonly #buffer = new Uint8Array(GATHERED);
  #next: Uint8Array | null = null;
  #isClosed = false;

  constructor(selection: Selection, kind: "zip" | "tar") {
    this.#selection = selection;
    archives.acquire(selection.client);
    this.#pieces = kind === "tar"
      ? writeTar(entriesOf(selection))
      : writeZip(limit(entriesOf(selection)));
  }

  /**
   * Small pieces are gathered: a file has three. What cannot be read ends the archive with an error,
   * so that it is not taken for whole.
   */
  async read(): Promise<Uint8Array | null> {
    const end = performance.now() + GATHER_TIME;
    let length = 0;
    for (;;) {
      const piece = this.#next ?? await this.#take();
      this.#next = null;
      if (piece === null) return length === 0 ? null : this.#buffer.subarray(0, length);
      if (length + piece.length > GATHERED) {
        if (length === 0) return piece;
        this.#next = piece; // It is valid until the next one is taken.
        return this.#buffer.subarray(0, length);
      }
      this.#buffer.set(piece, length);
      length += piece.length;
      if (performance.now() > end) return this.#buffer.subarray(0, length);
    }
  }

  async #take(): Promise<Uint8Array | null> {
    const { done, value } = await this.#pieces.next().catch((error) => {
      throw toStatusError(error, "reading", this.#selection.path);
    });
    return done ? null : value;
  }

  close(): void {
    if (!this.#isClosed) archives.release(this.#selection.client);
    this.#isClosed = true;
    this.#pieces.return(undefined).catch(() => {}); // read() has thrown it already.
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

async function* limit(entries: AsyncIterable<ArchiveEntry>): AsyncGenerator<ArchiveEntry> {
  let count = 0;
  for await (const entry of entries) {
    if (++count > MAX_ZIP_ENTRIES) {
      throw new StatusError(413, "The folder has too many files for a ZIP file: use tar.");
    }
    yield entry;
  }
}

/** The members, the outermost directories first. What is removed meanwhile is left out. */
async function* entriesOf(selection: Selection): AsyncGenerator<ArchiveEntry> {
  const { root, path, names, prefix, client } = selection;
  if (names === null) return yield* treeOf(selection, path, prefix);
  for (const name of await sortInSteps(names, compareNames, client)) {
    const [entry] = await entriesIn(root, path, [name]);
    const own = join(path, name);
    if (entry?.type === "directory") {
      // A link to a directory that was selected is followed; those below are not.
      const real = await root.resolve(own);
      if (real !== null) yield* treeOf(selection, real, `${name}/`);
    } else if (entry !== undefined) yield* fileOf(root, own, name);
  }
}

async function* treeOf(
  { root, client }: Selection,
  path: string,
  prefix: string,
): AsyncGenerator<ArchiveEntry> {
  const accepts = (name: string) => isName(name, root.showsHidden);
  for await (const visited of walk(path, { client, accepts })) {
    if (!await root.fs.isDirectoryAt(visited.path)) continue;
    const name = visited.name === "" ? prefix : `${prefix}${visited.name}/`;
    const info = await root.fs.lstat(visited.path);
    if (info === null) continue;
    const modified = info.mtime?.getTime() ?? 0;
    if (name !== "") yield { name, modified, content: null };
    yield* filesOf(root, visited, name, client);
  }
}

async function* filesOf(
  root: Root,
  { path, files, links }: Visited,
  prefix: string,
  client: string,
): AsyncGenerator<ArchiveEntry> {
  for (const name of await sortInSteps([...files, ...links], compareNames, client)) {
    yield* fileOf(root, join(path, name), prefix + name);
  }
}

/** A file, or nothing for what is none: a link that leads out or to a directory, for instance. */
async function* fileOf(root: Root, path: string, name: string): AsyncGenerator<ArchiveEntry> {
  const relative = path.slice(root.path === "/" ? 1 : root.path.length + 1);
  const open = await root.openFile(relative).catch(nullIfNotFound);
  if (open === null) return;
  try {
    yield { name, modified: open.info.mtime?.getTime() ?? 0, content: new FileContent(open) };
  } finally {
    open.close();
  }
}
