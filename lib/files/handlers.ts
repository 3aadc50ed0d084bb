// The handlers of /files: what a client may ask of the directory.

import { encodeContent } from "../http/coding.ts";
import type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import type { Directory } from "./directory.ts";
import { notFound, toStatusError } from "./faults.ts";
import { FileContent } from "./file_content.ts";
import { hasCompressedEnding } from "./names.ts";
import { storeFile } from "./upload.ts";

/** What answers for the files of one directory. The parameter `name` names the file. */
export interface FileHandlers {
  /** Sends a file: 200, or 404. */
  readonly read: Handler;
  /** Stores the request's content as a file: 201. */
  readonly write: Handler;
}

/** The handlers for a directory, or those that say that there is none. */
export function fileHandlers(directory: Directory | null): FileHandlers {
  if (directory === null) return { read: refuse, write: refuse };
  return {
    read: (request) => readFile(directory, request),
    write: (request) => writeFile(directory, request),
  };
}

function refuse(): never {
  throw new StatusError(
    404,
    "No directory is served: start the server with --directory DIR.",
  );
}

async function readFile(
  directory: Directory,
  request: HttpRequest,
): Promise<HttpResponse> {
  const name = request.parameters["name"]!;
  if (hasEncodedSlash(request)) throw notFound();
  const open = await directory.openFile(name).catch((error) => {
    throw toStatusError(error, "reading");
  });
  if (open === null) throw notFound();
  const response: HttpResponse = {
    status: 200,
    fields: { "Content-Type": "application/octet-stream" },
    content: new FileContent(open.file, open.info.size),
  };
  return hasCompressedEnding(name) ? response : await encodeContent(request, response);
}

async function writeFile(
  directory: Directory,
  request: HttpRequest,
): Promise<HttpResponse> {
  if (hasEncodedSlash(request)) {
    throw new StatusError(400, "A file cannot have this name.");
  }
  if (request.minor === 0 && request.framing.type === "none") {
    // Before HTTP/1.1, content could also end with the connection (RFC 1945 section 7.2.2).
    throw new StatusError(411, "An upload by HTTP/1.0 needs a Content-Length.");
  }
  try {
    await storeFile(directory, request.parameters["name"]!, request.content);
  } catch (error) {
    throw toStatusError(error, "writing");
  }
  return { status: 201 };
}

/** An encoded slash is part of a name, not between names; and no file's name has one. */
function hasEncodedSlash(request: HttpRequest): boolean {
  return /%2f/i.test(request.path);
}
