// The entity tag and the date of a file (RFC 9110 section 8.8): what changes when the file does.

import { formatDate } from "../http/date.ts";
import type { Coding } from "../http/negotiation.ts";
import type { ResponseFields } from "../http/fields.ts";
import type { Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import type { FileSystem } from "./fs.ts";

/**
 * The validators of a file in a coding. The entity tag is strong as long as files are replaced:
 * an upload is always a new inode. Whoever writes into the old one changes its time, of which Deno
 * tells milliseconds.
 *
 * @param info What the system says of the file.
 * @param coding The content coding that it is sent in: another representation, another tag.
 */
export function validatorsOf(info: Deno.FileInfo, coding: Coding | null = null): Validators {
  const lastModified = info.mtime?.getTime() ?? 0;
  const parts = [info.size, lastModified, info.ino ?? 0].map((part) => part.toString(36));
  if (coding !== null) parts.push(coding);
  return { etag: `"${parts.join("-")}"`, lastModified };
}

/** Ready-made codings beside a file, by what follows its name: the smaller one first. */
export const PRECOMPRESSED: ReadonlyMap<Coding, string> = new Map([["br", ".br"], ["gzip", ".gz"]]);

/** Whether a ready-made coding is older than what it is a coding of. */
export function isStale(precompressed: Deno.FileInfo, original: Deno.FileInfo): boolean {
  return precompressed.mtime! < original.mtime!;
}

/**
 * The validators of the file at a path, or null where there is none, for conditions on writing:
 * the tag of any form that the file may have been got in will do.
 */
export async function currentValidators(
  path: string,
  fs: FileSystem,
): Promise<Validators | null> {
  const info = await fs.lstat(path);
  if (info === null) return null;
  const others: string[] = [];
  for (const [coding, ending] of PRECOMPRESSED) {
    const precompressed = await fs.lstat(path + ending);
    others.push(validatorsOf(info, coding).etag);
    if (precompressed !== null && !isStale(precompressed, info)) {
      others.push(validatorsOf(precompressed, coding).etag);
    }
  }
  return { ...validatorsOf(info), others };
}

/** The fields that carry validators. */
export function validatorFields({ etag, lastModified }: Validators): ResponseFields {
  return { "ETag": etag, "Last-Modified": formatDate(lastModified) };
}

/** The error for a file that does not meet the conditions of the request. */
export function preconditionFailed(): StatusError {
  return new StatusError(412, "The file as it is now does not meet the request's conditions.");
}
