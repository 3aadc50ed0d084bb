// A file as a response: which representation of it, whether the client has it already, and which
// part is wanted, in the order of RFC 9110 section 13.2.2.

import { create as contentDisposition } from "content-disposition"; // RFC 6266, typed, no dependencies
import { canEncode, DYNAMIC_CODINGS, encode } from "../compression.ts";
import type { ResponseFields } from "../http/fields.ts";
import { type Coding, negotiateCoding, withVary } from "../http/negotiation.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { evaluatePreconditions, isRangeCurrent, type Validators } from "../http/preconditions.ts";
import { contentRange, layOutRanges, selectRanges } from "../http/range.ts";
import { StatusError } from "../http/status.ts";
import { collect } from "../http/content.ts";
import type { Root } from "./root.ts";
import { join, type OpenFile } from "./fs.ts";
import { FileContent, MultipartContent } from "./file_body.ts";
import { type FileCache, MAX_CACHED_SIZE } from "./cache.ts";
import type { FileSettings } from "./settings.ts";
import {
  isStale,
  PRECOMPRESSED,
  preconditionFailed,
  validatorFields,
  validatorsOf,
} from "./validators.ts";

/** One of the forms that a file can be sent in. */
interface Representation {
  /** The file that it is made from. */
  readonly open: OpenFile;
  /** Its content coding. */
  readonly coding: Coding | null;
  /** Whether the file has that coding already. */
  readonly isPrecompressed: boolean;
  /** Whether another request could have got another one. */
  readonly isChosen: boolean;
}

/** Every coding that a file might be sent in. */
const ALL_CODINGS: readonly Coding[] = [...PRECOMPRESSED.keys()];

/**
 * Sends a file that is cache in memory, all of it or nothing new.
 *
 * @param name The name that the client gave, decoded.
 * @returns The response, or null where the file has to be read.
 * @throws {StatusError} 412.
 */
export function readCachedFile(
  cache: FileCache,
  { method, fields, query }: HttpRequest,
  name: string,
): HttpResponse | null {
  const file = query === null && !fields.has("Range") ? cache.find(name) : null;
  if (file === null) return null;
  if (file.isCodable && negotiateCoding(fields, ALL_CODINGS) !== null) return null;
  const { validators, response } = file;
  switch (evaluatePreconditions(method, fields, validators, Date.now())) {
    case "failed":
      throw preconditionFailed();
    case "not modified":
      return { status: 304, fields: commonFields(validators, file.isCodable) };
    case "holds":
      return response;
  }
}

/**
 * Sends a file.
 *
 * @param cache Where the file is cache for the next time, if it is small.
 * @param name The name that the client gave, decoded.
 * @returns The response, or null where there is no such file.
 * @throws {StatusError} 412 or 416.
 */
export async function readFile(
  root: Root,
  cache: FileCache,
  settings: FileSettings,
  request: HttpRequest,
  name: string,
): Promise<HttpResponse | null> {
  const original = await root.openFile(name);
  if (original === null) return null;
  let open = original;
  try {
    const representation = await choose(root, request, name, original);
    open = representation.open;
    const type = await typeFields(name, settings.guessesTypes);
    const response = await respond(request, name, representation, type);
    if (typeof response.content !== "object") open.close();
    const isWhole = request.method === "GET" && request.query === null &&
      response.content instanceof FileContent && response.content.length === open.info.size;
    const isCached = representation.coding === null && open.info.size <= MAX_CACHED_SIZE && isWhole;
    return isCached ? await cacheFile(root, cache, name, representation, response) : response;
  } catch (error) {
    open.close();
    throw error;
  }
}

/** Reads a small file into memory, to be sent from there now and the next time. */
async function cacheFile(
  root: Root,
  cache: FileCache,
  name: string,
  { open, isChosen }: Representation,
  response: HttpResponse,
): Promise<HttpResponse> {
  const { info, path } = open;
  const isQuiescent = cache.isCacheable(info);
  const bytes = await collect(response.content as FileContent, info.size);
  const isDirect = path === join(root.path, name);
  if (!isQuiescent || !isDirect || response.status !== 200) return { ...response, content: bytes };
  const fields = Object.freeze(response.fields!);
  const whole = { ...response, fields, content: bytes };
  cache.put(name, {
    path,
    info,
    isCodable: isChosen,
    validators: validatorsOf(info),
    response: whole,
  });
  return whole;
}

/** Chooses the representation. A range is always one of the file as it is. */
async function choose(
  root: Root,
  { method, fields }: HttpRequest,
  name: string,
  original: OpenFile,
): Promise<Representation> {
  const plain = { open: original, coding: null, isPrecompressed: false };
  if (hasCompressedEnding(name)) return { ...plain, isChosen: false };
  const isPartial = method === "GET" && /^bytes=/i.test(fields.get("Range") ?? "");
  if (isPartial || original.info.size === 0) return { ...plain, isChosen: true };
  const offered = [...ALL_CODINGS];
  for (let next = negotiateCoding(fields, offered); next !== null;) {
    const open = await openPrecompressed(root, name + PRECOMPRESSED.get(next)!, original.info);
    if (open !== null) {
      original.close();
      return { open, coding: next, isPrecompressed: true, isChosen: true };
    }
    offered.splice(offered.indexOf(next), 1);
    next = negotiateCoding(fields, offered);
  }
  const onTheWay = canEncode(original.info.size) ? DYNAMIC_CODINGS : [];
  return { ...plain, coding: negotiateCoding(fields, onTheWay), isChosen: true };
}

/** A ready-made coding, unless it is older than what it is a coding of. */
async function openPrecompressed(
  root: Root,
  name: string,
  original: Deno.FileInfo,
): Promise<OpenFile | null> {
  const open = await root.openFile(name).catch(toNull);
  if (open === null || !isStale(open.info, original)) return open;
  open.close();
  return null;
}

/** A coding that cannot be had is none; the file itself can be sent all the same. */
function toNull(error: unknown): null {
  const isNotFound = error instanceof StatusError || error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.PermissionDenied;
  if (isNotFound) return null;
  throw error;
}

async function respond(
  request: HttpRequest,
  name: string,
  { open, coding, isPrecompressed, isChosen }: Representation,
  type: ResponseFields,
): Promise<HttpResponse> {
  const validators = validatorsOf(open.info, coding);
  const common = commonFields(validators, isChosen);
  switch (evaluatePreconditions(request.method, request.fields, validators, Date.now())) {
    case "failed":
      throw preconditionFailed();
    case "not modified":
      return { status: 304, fields: common };
  }
  const fields = {
    ...type,
    ...common,
    "Accept-Ranges": "bytes",
    ...dispositionFields(request, name),
  };
  if (coding === null) return respondWithRanges(request, fields, open, validators);
  const content = new FileContent(open);
  return {
    status: 200,
    fields: { ...fields, "Content-Encoding": coding },
    content: isPrecompressed ? content : await encode(content, coding),
  };
}

/** The fields that a 304 has as well. */
function commonFields(validators: Validators, isChosen: boolean): ResponseFields {
  const fields = validatorFields(validators);
  return isChosen ? withVary(fields, "Accept-Encoding") : fields;
}

function dispositionFields({ query }: HttpRequest, name: string): ResponseFields {
  if (!new URLSearchParams(query ?? "").has("download")) return {};
  return { "Content-Disposition": contentDisposition(name.slice(name.lastIndexOf("/") + 1)) };
}

/** The file as it is: all of it, or the parts that are asked for (RFC 9110 section 14.2). */
function respondWithRanges(
  { method, fields: asked }: HttpRequest,
  fields: ResponseFields,
  open: OpenFile,
  validators: Validators,
): HttpResponse {
  const { size } = open.info;
  const whole = (): HttpResponse => ({ status: 200, fields, content: new FileContent(open) });
  const value = asked.get("Range");
  if (value === null || method !== "GET") return whole();
  const ranges = isRangeCurrent(asked, validators, Date.now()) ? selectRanges(value, size) : null;
  if (ranges === null) return whole();
  const [range, ...others] = ranges;
  if (range === undefined) {
    const unsatisfied = { "Content-Range": contentRange(null, size) };
    throw new StatusError(416, "The file has no bytes in the ranges asked for.", unsatisfied);
  }
  if (others.length === 0) {
    const partial = { ...fields, "Content-Range": contentRange(range, size) };
    return { status: 206, fields: partial, content: new FileContent(open, range) };
  }
  const type = String(fields["Content-Type"]);
  const multipart = layOutRanges(ranges, size, type, crypto.randomUUID());
  // Many tiny ranges would be more bytes than the file they are of.
  if (multipart.length > 2 * size) return whole();
  const partial = { ...fields, "Content-Type": multipart.type };
  return { status: 206, fields: partial, content: new MultipartContent(open, multipart) };
}

// The media type of a file, by its name: guessed only where the server is asked to.

const UNKNOWN_TYPE = "application/octet-stream";

/** Types that a browser may run script from, which then acts in the name of this server. */
const CAN_RUN_SCRIPT = /^(?:text\/html|text\/xml|application\/xml|[^/]+\/[^;]+\+xml)$/;

/**
 * The fields that tell what kind of content a file has. Text is said to be UTF-8.
 *
 * @param isGuessed Whether the name may tell the type.
 */
async function typeFields(name: string, isGuessed: boolean): Promise<ResponseFields> {
  const fields = { "Content-Type": UNKNOWN_TYPE, "X-Content-Type-Options": "nosniff" };
  if (!isGuessed) return fields;
  // Typed, no dependencies, kept after IANA's registry. Only those who guess pay for loading it.
  const { default: mime } = await import("mime");
  const type = mime.getType(name) ?? UNKNOWN_TYPE;
  const charset = type.startsWith("text/") ? "; charset=utf-8" : "";
  return {
    ...fields,
    "Content-Type": type + charset,
    ...(CAN_RUN_SCRIPT.test(type) ? { "Content-Security-Policy": "sandbox" } : {}),
  };
}

/**
 * Endings of formats that are compressed already: coding them again costs time and gains
 * nothing. What is not listed is coded, so the worst that a missing entry does is to cost time.
 */
const COMPRESSED_ENDINGS: ReadonlySet<string> = new Set(
  [
    "7z apk br bz2 cab deb dmg docx epub gz jar lz lz4 lzma odp ods odt pptx rar rpm tbz2 tgz",
    "txz war whl xlsx xz zip zst", // archives, packages and documents that are archives
    "avif gif heic heif jpeg jpg jxl png webp", // pictures
    "aac flac m4a mka mp3 oga ogg opus weba wma", // sound
    "3gp avi m4v mkv mov mp4 mpeg mpg ogv webm wmv", // pictures that move
    "woff woff2", // fonts
  ].flatMap((line) => line.split(" ")),
);

/** Whether the name's ending tells that its content is compressed already. */
export function hasCompressedEnding(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && COMPRESSED_ENDINGS.has(name.slice(dot + 1).toLowerCase());
}
