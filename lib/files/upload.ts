// A file comes in under a temporary name in its own folder and appears by one rename: whoever
// reads the name finds the old file or the new one, whole, at any moment, however it ends.

import type { Content } from "../http/content.ts";
import { StatusError } from "../http/status.ts";
import { type Directory, folderOf, isFileAt, type Place } from "./directory.ts";
import { GatheringWriter } from "./gathering_writer.ts";
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
  let isStored = false;
  try {
    try {
      await write(content, file);
    } finally {
      file.close();
    }
    await Deno.rename(temporary, place.path);
    isStored = true;
  } finally {
    if (!isStored) await removeIfThere(temporary);
    await directory.giveBack(place, isStored);
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
      const place = await directory.findPlace(name);
      try {
        return { place, ...await openTemporary(folderOf(place.path)) };
      } catch (error) {
        await directory.giveBack(place, false);
        throw error;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || tries === PLACE_TRIES) throw error;
    }
  }
}

async function openTemporary(folder: string): Promise<Omit<Upload, "place">> {
  const temporary = `${folder === "/" ? "" : folder}/${temporaryName()}`;
  const file = await Deno.open(temporary, { write: true, createNew: true });
  try {
    if (await isFileAt(temporary, await file.stat())) return { temporary, file };
    throw new StatusError(403, "A link on the way leads out of the directory.");
  } catch (error) {
    file.close();
    await removeIfThere(temporary);
    throw error;
  }
}

async function write(content: Content, file: Deno.FsFile): Promise<void> {
  const writer = new GatheringWriter(file);
  for await (const piece of content) await writer.write(piece);
  await writer.flush();
}

/** Removes a temporary file. Where that fails, what has led here is the error worth telling. */
async function removeIfThere(temporary: string): Promise<void> {
  try {
    await Deno.remove(temporary);
  } catch {
    return;
  }
}
