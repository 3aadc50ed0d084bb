// The entity tag and the date of a file (RFC 9110 section 8.8): what changes when the file does.

import { formatDate } from "../http/date.ts";
import type { Coding } from "../http/coding.ts";
import type { ResponseFields } from "../http/fields.ts";
import type { Validators } from "../http/preconditions.ts";

/**
 * The validators of a file in a coding. The entity tag is strong: an upload is always a new
 * inode, and whoever writes into the old one changes its time, of which Deno tells milliseconds.
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

/** The validators of a file whatever it was sent in: for conditions on writing. */
export function validatorsOfAll(info: Deno.FileInfo): Validators {
  const others = (["gzip", "br"] as const).map((coding) => validatorsOf(info, coding).etag);
  return { ...validatorsOf(info), others };
}

/** The fields that carry validators. */
export function validatorFields({ etag, lastModified }: Validators): ResponseFields {
  return { "ETag": etag, "Last-Modified": formatDate(lastModified) };
}
