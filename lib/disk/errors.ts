// What errors of the system mean to a client: docs/storage.md has the whole table.

import { StatusError } from "../http/status.ts";
import { UnresponsiveError } from "./blocking_calls.ts";

/** For `catch`: null after every error but that of a disk that does not answer. */
export function nullUnlessUnresponsive(error: unknown): null {
  if (error instanceof UnresponsiveError) throw error;
  return null;
}

/** For `catch`: null for what does not exist. */
export function nullIfNotFound(error: unknown): null {
  if (error instanceof Deno.errors.NotFound) return null;
  throw error;
}

/** For `catch`: null for a path that leads nowhere, may not be read or is too long. */
export function nullIfUnreachable(error: unknown): null {
  const isDenied = error instanceof Deno.errors.PermissionDenied;
  if (isNotFound(error) || isDenied || codeOf(error) === "ENAMETOOLONG") return null;
  throw error;
}

/** The numbers of errors that Deno gives no code: it only names them in the message. */
const NUMBERS: Readonly<Record<string, string>> = Deno.build.os === "linux"
  ? {
    "16": "EBUSY",
    "18": "EXDEV",
    "23": "ENFILE",
    "26": "ETXTBSY",
    "116": "ESTALE",
    "122": "EDQUOT",
  }
  : {
    "16": "EBUSY",
    "18": "EXDEV",
    "23": "ENFILE",
    "26": "ETXTBSY",
    "70": "ESTALE",
    "69": "EDQUOT",
  };

/** `Disk quota exceeded (os error 122): writefile '/path'` */
const SYSTEM_ERROR = /^[^():']+\(os error ([0-9]+)\)/;

/** The code of an error of the system, null where its number has no name here, or undefined. */
export function codeOf(error: unknown): string | null | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  const [, number] = SYSTEM_ERROR.exec(error.message) ?? [];
  return number === undefined ? undefined : NUMBERS[number] ?? null;
}

const RETRY: Readonly<Record<string, string>> = { "Retry-After": "1" };

/**
 * The error to answer with after a failed call. Faults of the server are returned as they are: they
 * become a 500 and are reported. docs/storage.md has the whole table.
 *
 * @param path What was read or written, for the report.
 */
export function toStatusError(error: unknown, use: "reading" | "writing", path = ""): unknown {
  if (!(error instanceof Error) || error instanceof StatusError) return error;
  if (error instanceof Deno.errors.PermissionDenied) {
    return new StatusError(403, "The server has no permission to access this file.");
  }
  const code = codeOf(error);
  switch (code) {
    case "EROFS":
      return new StatusError(403, "The disk is read-only.");
    case "ENOSPC":
    case "EDQUOT":
      return noSpace();
    case "EBUSY":
      return new StatusError(409, "The system uses this folder: a disk is mounted there, perhaps.");
    case "EXDEV": // RFC 4918 section 9.9.4
      return new StatusError(
        502,
        "The destination is on another file system: copy the file instead.",
      );
    case "ENAMETOOLONG":
      return use === "reading" ? notFound() : new StatusError(400, "The file name is too long.");
    case "ESTALE": // NFS: another client has removed the file.
      return new StatusError(503, "The file was just removed or replaced: try again.", RETRY);
    case "EMFILE":
    case "ENFILE":
      return new StatusError(503, "The server has too many files open: try again.", RETRY);
  }
  if (error instanceof Deno.errors.AlreadyExists && use === "writing") return conflict();
  if (isNotFound(error)) return use === "reading" ? notFound() : conflict();
  if (code !== undefined) printOnOneLine(error, path);
  return error;
}

/**
 * Has `console.error` print an error of the system as one line: its stack says nothing about a
 * disk. The name of a file may contain any character, and must not look like another line.
 *
 * @param path What was read or written, for errors of open files, which do not say it.
 */
export function printOnOneLine(error: unknown, path: string): void {
  if (!(error instanceof Error)) return;
  const message = error.message.endsWith(")") ? `${error.message}: ${path}` : error.message;
  // deno-lint-ignore no-control-regex -- they would change what a terminal shows
  const escaped = message.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  Object.defineProperty(error, Symbol.for("Deno.customInspect"), {
    value: () => `${error.name}: ${escaped}`,
    configurable: true, // An error may pass here twice.
  });
}

function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.IsADirectory || error instanceof Deno.errors.FilesystemLoop;
}

/** The error for a file that does not exist, or that clients may not see. */
export function notFound(): StatusError {
  return new StatusError(404, "There is no such file.");
}

/** The error for a full disk. */
export function noSpace(): StatusError {
  return new StatusError(507, "There is not enough space left on the disk for this file.");
}

function conflict(): StatusError {
  return new StatusError(409, "Another file or directory is in the way, or the directory is gone.");
}
