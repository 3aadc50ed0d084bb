// Paths of the file system, and what the system says of them, absence being an answer.

/** How often a swap of directories has to succeed in a row to go unnoticed. */
const CHECKS = 4;

/** The path of something in a directory. */
export function join(directory: string, ...segments: readonly string[]): string {
  return `${directory === "/" ? "" : directory}/${segments.join("/")}`;
}

/** The path of the directory that a path is in. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** What is at a path, links not followed, or null where there is nothing. */
export async function lstat(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The same, without anything else happening in this program meanwhile. */
export function lstatSync(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The path without links, or null where it leads nowhere, or to where we may not look. */
export async function realPathOrNull(path: string): Promise<string | null> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    const isHidden = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.FilesystemLoop ||
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Error && "code" in error && error.code === "ENAMETOOLONG";
    if (isHidden) return null;
    throw error;
  }
}

/**
 * Whether an open file is the one at a path in which there is no link.
 *
 * Between two policy at a path, somebody with another way into the directory may swap a directory for
 * a link; there is no openat in Deno that would rule that out. So we look several times.
 */
export async function isFileAt(path: string, { dev, ino }: Deno.FileInfo): Promise<boolean> {
  for (let look = 0; look < CHECKS; look++) {
    if (await realPathOrNull(path) !== path) return false;
    const found = await lstat(path);
    if (!found?.isFile || found.dev !== dev || found.ino !== ino) return false;
  }
  return true;
}

/** The same, without anything else happening in this program meanwhile. */
export function isFileAtSync(path: string, { dev, ino }: Deno.FileInfo): boolean {
  try {
    for (let look = 0; look < CHECKS; look++) {
      if (Deno.realPathSync(path) !== path) return false;
      const found = Deno.lstatSync(path);
      if (!found.isFile || found.dev !== dev || found.ino !== ino) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether two policy saw the same file in the same state, as far as the system tells. */
export function isSameState(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.isFile && one.ino === other.ino && one.dev === other.dev && one.size === other.size &&
    isSameMoment(one.mtime, other.mtime) && isSameMoment(one.ctime, other.ctime);
}

/** Whether two times of a file are the same. */
export function isSameMoment(one: Date | null, other: Date | null): boolean {
  return one?.getTime() === other?.getTime();
}

/** What opens a directory. */
interface Opener {
  open(path: string): Deno.FsFile | Promise<Deno.FsFile>;
}

/** Directories that are open so that what is done in them can be made to last, power cut or not. */
export class DirectorySync {
  readonly #directories: readonly Deno.FsFile[];

  private constructor(directories: readonly Deno.FsFile[]) {
    this.#directories = directories;
  }

  /** Opens directories: before anything is done, so that a refusal comes in time. */
  static async open(paths: Iterable<string>, policy: Opener): Promise<DirectorySync> {
    const directories: Deno.FsFile[] = [];
    try {
      for (const path of paths) directories.push(await policy.open(path));
    } catch (error) {
      for (const directory of directories) directory.close();
      throw error;
    }
    return new DirectorySync(directories);
  }

  /** Makes it last. */
  async sync(): Promise<void> {
    for (const directory of this.#directories) await directory.sync();
  }

  /** Closes the directories. */
  [Symbol.dispose](): void {
    for (const directory of this.#directories) directory.close();
  }
}
