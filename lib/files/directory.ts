// The one directory that is served. Every path is resolved here and nowhere else, and nothing
// that leads out of the directory, by name or through a symbolic link, is read or written.
// Deno's own --allow-read=DIR follows links out of DIR, so it is no help with that.

import { StatusError } from "../http/status.ts";
import { splitName } from "./names.ts";

/** An open file inside the directory. Whoever gets it closes it. */
export interface OpenFile {
  readonly file: Deno.FsFile;
  readonly info: Deno.FileInfo;
}

/** Where a file is to be written. */
export interface Place {
  /** The real path of the folder that it is in. */
  readonly folder: string;
  /** The path of the file itself, which is no link. */
  readonly path: string;
  /** Folders that were missing and have been made for it, the outermost first. */
  readonly madeFolders: readonly string[];
}

/** A directory and what is in it. */
export class Directory {
  /** The real path, without a link in it. */
  readonly path: string;

  /**
   * @param path The path of a directory, which may be relative, end in a slash or be a link.
   * @throws {Deno.errors.NotFound} where there is nothing.
   * @throws {Deno.errors.NotADirectory} where there is something else.
   */
  constructor(path: string) {
    this.path = Deno.realPathSync(path);
    if (!Deno.statSync(this.path).isDirectory) {
      throw new Deno.errors.NotADirectory(`${path} is not a directory`);
    }
  }

  /** Whether a real path is that of something in the directory. */
  #contains(real: string): boolean {
    return real.startsWith(this.path === "/" ? "/" : `${this.path}/`);
  }

  /**
   * Opens a file for reading.
   *
   * Somebody may plant a link between a look at the path and its opening. So the file is opened
   * first, and served only where its inode is the one that a path without links, inside the
   * directory, leads to. The look before it keeps us from waiting for ever on a pipe.
   *
   * @param name The name that the client gave, decoded.
   * @returns The file, or null where there is none, or none to be seen from outside.
   */
  async openFile(name: string): Promise<OpenFile | null> {
    const segments = splitName(name);
    if (segments === null) return null;
    const path = join(this.path, segments);
    if (!(await Deno.stat(path)).isFile) return null;
    const file = await Deno.open(path);
    try {
      const info = await file.stat();
      const real = await Deno.realPath(path);
      if (this.#contains(real) && isSameFile(await Deno.lstat(real), info)) {
        return { file, info };
      }
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    return null;
  }

  /**
   * Finds the place to write a file at, and makes the folders that are missing on the way.
   *
   * @param name The name that the client gave, decoded.
   * @throws {StatusError} 400 for a name that no file can have, 403 where a link leads out of
   * the directory, 409 where a folder or a file is in the way.
   */
  async findPlace(name: string): Promise<Place> {
    const segments = splitName(name);
    if (segments === null) {
      throw new StatusError(400, "A file cannot have this name.");
    }
    const madeFolders: string[] = [];
    try {
      let folder = this.path;
      for (const segment of segments.slice(0, -1)) {
        folder = await this.#enter(join(folder, [segment]), madeFolders);
      }
      const path = await this.#resolve(join(folder, segments.slice(-1)));
      return {
        folder: path.slice(0, path.lastIndexOf("/")),
        path,
        madeFolders,
      };
    } catch (error) {
      await removeFolders(madeFolders);
      throw error;
    }
  }

  /** The real path of a folder, which is made where there is nothing. */
  async #enter(path: string, madeFolders: string[]): Promise<string> {
    try {
      await Deno.mkdir(path);
      madeFolders.push(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    const real = await this.#follow(path);
    if ((await Deno.lstat(real)).isDirectory) return real;
    throw new StatusError(409, "A file is where the name has a folder.");
  }

  /** The real path of a file that is there, or may be. */
  async #resolve(path: string): Promise<string> {
    const real = await this.#follow(path);
    const info = await lookAt(real);
    if (info?.isDirectory) throw new StatusError(409, "The name is that of a folder.");
    if (info === null || info.isFile) return real;
    throw new StatusError(403, "The name is that of something else than a file.");
  }

  /** Where a path leads whose folder is real: itself, or what its link stands for, if inside. */
  async #follow(path: string): Promise<string> {
    if (!(await lookAt(path))?.isSymlink) return path;
    const real = await realPathOrEmpty(path);
    if (this.#contains(real)) return real;
    throw new StatusError(403, "A link on the way leads out of the directory.");
  }
}

/** Removes folders that turned out not to be needed, as far as they are empty. */
export async function removeFolders(paths: readonly string[]): Promise<void> {
  for (const path of paths.toReversed()) {
    try {
      await Deno.remove(path);
    } catch {
      return; // Somebody else has put something there meanwhile: it is needed after all.
    }
  }
}

function join(folder: string, segments: readonly string[]): string {
  return `${folder === "/" ? "" : folder}/${segments.join("/")}`;
}

function isSameFile(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.isFile && one.ino === other.ino && one.dev === other.dev;
}

async function lookAt(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** A link that leads nowhere has no real path: what it would lead to is not in the directory. */
async function realPathOrEmpty(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
