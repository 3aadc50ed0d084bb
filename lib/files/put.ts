// A file comes in under a temporary name in its own directory and appears by one rename, or link:
// whoever reads the name finds the old file or the new one, whole, at any moment, however it
// ends. The temporary file is locked, so that whoever sweeps knows that somebody is at work.

import type { Content } from "../http/content.ts";
import type { Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import type { DigestCheck } from "./digest.ts";
import { type Root, temporaryName, type UploadTarget } from "./root.ts";
import { BufferedWriter } from "./file_body.ts";
import { withDirectoryLock, withLock } from "./lock.ts";
import { checkSpace, type FileSystem, join, link, open, parentOf, remove, rename } from "./fs.ts";
import { currentValidators, validatorsOf } from "./validators.ts";

/** How often a directory may be taken away under an upload's feet before that is an error. */
const TARGET_TRIES = 8;

/** Under which conditions a file is stored, and how. */
export interface StoreOptions {
  /**
   * Throws where the file may not be stored, given the one that is there. It is asked before the
   * content is read, and again, with nobody else at work on the name, before it takes its place.
   */
  readonly check: (current: Validators | null) => void;
  /** Whether an existing file is never to be replaced, not even one that has just appeared. */
  readonly isCreator: boolean;
  /** Checks the content. */
  readonly digest: DigestCheck;
  /** Whether the file is to last through a power cut. */
  readonly isDurable: boolean;
}

/** A file that has been stored. */
export interface StoredFile {
  /** Whether there was none of the name before. */
  readonly isNew: boolean;
  /** Its validators. */
  readonly validators: Validators;
}

/**
 * Stores content as a file.
 *
 * @param root The root to store it in.
 * @param name The name that the client gave, decoded.
 * @param content The bytes, which are streamed.
 * @throws {StatusError} where the name or the content is refused.
 */
export async function storeFile(
  root: Root,
  name: string,
  content: Content,
  options: StoreOptions,
): Promise<StoredFile> {
  const upload = await begin(root, name, content, options);
  let isStored = false;
  try {
    const info = await fill(root, upload.file, content, options);
    const { path } = upload.place;
    const directories = options.isDurable ? changedDirectories(root, upload.place) : [];
    const isNew = await root.fs.withSync(directories, async () => {
      const isNew = await withLock(
        path,
        () => withDirectoryLock(root.fs, parentOf(path), () => commit(root, upload, options)),
      );
      isStored = true;
      return isNew;
    });
    return { isNew, validators: validatorsOf(info) };
  } finally {
    // Closed only now: the lock goes with it, and then anybody might sweep the file away.
    upload.file.close();
    if (!isStored) await removeIfThere(upload.temporary);
    await root.releaseUploadTarget(upload.place, isStored);
  }
}

interface Upload {
  readonly place: UploadTarget;
  readonly temporary: string;
  readonly file: Deno.FsFile;
}

/** Another upload that fails may take away the directories that it has made: then we begin again. */
async function begin(
  root: Root,
  name: string,
  content: Content,
  options: StoreOptions,
): Promise<Upload> {
  for (let tries = 1;; tries++) {
    try {
      const place = await root.resolveUploadTarget(name);
      try {
        options.check(await currentValidators(place.path, root.fs));
        await checkSpace(parentOf(place.path), content.length);
        return { place, ...await openTemporary(parentOf(place.path), root.fs) };
      } catch (error) {
        await root.releaseUploadTarget(place, false);
        throw error;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || tries === TARGET_TRIES) throw error;
    }
  }
}

async function openTemporary(
  directory: string,
  fs: FileSystem,
): Promise<Omit<Upload, "place">> {
  const temporary = join(directory, temporaryName());
  const file = await open(temporary, { write: true, createNew: true });
  try {
    const isOurs = await fs.tryLock(file);
    if (isOurs && await fs.isFileAt(temporary, await fs.fstat(file))) {
      return { temporary, file };
    }
    // A sweep that came between has the lock, or has gone with the file.
    if (!isOurs || await fs.lstat(temporary) === null) {
      throw new Deno.errors.NotFound("It was swept away");
    }
    throw new StatusError(403, "A link on the way leads out of the root.");
  } catch (error) {
    file.close();
    await removeIfThere(temporary);
    throw error;
  }
}

/** Fills the temporary file; gives what the system says of it then. */
async function fill(
  { fs }: Root,
  file: Deno.FsFile,
  content: Content,
  { digest, isDurable }: StoreOptions,
): Promise<Deno.FileInfo> {
  const writer = new BufferedWriter(file, content.length);
  try {
    for await (const piece of content) {
      digest.update(piece);
      await writer.write(piece);
    }
    await writer.flush();
  } finally {
    await writer.close();
  }
  digest.verify();
  if (isDurable) await file.sync();
  return await fs.fstat(file);
}

/** Gives the temporary file its name; returns whether the name is new. */
async function commit(
  { fs }: Root,
  { place: { path }, temporary }: Upload,
  { check, isCreator }: StoreOptions,
): Promise<boolean> {
  const current = await currentValidators(path, fs);
  check(current);
  if (!isCreator) {
    await rename(temporary, path);
    return current === null;
  }
  try {
    // Of two that link the same name at the same moment, in whatever process, one fails.
    await link(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) check(await currentValidators(path, fs));
    throw error;
  }
  await removeIfThere(temporary);
  return true;
}

/** The directories that a new name changes: its own, and those that the directories made for it are in. */
function changedDirectories(root: Root, { path, directories }: UploadTarget): Set<string> {
  return new Set([
    parentOf(path),
    ...directories.filter((each) => root.isNew(each)).map(parentOf),
  ]);
}

/** Removes a temporary file. Where that fails, what has led here is the error worth telling. */
async function removeIfThere(temporary: string): Promise<void> {
  try {
    await remove(temporary);
  } catch {
    return;
  }
}
