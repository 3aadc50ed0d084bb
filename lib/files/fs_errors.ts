// What the file system refuses, as the status that a client understands. Everything else is a
// fault of the server's and stays what it is.

import { StatusError } from "../http/status.ts";
import { noSpace } from "./file_system.ts";

/**
 * The error to answer with after an operation on a client's file has failed.
 *
 * @param use What the file was wanted for: what is not there cannot be read, what is in the
 * way cannot be written over.
 */
export function toStatusError(
  error: unknown,
  use: "reading" | "writing",
): unknown {
  if (!(error instanceof Error) || error instanceof StatusError) return error;
  if (error instanceof Deno.errors.PermissionDenied) {
    return new StatusError(403, "The server may not touch this file.");
  }
  switch ("code" in error ? error.code : undefined) {
    case "EROFS":
      return new StatusError(403, "The directory is read-only.");
    case "ENOSPC":
    case "EDQUOT":
      return noSpace();
    case "ENAMETOOLONG":
      return use === "reading"
        ? notFound()
        : new StatusError(400, "The name of the file is too long.");
    case "ESTALE": // NFS: somebody else has removed it meanwhile.
      return new StatusError(503, "The file has gone from under us.", { "Retry-After": "1" });
    case "EMFILE":
    case "ENFILE":
      return new StatusError(503, "The server has too many files open.", { "Retry-After": "1" });
  }
  if (error instanceof Deno.errors.AlreadyExists && use === "writing") return inTheWay();
  if (isNotFound(error)) return use === "reading" ? notFound() : inTheWay();
  return error;
}

function isNotFound(error: Error): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.IsADirectory || error instanceof Deno.errors.FilesystemLoop;
}

/** The error for a file that has changed, or is not there, against the request's conditions. */
export function preconditionFailed(): StatusError {
  return new StatusError(412, "The file is not in the state that the request asks for.");
}

/** The error for a file that is not there, or not to be seen. */
export function notFound(): StatusError {
  return new StatusError(404, "There is no such file.");
}

function inTheWay(): StatusError {
  return new StatusError(
    409,
    "Something else is in the way of the file, or its directory is gone.",
  );
}
