// The served directory: which names clients may use, and what is inside it once links are
// followed. Every path comes from here, so nothing outside is read or written. Deno's own
// --allow-read=DIR follows links out of DIR and does not help.

import type { HttpRequest } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { sleep } from "../server/deadlines.ts";
import {
  cleanUp,
  FileSystem,
  hasDirectory,
  join,
  lstat,
  mkdir,
  realPathSync,
  statSync,
} from "../disk/file_system.ts";
import { type OpenFile, openFile } from "../disk/open_file.ts";
import { CreatedDirectories } from "./created_directories.ts";
import { withLock } from "./lock.ts";

/** Segments of a name: one request must not create thousands of directories. */
export const MAX_SEGMENTS = 64;

/** Attempts to open a file that is replaced between check and use. */
const OPEN_ATTEMPTS = 8;

/** Milliseconds for the answer to a probe. A cached one takes a tenth of one. */
const PROBE_TIMEOUT = 1000;

/** What can be wrong with the served directory. */
export type DirectoryProblem = "missing" | "unresponsive" | "failing";

/** Where an upload is stored: a path without links, and the directories, innermost first. */
export interface UploadTarget {
  readonly path: string;
  /** The file that was there. */
  readonly found: Deno.FileInfo | null;
  readonly directories: readonly string[];
}

/** The served directory. Names are those of requests, decoded. */
export class Root {
  readonly path: string;
  readonly showsHidden: boolean;
  readonly fs: FileSystem;
  readonly #created: CreatedDirectories;
  #probing: Promise<DirectoryProblem | null> | null = null;

  /**
   * @param path The path of a directory, which may be relative, end in a slash or be a link.
   * @param showsHidden Whether names that begin with a dot are served and written.
   * @param isRequired Whether there must be a directory now. Otherwise the path has no links, and
   * the directory may be missing for a while.
   * @throws {Deno.errors.NotFound} or {Deno.errors.NotADirectory} where a required one is missing.
   */
  constructor(path: string, showsHidden = false, isRequired = true) {
    this.path = isRequired ? realPathSync(path) : path;
    this.showsHidden = showsHidden;
    this.fs = new FileSystem(this.path);
    this.#created = new CreatedDirectories(this.path);
    if (isRequired && !statSync(this.path).isDirectory) {
      throw new Deno.errors.NotADirectory(`${path} is not a directory`);
    }
  }

  /**
   * Whether the directory itself is gone at the moment. It may come back at the same path. Where the
   * file system fails, the directory counts as there: the failure is reported by what met it.
   */
  async isMissing(): Promise<boolean> {
    try {
      const info = await lstat(this.path);
      return !info?.isDirectory;
    } catch {
      return false;
    }
  }

  /**
   * What is wrong with the directory itself, or null. It takes hardly more than a second. A call
   * that hangs is not made again before it has returned.
   */
  async probe(): Promise<DirectoryProblem | null> {
    this.#probing ??= hasDirectory(this.path)
      .then((isThere) => isThere ? null : "missing" as const, () => "failing" as const)
      .finally(() => this.#probing = null);
    let problem: DirectoryProblem | null = "unresponsive";
    await sleep(PROBE_TIMEOUT, this.#probing.then((found) => void (problem = found)));
    return problem;
  }

  /** The real path that a path leads to, or null where it leads nowhere or outside. */
  async resolve(path: string): Promise<string | null> {
    const real = await this.fs.realPath(path);
    return real !== null && this.#contains(real) ? real : null;
  }

  /** Whether a real path is inside, by names that clients may use. */
  #contains(real: string): boolean {
    if (real === this.path) return true;
    const prefix = this.path === "/" ? "/" : `${this.path}/`;
    return real.startsWith(prefix) &&
      splitName(real.slice(prefix.length), this.showsHidden) !== null;
  }

  /** The directories between the root and a path inside, the outermost first. */
  directoriesOf(path: string): string[] {
    const segments = path.slice(this.path === "/" ? 1 : this.path.length + 1).split("/");
    return segments.slice(1).map((_, index) => join(this.path, ...segments.slice(0, index + 1)));
  }

  /**
   * Opens a file for reading, or returns null where clients may see none.
   *
   * @throws {StatusError} 503 where others replace the file faster than it can be opened.
   */
  async openFile(name: string): Promise<OpenFile | null> {
    const segments = splitName(name, this.showsHidden);
    if (segments === null) return null;
    const path = join(this.path, ...segments);
    let real: string | null = path; // Most paths have no links.
    for (let attempt = 1; attempt <= OPEN_ATTEMPTS; attempt++) {
      const file: string = real;
      const open = () => openFile(this.fs, file, this.directoriesOf(file));
      // The last attempts keep uploads waiting.
      const opened = await (attempt <= OPEN_ATTEMPTS / 2 ? open() : withLock(file, open));
      if (opened !== null) return opened;
      real = await this.resolve(path);
      if (real === null || !(await this.fs.lstat(real))?.isFile) return null;
    }
    const retry = { "Retry-After": "1" };
    throw new StatusError(503, "The file is being replaced right now: try again.", retry);
  }

  /** The real path of a directory whose name has no slash at its end, or null. */
  async findDirectory(name: string): Promise<string | null> {
    const segments = name === "" ? [] : splitName(name, this.showsHidden);
    if (segments === null) return null;
    const real = await this.resolve(join(this.path, ...segments));
    return real !== null && (await lstat(real))?.isDirectory ? real : null;
  }

  /** The path of an existing file, whose last segment alone may be a link, or null. */
  async findFile(name: string): Promise<string | null> {
    const segments = splitName(name, this.showsHidden);
    if (segments === null) return null;
    const directory = await this.findDirectory(segments.slice(0, -1).join("/"));
    if (directory === null) return null;
    const path = join(directory, segments.at(-1)!);
    return await this.resolve(path) === null ? null : path;
  }

  /**
   * Finds where to store a file, and creates missing directories. The target must be released.
   *
   * @throws {StatusError} 400 for a name that is not allowed, 403 where a link leads outside, 409
   * where a directory or a file is in the way.
   */
  async resolveUploadTarget(name: string): Promise<UploadTarget> {
    const segments = splitName(name, this.showsHidden);
    if (segments === null || segments.length > MAX_SEGMENTS) throw invalidName();
    const directories: string[] = [];
    let directory = this.path;
    try {
      for (const segment of segments.slice(0, -1)) {
        directory = await this.#enter(join(directory, segment), directories);
      }
      const [path, found] = await this.#resolveFile(join(directory, segments.at(-1)!));
      return { path, found, directories };
    } catch (error) {
      await cleanUp(error, () => this.#created.leave(directories));
      throw error;
    }
  }

  /** A directory that has been created or moved to a path is nothing that a failed upload removes. */
  keep(path: string): void {
    this.#created.keep([path]);
  }

  /** Whether a directory was created for an upload, and none is complete in it yet. */
  isNew(directory: string): boolean {
    return this.#created.isTentative(directory);
  }

  /** Unless the upload is stored, removes the directories that were created for it alone. */
  async releaseUploadTarget({ directories }: UploadTarget, isStored: boolean): Promise<void> {
    if (isStored) this.#created.keep(directories);
    await this.#created.leave(directories);
  }

  /** Removes what earlier uploads could not remove. */
  retryRemovals(): Promise<void> {
    return this.#created.retryRemovals();
  }

  /** Removes the file of an upload. Where that fails, {@linkcode retryRemovals} does. */
  removeTemporary(path: string): Promise<void> {
    return this.#created.removeFile(path);
  }

  /** The real path of a directory, which is created where nothing is. */
  async #enter(path: string, directories: string[]): Promise<string> {
    const enter = (real: string): string => {
      this.#created.enter(real);
      directories.unshift(real);
      return real;
    };
    enter(path);
    try {
      await mkdir(path);
      this.#created.add(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    const [real, info] = await this.#follow(path);
    if (info === null) throw new Deno.errors.NotFound("The directory was removed again");
    if (!info.isDirectory) {
      throw new StatusError(409, "A part of the path is a file, not a directory.");
    }
    return real === path ? path : enter(real);
  }

  /** The real path of a file that exists or may be created, and the file. */
  async #resolveFile(path: string): Promise<[real: string, info: Deno.FileInfo | null]> {
    const [real, info] = await this.#follow(path);
    if (info?.isDirectory) throw new StatusError(409, "This name belongs to a directory.");
    if (info === null || info.isFile) return [real, info];
    throw new StatusError(403, "This name does not belong to a regular file.");
  }

  /** The real path, inside the root, of a path in a real directory, and what is there. */
  async #follow(path: string): Promise<[real: string, info: Deno.FileInfo | null]> {
    const info = await this.fs.lstat(path);
    if (!info?.isSymlink) return [path, info];
    const real = await this.resolve(path);
    if (real !== null) return [real, await this.fs.lstat(real)];
    throw leadsOutside();
  }
}

/** The error for a link that clients may not follow. */
export function leadsOutside(): StatusError {
  return new StatusError(
    403,
    "A symbolic link in the path leads nowhere, or out of the served directory.",
  );
}

/** The error for a directory that is no longer where its path was resolved to. */
export function wasReplaced(): StatusError {
  return new StatusError(409, "A folder in the path was just moved or replaced: try again.");
}

/** The error for a name that no upload may have. */
export function invalidName(): StatusError {
  return new StatusError(400, "This file name is not allowed.");
}

/**
 * Files of uploads in progress, directories that are being deleted, and what is put out of reach:
 * hidden, unguessable, never served or written by their name.
 */
const TEMPORARY_NAME =
  /^\.wireserve-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.(?:part|deleted|foreign)$/;

/** A name in the served folder that no file can have: what belongs to its page is below it. */
export const RESERVED_NAME = ".wireserve";

/** An unguessable name, which is the file of an upload in progress by default. */
export function temporaryName(ending: "part" | "deleted" | "foreign" = "part"): string {
  return `.wireserve-${crypto.randomUUID()}.${ending}`;
}

/** Whether a name is one of {@linkcode temporaryName}. */
export function isTemporary(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** The name in a request. An encoded slash, which would be a part of a segment, is an error. */
export function nameOf({ path, parameters }: HttpRequest, error: () => StatusError): string {
  if (path.includes("%") && /%2f/i.test(path)) throw error();
  return parameters["name"]!;
}

/**
 * The segments of a name, or null for a name that is not allowed: one with an empty segment, `.`
 * or `..`, a backslash (a separator on other systems), NUL, or the name of a temporary file.
 */
export function splitName(name: string, showsHidden: boolean): readonly string[] | null {
  const segments = name.split("/");
  return segments.every((segment) => isName(segment, showsHidden)) ? segments : null;
}

/** Whether clients may use a segment of a name. */
export function isName(segment: string, showsHidden: boolean): boolean {
  return segment !== "" && segment !== "." && segment !== ".." &&
    !segment.includes("\\") && !segment.includes("\0") && !segment.includes("/") &&
    !isTemporary(segment) && segment !== RESERVED_NAME && (showsHidden || !segment.startsWith("."));
}
