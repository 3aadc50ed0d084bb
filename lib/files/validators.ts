// The validators of files (RFC 9110 section 8.8), and the conditions of writing (section 13).

import { formatDate } from "../http/date.ts";
import type { Fields, ResponseFields } from "../http/fields.ts";
import type { HttpRequest } from "../http/message.ts";
import type { Coding } from "../http/negotiation.ts";
import { evaluatePreconditions, type Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import { nullIfUnreachable } from "../disk/errors.ts";
import type { FileSystem } from "../disk/file_system.ts";

/**
 * The validators of a file in a coding, null for none. The entity tag is strong: an upload is
 * always a new inode, and a write into the old one changes its time.
 */
export function validatorsOf(info: Deno.FileInfo, coding: Coding | null = null): Validators {
  const lastModified = info.mtime?.getTime() ?? 0;
  const parts = [info.size, lastModified, info.ino ?? 0].map((part) => part.toString(36));
  if (coding !== null) parts.push(coding);
  return { etag: `"${parts.join("-")}"`, lastModified };
}

/** The endings of precompressed files beside a file, the smaller ones first. */
export const PRECOMPRESSED: ReadonlyMap<Coding, string> = new Map([["br", ".br"], ["gzip", ".gz"]]);

/** Whether a precompressed file is older than its original. */
export function isStale(precompressed: Deno.FileInfo, original: Deno.FileInfo): boolean {
  return precompressed.mtime! < original.mtime!;
}

/** The validators of all forms of the file at a path, for conditions of writing; null for none. */
export async function currentValidators(path: string, fs: FileSystem): Promise<Validators | null> {
  return await validatorsOfAll(path, await fs.lstat(path), fs);
}

/** The same for a file that has just been found, or null. */
export async function validatorsOfAll(
  path: string,
  info: Deno.FileInfo | null,
  fs: FileSystem,
): Promise<Validators | null> {
  if (info === null) return null;
  const others: string[] = [];
  for (const [coding, ending] of PRECOMPRESSED) {
    // With the ending, the name may be longer than the file system allows.
    const precompressed = await fs.lstat(path + ending).catch(nullIfUnreachable);
    others.push(validatorsOf(info, coding).etag);
    if (precompressed !== null && !isStale(precompressed, info)) {
      others.push(validatorsOf(precompressed, coding).etag);
    }
  }
  return { ...validatorsOf(info), others };
}

/** The same for what may be a directory, which has an entity tag only to be compared with `*`. */
export async function validatorsOfAny(
  path: string,
  info: Deno.FileInfo,
  fs: FileSystem,
): Promise<Validators | null> {
  return info.isDirectory ? validatorsOf(info) : await validatorsOfAll(path, info, fs);
}

/** The fields with validators. */
export function validatorFields({ etag, lastModified }: Validators): ResponseFields {
  return { "ETag": etag, "Last-Modified": formatDate(lastModified) };
}

/** What allows to write or delete a file. */
export interface WriteConditions {
  readonly method: string;
  /** The fields of the request, some of which are conditions. */
  readonly fields: Fields;
  /** Whether an existing file may be replaced or deleted. */
  readonly allowsReplace: boolean;
  /** Whether the request itself asks for a new file, as `If-None-Match: *` does. */
  readonly isForNew?: boolean;
}

/** The conditions of a request for which nothing is replaced. */
export function conditionsOf({ method, fields }: HttpRequest): WriteConditions {
  return { method, fields, allowsReplace: true };
}

/**
 * Checks conditions against the validators of the file as it is, null for no file.
 *
 * @param now Milliseconds since 1970.
 * @throws {StatusError} 412 for a condition of the request, 409 for a file that may not be replaced.
 */
export function checkPreconditions(
  { method, fields, allowsReplace, isForNew = false }: WriteConditions,
  current: Validators | null,
  now: number,
): void {
  if (evaluatePreconditions(method, fields, current, now) === "failed") throw preconditionFailed();
  if (current !== null && isForNew) throw preconditionFailed();
  if (current !== null && !allowsReplace) {
    throw new StatusError(409, "The file exists already, and this server does not replace files.");
  }
}

/** Whether only a new file meets the conditions. */
export function requiresNewFile(conditions: WriteConditions): boolean {
  const { fields, allowsReplace, isForNew = false } = conditions;
  return isForNew || !allowsReplace || fields.get("If-None-Match") === "*";
}

/** The error for a condition of the request that fails. */
export function preconditionFailed(): StatusError {
  return new StatusError(412, "The file as it is now does not meet the request's conditions.");
}
