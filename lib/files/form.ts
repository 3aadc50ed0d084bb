// POST of a form with files (RFC 7578) to a folder: each file is stored as an upload of its own.

import { toStatusError } from "../disk/errors.ts";
import { checkSpace } from "../disk/file_system.ts";
import { allowsOverwrite } from "../http/destination.ts";
import { Fields } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { boundaryOf, type FormPart, FormReader } from "../http/multipart.ts";
import { negotiateType, withVary } from "../http/negotiation.ts";
import { StatusError } from "../http/status.ts";
import { collect } from "../http/content.ts";
import { DigestCheck } from "./digest.ts";
import { checkHead, formToFile, storeFile } from "./put.ts";
import { invalidName, nameOf, type Root, splitName } from "./root.ts";
import type { FileSettings } from "./settings.ts";
import type { WriteConditions } from "./validators.ts";

/** Files, and parts, of one form at most. Each file is synced: a thousand take seconds. */
const MAX_FILES = 1000;
const MAX_PARTS = 2000;

/** Bytes of the value `T` or `F`. */
const MAX_VALUE_LENGTH = 16;

/** A file that has been stored, as the response lists it. */
interface Stored {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly location: string;
  readonly etag: string;
}

/** A folder that gets the files of a form. */
interface Target {
  readonly root: Root;
  readonly request: HttpRequest;
  /** The name of the folder, which is empty or ends in a slash. */
  readonly name: string;
  /** The path of the folder in URLs. */
  readonly location: string;
  readonly settings: Pick<FileSettings, "allowsReplace" | "isDurable">;
}

/**
 * Stores the files of a form: 201 with a list, or 303 to the folder for a browser without script.
 * An error ends the request; files that came before it stay.
 *
 * @throws {StatusError} 400 for a malformed form, 412 for a file that exists where that is a
 * condition, 413 for too many parts, 415 for a form that is sent to a file's name, and whatever an upload throws.
 */
export async function storeForm(
  root: Root,
  request: HttpRequest,
  settings: Target["settings"],
): Promise<HttpResponse> {
  const { fields } = request;
  const boundary = boundaryOf(fields.get("Content-Type"));
  if (boundary === null) throw invalidName();
  const name = nameOf(request, invalidName);
  const isFolder = name === "" || name.endsWith("/");
  if (!isFolder && await root.findDirectory(name) === null) throw formToFile();
  checkHead(request);
  if (fields.has("Content-Digest") || fields.has("Repr-Digest")) {
    throw new StatusError(
      400,
      "The digest of a form cannot be checked before its files are stored.",
    );
  }
  const slash = isFolder ? "" : "/";
  const location = request.path + slash;
  const target = { root, request, name: name + slash, location, settings };
  if (isFolder && name !== "" && splitName(name.slice(0, -1), root.showsHidden) === null) {
    throw invalidName();
  }
  await checkSpace(root.path, request.content.length);
  return respond(request, location, await storeAll(target, boundary));
}

async function storeAll(target: Target, boundary: string): Promise<Stored[]> {
  const form = new FormReader(target.request.content, boundary);
  const stored: Stored[] = [];
  let isForNew = !allowsOverwrite(target.request.fields);
  try {
    let parts = 0;
    for (let part = await form.next(); part !== null; part = await form.next()) {
      if (++parts > MAX_PARTS || stored.length === MAX_FILES) {
        throw new StatusError(413, "The form has too many files for one request.");
      }
      const { name, fileName } = part;
      if (fileName === null) {
        if (name.toLowerCase() === "overwrite") isForNew = !await readOverwrite(part);
      } else if (fileName !== "") {
        stored.push(await store(target, part, { stored, isForNew }));
      } else if (await part.content.read() !== null) throw invalidName();
    }
  } catch (error) {
    throw withCount(toStatusError(error, "writing", target.request.path), stored.length);
  }
  if (stored.length === 0) throw new StatusError(400, "The form has no file.");
  return stored;
}

/** The field `overwrite`, before the files that it is about, has the values of the header. */
async function readOverwrite({ content }: FormPart): Promise<boolean> {
  const value = new TextDecoder().decode(await collect(content, MAX_VALUE_LENGTH));
  return allowsOverwrite(new Fields([["Overwrite", value]]));
}

async function store(
  { root, request: { method, fields }, name, location, settings }: Target,
  { fileName, fields: ofPart, content }: FormPart,
  { stored, isForNew }: { stored: readonly Stored[]; isForNew: boolean },
): Promise<Stored> {
  const { allowsReplace, isDurable } = settings;
  if (!/^(?:7bit|8bit|binary)$/i.test(ofPart.get("Content-Transfer-Encoding") ?? "binary")) {
    throw new StatusError(415, "Files in a form must not have a Content-Transfer-Encoding.");
  }
  const own = fileName!.slice(
    Math.max(fileName!.lastIndexOf("/"), fileName!.lastIndexOf("\\")) + 1,
  );
  if (splitName(own, root.showsHidden) === null) throw invalidName();
  if (stored.some((each) => each.name === own)) {
    throw new StatusError(400, "The form has two files of one name.");
  }
  const conditions: WriteConditions = { method, fields, allowsReplace, isForNew };
  const digest = await DigestCheck.of(ofPart);
  const options = { content, conditions, digest, isDurable };
  const { size, validators: { etag } } = await storeFile(root, name + own, options);
  return { name: own, size, location: location + encodeURIComponent(own), etag };
}

/** The sentence of an error with what has been done before it. */
function withCount(error: unknown, count: number): unknown {
  if (!(error instanceof StatusError) || count === 0) return error;
  const before = count === 1
    ? "The file before it is stored."
    : `${count} files before it are stored.`;
  return new StatusError(error.status, `${error.message} ${before}`, error.fields);
}

function respond(request: HttpRequest, folder: string, stored: readonly Stored[]): HttpResponse {
  const type = negotiateType(request.fields, ["application/json", "text/html"]);
  if (type === "text/html") {
    return { status: 303, fields: { "Location": folder, "Vary": "Accept" } };
  }
  const location = stored.length === 1 ? stored[0]!.location : folder;
  const fields = {
    "Content-Type": type,
    "Location": location,
    "X-Content-Type-Options": "nosniff",
  };
  return {
    status: 201,
    fields: withVary(fields, "Accept"),
    content: `${JSON.stringify(stored)}\n`,
  };
}
