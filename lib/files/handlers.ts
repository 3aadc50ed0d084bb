// The handlers of /files: what a client may ask of the root.

import { encodeContent } from "../compression.ts";
import { negotiateType, withVary } from "../http/negotiation.ts";
import type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
import { evaluatePreconditions, type Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import { DigestCheck } from "./digest.ts";
import type { Root } from "./root.ts";
import { notFound, toStatusError } from "./fs.ts";
import { FileCache } from "./cache.ts";
import { JSON_FIELDS, listDirectory, PAGE_FIELDS, toHtml, toJson } from "./list.ts";
import { readCachedFile, readFile } from "./get.ts";
import { removeFile } from "./delete.ts";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "./settings.ts";
import { storeFile } from "./put.ts";
import { preconditionFailed, validatorFields } from "./validators.ts";

/** What answers for the files of one root; null for what is not allowed there. */
export interface FileHandlers {
  /** Leads from the directory's name without its slash to the one with it. */
  readonly redirect: Handler | null;
  /** Sends the file that the parameter `name` names, or the listing of a directory. */
  readonly read: Handler | null;
  /** Stores the request's content: 201. */
  readonly post: Handler | null;
  /** Stores the request's content: 201 where it is new, else 204. */
  readonly put: Handler | null;
  /** Deletes a file: 204. */
  readonly remove: Handler | null;
}

/**
 * The handlers for a root, or those that say that there is none.
 *
 * @param clock Tells how long ago a file was changed: milliseconds since 1970.
 */
export function fileHandlers(
  root: Root | null,
  settings: FileSettings = DEFAULT_FILE_SETTINGS,
  clock: () => number = Date.now,
): FileHandlers {
  if (root === null) {
    return { redirect: null, read: refuse, post: refuse, put: refuse, remove: null };
  }
  const files = new Files(root, settings, clock);
  const isWritable = !settings.isReadOnly;
  return {
    redirect: addSlash,
    read: (request) => files.read(request),
    post: isWritable ? (request) => files.write(request) : null,
    put: isWritable ? (request) => files.write(request) : null,
    remove: isWritable && settings.allowsDelete ? (request) => files.remove(request) : null,
  };
}

function refuse(): never {
  throw new StatusError(404, "No directory is served: start the server with --directory DIR.");
}

/** A directory's own URL ends in a slash, or the links of its listing would lead astray. */
function addSlash({ path, query }: HttpRequest): HttpResponse {
  return { status: 308, fields: { "Location": `${path}/${query === null ? "" : `?${query}`}` } };
}

/** The files of one root. */
class Files {
  readonly #root: Root;
  readonly #settings: FileSettings;
  readonly #cache: FileCache;

  constructor(root: Root, settings: FileSettings, clock: () => number) {
    this.#root = root;
    this.#settings = settings;
    this.#cache = new FileCache(root.fs, clock);
  }

  read(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    const name = request.parameters["name"]!;
    if (hasEncodedSlash(request)) throw notFound();
    return readCachedFile(this.#cache, request, name) ?? this.#read(request, name);
  }

  async #read(request: HttpRequest, name: string): Promise<HttpResponse> {
    try {
      return await this.#readFile(request, name) ?? await this.#readDirectory(request, name);
    } catch (error) {
      throw toStatusError(error, "reading");
    }
  }

  async #readFile(request: HttpRequest, name: string): Promise<HttpResponse | null> {
    if (name === "" || name.endsWith("/")) return null;
    return await readFile(this.#root, this.#cache, this.#settings, request, name);
  }

  async #readDirectory(request: HttpRequest, name: string): Promise<HttpResponse> {
    const isComplete = name === "" || name.endsWith("/");
    const directory = await this.#root.findDirectory(name.replace(/(?<=.)\/$/, ""));
    if (directory === null) throw notFound();
    if (!isComplete) return addSlash(request);
    const entries = await listDirectory(this.#root, directory);
    const type = negotiateType(request.fields, ["text/html", "application/json"]);
    const response: HttpResponse = type === "application/json"
      ? { status: 200, fields: JSON_FIELDS, content: toJson(entries) }
      : { status: 200, fields: PAGE_FIELDS, content: toHtml(entries, `/${name}`, name === "") };
    const fields = withVary(response.fields!, "Accept");
    return await encodeContent(request, { ...response, fields });
  }

  async write(request: HttpRequest): Promise<HttpResponse> {
    checkUpload(request);
    const { isNew, validators } = await this.#store(request).catch((error) => {
      throw toStatusError(error, "writing");
    });
    const status = request.method === "PUT" && !isNew ? 204 : 201;
    return { status, fields: { "Location": request.path, ...validatorFields(validators) } };
  }

  async #store(request: HttpRequest): ReturnType<typeof storeFile> {
    const { isDurable, allowsReplace } = this.#settings;
    return await storeFile(this.#root, request.parameters["name"]!, request.content, {
      check: (current) => this.#check(request, current),
      isCreator: !allowsReplace || request.fields.get("If-None-Match") === "*",
      digest: await DigestCheck.of(request.fields),
      isDurable,
    });
  }

  /** Throws where a file may not be written, given the one that is there. */
  #check({ method, fields }: HttpRequest, current: Validators | null): void {
    if (evaluatePreconditions(method, fields, current, Date.now()) === "failed") {
      throw preconditionFailed();
    }
    if (current !== null && !this.#settings.allowsReplace) {
      throw new StatusError(409, "There is a file of this name, and it is not to be replaced.");
    }
  }

  async remove(request: HttpRequest): Promise<HttpResponse> {
    if (hasEncodedSlash(request)) throw notFound();
    try {
      await removeFile(this.#root, request.parameters["name"]!, {
        check: (current) => {
          if (evaluatePreconditions("DELETE", request.fields, current, Date.now()) === "failed") {
            throw preconditionFailed();
          }
        },
        isDurable: this.#settings.isDurable,
      });
    } catch (error) {
      throw toStatusError(error, "reading");
    }
    return { status: 204 };
  }
}

/** What can be told of an upload by its head alone. */
function checkUpload(request: HttpRequest): void {
  if (hasEncodedSlash(request)) throw new StatusError(400, "A file cannot have this name.");
  if (request.minorVersion === 0 && request.framing.type === "none") {
    // Before HTTP/1.1, content could also end with the connection (RFC 1945 section 7.2.2).
    throw new StatusError(411, "An upload by HTTP/1.0 needs a Content-Length.");
  }
  const coding = request.fields.get("Content-Encoding");
  if (coding !== null && coding !== "" && coding.toLowerCase() !== "identity") {
    const accepted = { "Accept-Encoding": "identity" };
    throw new StatusError(415, "Content is stored as it is: send it without a coding.", accepted);
  }
  if (request.fields.has("Content-Range")) {
    throw new StatusError(400, "A part of a file cannot be stored."); // RFC 9110 section 14.5
  }
}

/** An encoded slash is part of a name, not between names; and no file's name has one. */
function hasEncodedSlash({ path }: HttpRequest): boolean {
  return path.includes("%") && /%2f/i.test(path);
}
