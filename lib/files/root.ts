// The one directory that is served. Every path is resolved here and nowhere else, and nothing
// that leads out of the directory, by name or through a symbolic link, is read or written.
// Deno's own --allow-read=DIR follows links out of DIR, so it is no help with that.

import { StatusError } from "../http/status.ts";
import { isFileAtSync, join, realPathOrNull, SyncFilePolicy } from "./fs.ts";
import { withLock } from "./lock.ts";

/** Segments of a name at most: one request is not to make thousands of directories. */
const MAX_SEGMENTS = 64;

/** How often a file that changes under our eyes is opened again. */
const OPEN_TRIES = 8;

/** An open file inside the directory. Whoever gets it closes it. */
export class OpenFile {
  /** The file, open for reading. */
  readonly file: Deno.FsFile;
  /** What the system says of it. */
  readonly info: Deno.FileInfo;
  /** Its path, in which there is no link. */
  readonly path: string;
  /** What tells whether it may be read synchronously. */
  readonly policy: SyncFilePolicy;
  #isClosed = false;

  constructor(file: Deno.FsFile, info: Deno.FileInfo, path: string, policy: SyncFilePolicy) {
    this.file = file;
    this.info = info;
    this.path = path;
    this.policy = policy;
  }

  /** Closes the file. To call it twice does no harm. */
  close(): void {
    if (!this.#isClosed) this.file.close();
    this.#isClosed = true;
  }
}

/** The file at a real path, or null where it is no longer the one that has been opened. */
async function openAt(real: string, policy: SyncFilePolicy): Promise<OpenFile | null> {
  const file = await Deno.open(real);
  try {
    const info = await policy.fstat(file);
    if (await policy.isFileAt(real, info)) return new OpenFile(file, info, real, policy);
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return null;
}

/** The same, without anything else happening in this program meanwhile. */
function openAtSync(real: string, policy: SyncFilePolicy): OpenFile | null {
  const file = Deno.openSync(real);
  try {
    const info = file.statSync();
    if (isFileAtSync(real, info)) return new OpenFile(file, info, real, policy);
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return null;
}

/** Where a file may be written. */
export interface UploadTarget {
  /** The path of the file, in which no link is left. */
  readonly path: string;
  /** The directories on the way to it, the innermost first. */
  readonly directories: readonly string[];
}

/** A directory and what is in it. */
export class Root {
  /** The real path, without a link in it. */
  readonly path: string;
  /** Whether names that begin with a dot are served and written. */
  readonly showsHidden: boolean;
  /** What allows synchronous policy at the files. */
  readonly policy: SyncFilePolicy;
  readonly #created = new CreatedDirectories();

  /**
   * @param path The path of a directory, which may be relative, end in a slash or be a link.
   * @param showsHidden Whether names that begin with a dot are served and written.
   * @throws {Deno.errors.NotFound} where there is nothing.
   * @throws {Deno.errors.NotADirectory} where there is something else.
   */
  constructor(path: string, showsHidden = false) {
    this.path = Deno.realPathSync(path);
    this.policy = new SyncFilePolicy(this.path);
    this.showsHidden = showsHidden;
    if (!Deno.statSync(this.path).isDirectory) {
      throw new Deno.errors.NotADirectory(`${path} is not a directory`);
    }
  }

  /** The real path that a path leads to, or null where it leads nowhere or out. */
  async resolve(path: string): Promise<string | null> {
    const real = await realPathOrNull(path);
    return real !== null && this.#contains(real) ? real : null;
  }

  /** Whether a real path is in the directory, by names that clients could use as well. */
  #contains(real: string): boolean {
    if (real === this.path) return true;
    const prefix = this.path === "/" ? "/" : `${this.path}/`;
    return real.startsWith(prefix) &&
      splitName(real.slice(prefix.length), this.showsHidden) !== null;
  }

  /**
   * Opens a file for reading.
   *
   * @param name The name that the client gave, decoded.
   * @returns The file, or null where there is none, or none to be seen from outside.
   * @throws {StatusError} 503 where others replace the file faster than it can be opened.
   */
  async openFile(name: string): Promise<OpenFile | null> {
    const segments = splitName(name, this.showsHidden);
    if (segments === null) return null;
    const path = join(this.path, ...segments);
    for (let tries = 1; tries <= OPEN_TRIES; tries++) {
      const real = await this.resolve(path);
      // To open what is no file could wait for ever (a pipe) or do harm (a device).
      if (real === null || !(await this.policy.lstat(real))?.isFile) return null;
      // A file that is being replaced is another one from look to look. At last its writers here
      // have to wait, and those elsewhere get no time: on a local disk the policy take microseconds.
      const open = tries <= OPEN_TRIES / 2
        ? await openAt(real, this.policy)
        : await withLock(real, () => Promise.resolve(openAtSync(real, this.policy)));
      if (open !== null) return open;
    }
    throw new StatusError(503, "The file is being replaced.", { "Retry-After": "1" });
  }

  /**
   * The real path of a directory, or null where there is none, or none to be seen from outside.
   *
   * @param name The name that the client gave, decoded, without a slash at its end; empty for
   * the directory itself.
   */
  async findDirectory(name: string): Promise<string | null> {
    const segments = name === "" ? [] : splitName(name, this.showsHidden);
    if (segments === null) return null;
    const real = await this.resolve(join(this.path, ...segments));
    return real !== null && (await Deno.lstat(real)).isDirectory ? real : null;
  }

  /**
   * The path of a file that is there, its directory without links, or null where it is not.
   *
   * @param name The name that the client gave, decoded.
   */
  async findFile(name: string): Promise<string | null> {
    const segments = splitName(name, this.showsHidden);
    if (segments === null) return null;
    const directory = await this.findDirectory(segments.slice(0, -1).join("/"));
    if (directory === null) return null;
    const path = join(directory, segments.at(-1)!);
    return await this.resolve(path) === null ? null : path;
  }

  /**
   * Finds the place to write a file at, and makes the directories that are missing on the way. In
   * the end the place has to be given back.
   *
   * @param name The name that the client gave, decoded.
   * @throws {StatusError} 400 for a name that no file can have, 403 where a link leads out of
   * the directory, 409 where a directory or a file is in the way.
   */
  async resolveUploadTarget(name: string): Promise<UploadTarget> {
    const segments = splitName(name, this.showsHidden);
    if (segments === null || segments.length > MAX_SEGMENTS) {
      throw new StatusError(400, "A file cannot have this name.");
    }
    const directories: string[] = [];
    let directory = this.path;
    try {
      for (const segment of segments.slice(0, -1)) {
        directory = await this.#enter(join(directory, segment), directories);
      }
      const path = await this.#findFile(join(directory, segments.at(-1)!));
      return { path, directories };
    } catch (error) {
      await this.#created.leave(directories);
      throw error;
    }
  }

  /** Whether a directory has been made for an upload, and none has been completed in it yet. */
  isNew(directory: string): boolean {
    return this.#created.has(directory);
  }

  /**
   * Gives a place back.
   *
   * @param isTaken Whether a file has come to stay there: else the directories that were made for
   * it go, unless others have use for them.
   */
  async releaseUploadTarget({ directories }: UploadTarget, isTaken: boolean): Promise<void> {
    if (isTaken) this.#created.keep(directories);
    await this.#created.leave(directories);
  }

  /** The real path of a directory, which is made where there is nothing. */
  async #enter(path: string, directories: string[]): Promise<string> {
    const enter = (real: string): string => {
      this.#created.enter(real);
      directories.unshift(real);
      return real;
    };
    enter(path);
    try {
      await Deno.mkdir(path);
      this.#created.note(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    const [real, info] = await this.#follow(path);
    if (info === null) throw new Deno.errors.NotFound("The directory is gone again");
    if (!info.isDirectory) {
      throw new StatusError(409, "A file is where the name has a directory.");
    }
    return real === path ? path : enter(real);
  }

  /** The real path of a file that is there, or may be. */
  async #findFile(path: string): Promise<string> {
    const [real, info] = await this.#follow(path);
    if (info?.isDirectory) throw new StatusError(409, "The name is that of a directory.");
    if (info === null || info.isFile) return real;
    throw new StatusError(403, "The name is that of something else than a file.");
  }

  /**
   * Where a path leads whose directory is real, and what is there: itself, or what its link stands
   * for, if inside.
   */
  async #follow(path: string): Promise<[real: string, info: Deno.FileInfo | null]> {
    const info = await this.policy.lstat(path);
    if (!info?.isSymlink) return [path, info];
    const real = await this.resolve(path);
    if (real !== null) return [real, await this.policy.lstat(real)];
    throw new StatusError(403, "A link on the way leads nowhere, or out of the directory.");
  }
}

// Names of files as clients write them: which are names at all. Whether a name stays inside the
// directory once links are followed is for the directory to see.

/** Files that are being written: hidden, unguessable, and never served or written by their name. */
const TEMPORARY_NAME =
  /^\.wireserve-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.part$/;

/** A name for a file that is being written, which nobody can guess. */
export function temporaryName(): string {
  return `.wireserve-${crypto.randomUUID()}.part`;
}

/** Whether a file's name is one that {@linkcode temporaryName} gives. */
export function isTemporary(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/**
 * The segments of a name, or null where it is none: empty segments, `.` and `..`, a backslash
 * (a separator to other systems), NUL, or the name of a temporary file.
 *
 * @param name The name, decoded, its segments parted by `/`.
 * @param showsHidden Whether segments that begin with a dot are names, too.
 */
export function splitName(name: string, showsHidden: boolean): readonly string[] | null {
  const segments = name.split("/");
  return segments.every((segment) => isName(segment, showsHidden)) ? segments : null;
}

/** Whether a file in a directory can have a name, as far as clients are concerned. */
export function isName(segment: string, showsHidden: boolean): boolean {
  return segment !== "" && segment !== "." && segment !== ".." &&
    !segment.includes("\\") && !segment.includes("\0") && !segment.includes("/") &&
    !isTemporary(segment) && (showsHidden || !segment.startsWith("."));
}

// The directories that uploads have made on their way. Several uploads may be under way in one new
// directory; when the last of them leaves and none has come to stay, the directory goes again.

/** Keeps account of who is where. A directory is named by its real path. */
export class CreatedDirectories {
  /** Uploads under way, by each of the directories that they are in, however deep below. */
  readonly #uploads = new Map<string, number>();
  /** Directories that uploads have made and none has stayed in yet; of each, when it was made. */
  readonly #tentative = new Map<string, symbol>();
  /** One removal after the other: two at a time would find each other's directories in the way. */
  #removing: Promise<void> = Promise.resolve();

  /** An upload is on its way through a directory. */
  enter(directory: string): void {
    this.#uploads.set(directory, (this.#uploads.get(directory) ?? 0) + 1);
  }

  /** It has had to make the directory. */
  note(directory: string): void {
    this.#tentative.set(directory, Symbol());
  }

  /** Whether the directory has been made, and nothing has come to stay in it. */
  has(directory: string): boolean {
    return this.#tentative.has(directory);
  }

  /** It has come to stay: so have the directories on its way. */
  keep(directories: Iterable<string>): void {
    for (const directory of directories) this.#tentative.delete(directory);
  }

  /** It is over. The directories on its way, innermost first, go where nobody has use for them. */
  async leave(directories: readonly string[]): Promise<void> {
    for (const directory of directories) {
      const others = this.#uploads.get(directory)! - 1;
      if (others > 0) this.#uploads.set(directory, others);
      else this.#uploads.delete(directory);
    }
    if (!directories.some((directory) => this.#tentative.has(directory))) return;
    this.#removing = this.#removing.then(() => this.#remove(directories));
    await this.#removing;
  }

  /** What is not empty stays noted, for whoever is in it will leave in turn. */
  async #remove(directories: readonly string[]): Promise<void> {
    for (const directory of directories) {
      const making = this.#tentative.get(directory);
      if (making === undefined || this.#uploads.has(directory)) continue;
      try {
        await Deno.remove(directory);
      } catch {
        continue;
      }
      // Somebody may have made it anew in the meantime.
      if (this.#tentative.get(directory) === making) this.#tentative.delete(directory);
    }
  }
}
