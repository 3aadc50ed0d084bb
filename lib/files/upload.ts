// A file comes in under a temporary name in its own folder and appears by one rename: whoever
// reads the name finds the old file or the new one, whole, at any moment, however it ends.

import type { Content } from "../http/content.ts";
import { StatusError } from "../http/status.ts";
import { type Directory, type Place, removeFolders } from "./directory.ts";
import { temporaryName } from "./names.ts";

/** How often a folder may be taken away under an upload's feet before that is an error. */
const PLACE_TRIES = 8;

/**
 * Stores content as a file, in place of an older one of the name.
 *
 * @param directory The directory to store it in.
 * @param name The name that the client gave, decoded.
 * @param content The octets, which are streamed.
 * @throws {StatusError} where the name or the content is refused.
 */
export async function storeFile(
  directory: Directory,
  name: string,
  content: Content,
): Promise<void> {
  const { place, temporary, file } = await begin(directory, name);
  try {
    try {
      for await (const piece of content) await writeAll(file, piece);
    } finally {
      file.close();
    }
    await Deno.rename(temporary, place.path);
  } catch (error) {
    await Deno.remove(temporary);
    await removeFolders(place.madeFolders);
    throw error;
  }
}

interface Upload {
  readonly place: Place;
  readonly temporary: string;
  readonly file: Deno.FsFile;
}

/** Another upload that fails may take away the folders that it has made: then we begin again. */
async function begin(directory: Directory, name: string): Promise<Upload> {
  for (let tries = 1;; tries++) {
    try {
      return await open(await directory.findPlace(name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || tries === PLACE_TRIES) throw error;
    }
  }
}

async function open(place: Place): Promise<Upload> {
  const temporary = `${place.folder}/${temporaryName()}`;
  try {
    const file = await Deno.open(temporary, { write: true, createNew: true });
    await checkFolder(temporary, file);
    return { place, temporary, file };
  } catch (error) {
    await removeFolders(place.madeFolders);
    throw error;
  }
}

/** A link planted after the folder was looked at would have led the new file elsewhere. */
async function checkFolder(
  temporary: string,
  file: Deno.FsFile,
): Promise<void> {
  if (await Deno.realPath(temporary) === temporary) return;
  file.close();
  await Deno.remove(temporary);
  throw new StatusError(403, "A link on the way leads out of the directory.");
}

async function writeAll(file: Deno.FsFile, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length;) {
    at += await file.write(octets.subarray(at));
  }
}
