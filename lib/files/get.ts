// GET and HEAD of a file: which representation of it, whether the client has it already, and which
// part is requested, in the order of RFC 9110 section 13.2.2.

import { canEncode, DYNAMIC_CODINGS, encode, encodeWhole } from "../compression.ts";
import { collect } from "../http/content.ts";
import type { Fields, ResponseFields } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { type Coding, negotiateCoding, withVary } from "../http/negotiation.ts";
import { evaluatePreconditions, isRangeCurrent, type Validators } from "../http/preconditions.ts";
import { contentRange, layOutRanges, selectRanges } from "../http/range.ts";
import { StatusError } from "../http/status.ts";
import {
  type CachedFile,
  type CachedVariant,
  type FileCache,
  MAX_CACHED_SIZE,
  MAX_COMPRESSED_SIZE,
} from "./cache.ts";
import { scheduler } from "../scheduler.ts";
import { FileContent, MultipartContent } from "./file_body.ts";
import { toStatusError } from "../disk/errors.ts";
import { join } from "../disk/file_system.ts";
import type { OpenFile } from "../disk/open_file.ts";
import { withLock } from "./lock.ts";
import { dispositionFields, hasCompressedEnding, typeFields } from "./media_type.ts";
import type { Root } from "./root.ts";
import type { FileSettings } from "./settings.ts";
import {
  isStale,
  PRECOMPRESSED,
  preconditionFailed,
  validatorFields,
  validatorsOf,
} from "./validators.ts";

/** A form in which a file can be sent. */
interface Representation {
  /** The name from the request. */
  readonly name: string;
  /** The file whose bytes are sent. */
  readonly open: OpenFile;
  /** The file that was requested: the same, or the one that a precompressed file stands for. */
  readonly original: OpenFile;
  readonly coding: Coding | null;
  /** Whether the bytes of the file have the coding already. */
  readonly isPrecompressed: boolean;
  /** Whether other requests may get another representation. */
  readonly isNegotiated: boolean;
}

/** Milliseconds of the thread to find and open a file. */
const OPEN_COST = 0.04;

const ALL_CODINGS: readonly Coding[] = [...PRECOMPRESSED.keys()];

/** The response with a file from the cache, or null. @throws {StatusError} 412. */
export function getCachedFile(
  cache: FileCache,
  { method, fields, query }: HttpRequest,
  name: string,
): HttpResponse | null {
  const file = query === null && !fields.has("Range") ? cache.find(name) : null;
  if (file === null) return null;
  const variant = chooseCached(cache, file, fields);
  if (variant === null) return null;
  const { validators, response } = variant;
  switch (evaluatePreconditions(method, fields, validators, Date.now())) {
    case "failed":
      throw preconditionFailed();
    case "not modified":
      return { status: 304, fields: commonFields(validators, file.isNegotiated) };
    case "holds":
      return response;
  }
}

/** The representation that {@linkcode choose} would choose, or null where it is not cached. */
function chooseCached(cache: FileCache, file: CachedFile, fields: Fields): CachedVariant | null {
  if (!file.isNegotiated) return file.variants.get(null) ?? null;
  let variant = file.variants.get(negotiateCoding(fields, DYNAMIC_CODINGS));
  const absent: string[] = [];
  const offered = [...ALL_CODINGS];
  for (let next = negotiateCoding(fields, offered); next !== null;) {
    const precompressed = file.variants.get(next);
    if (precompressed !== undefined && precompressed.source !== null) {
      variant = cache.isCurrent(precompressed.source) ? precompressed : undefined;
      break;
    }
    absent.push(PRECOMPRESSED.get(next)!);
    offered.splice(offered.indexOf(next), 1);
    next = negotiateCoding(fields, offered);
  }
  if (variant === undefined) return null;
  return absent.length === 0 || cache.isAlone(file, absent) ? variant : null;
}

/** Where files come from, and what their names say about them. */
export interface FileSource {
  readonly root: Root;
  readonly cache: FileCache;
  readonly settings: Pick<FileSettings, "guessesTypes" | "isTrusted">;
}

/**
 * The response with a file, or null where there is none. A small file may be cached afterwards.
 *
 * @throws {StatusError} 412 or 416, and 503 where the file changes meanwhile.
 */
export async function getFile(
  source: FileSource,
  request: HttpRequest,
  name: string,
): Promise<HttpResponse | null> {
  if (!scheduler.take(OPEN_COST)) await scheduler.turn(OPEN_COST, request.client);
  const original = await source.root.openFile(name);
  if (original === null) return null;
  let open = original;
  try {
    const chosen = await choose(source.root, request, { name, original });
    open = chosen.open;
    const described = {
      ...await typeFields(name, source.settings),
      ...await dispositionFields(request, name),
    };
    // Nothing is awaited from here until the compressor exists: a hundred requests would pass.
    const representation = isPossible(chosen, request) ? chosen : { ...chosen, coding: null };
    const response = respond(request, representation, described);
    const { content } = response;
    if (!(content instanceof FileContent || content instanceof MultipartContent)) open.close();
    const isWhole = content instanceof FileContent && response.status === 200;
    return isWhole
      ? await load(source, request, representation, { ...response, content })
      : response;
  } catch (error) {
    open.close();
    throw error;
  }
}

/** The same response with its coding applied, and in memory where the file is small. */
async function load(
  { root, cache }: FileSource,
  request: HttpRequest,
  { name, open, original, coding, isPrecompressed, isNegotiated }: Representation,
  response: HttpResponse & { readonly content: FileContent },
): Promise<HttpResponse> {
  const { client } = request;
  const isDynamic = coding !== null && !isPrecompressed;
  const file = { path: original.path, info: original.info, isNegotiated };
  const isCacheable = request.query === null && original.path === join(root.path, name) &&
    cache.isCacheable(original.info, isDynamic ? MAX_COMPRESSED_SIZE : Infinity) &&
    (isDynamic || cache.isCacheable(open.info));
  const put = (content: Uint8Array): HttpResponse => {
    const whole = { ...response, fields: Object.freeze(response.fields!), content };
    const source = isPrecompressed ? { path: open.path, info: open.info } : null;
    const validators = validatorsOf(open.info, coding);
    cache.put(name, file, coding, { source, validators, response: whole });
    return whole;
  };
  if (isDynamic) {
    if (!isCacheable) {
      return { ...response, content: await encode(response.content, coding, client) };
    }
    // Clients that ask for the same at the same time wait for one compression.
    return await withLock(`compress ${open.path} ${coding}`, async () => {
      const cached = getCachedFile(cache, request, name);
      if (cached === null) {
        return put(await encodeWhole(response.content, coding, client));
      }
      open.close();
      return cached;
    });
  }
  const isSmall = request.method === "GET" && open.info.size <= MAX_CACHED_SIZE;
  if (!isSmall) return response;
  const content = open.bytes ?? await collect(response.content, open.info.size);
  return isCacheable && cache.isReadAgain(name) ? put(content) : { ...response, content };
}

/** Chooses the representation. A range is always one of the file as it is. */
async function choose(
  root: Root,
  { method, fields }: HttpRequest,
  { name, original }: { name: string; original: OpenFile },
): Promise<Representation> {
  const plain = { name, open: original, original, coding: null, isPrecompressed: false };
  if (hasCompressedEnding(name)) return { ...plain, isNegotiated: false };
  const isPartial = method === "GET" && /^bytes=/i.test(fields.get("Range") ?? "");
  if (isPartial || original.info.size === 0) return { ...plain, isNegotiated: true };
  const offered = [...ALL_CODINGS];
  for (let next = negotiateCoding(fields, offered); next !== null;) {
    const open = await openPrecompressed(root, name + PRECOMPRESSED.get(next)!, original.info);
    if (open !== null) {
      original.close();
      return { name, open, original, coding: next, isPrecompressed: true, isNegotiated: true };
    }
    offered.splice(offered.indexOf(next), 1);
    next = negotiateCoding(fields, offered);
  }
  return { ...plain, coding: negotiateCoding(fields, DYNAMIC_CODINGS), isNegotiated: true };
}

/** Whether the content can have its coding now: there may be too many that are compressed. */
function isPossible({ open, isPrecompressed }: Representation, { client }: HttpRequest): boolean {
  return isPrecompressed || canEncode(open.info.size, client);
}

/** A precompressed file that is not older than its original. */
async function openPrecompressed(
  root: Root,
  name: string,
  original: Deno.FileInfo,
): Promise<OpenFile | null> {
  if (root.fs.isAbsent(join(root.path, name))) return null;
  const open = await root.openFile(name).catch(nullIfUnavailable);
  if (open === null || !isStale(open.info, original)) return open;
  open.close();
  return null;
}

/** The original can be sent even if a precompressed file cannot be read. */
function nullIfUnavailable(error: unknown): null {
  if (toStatusError(error, "reading") instanceof StatusError) return null;
  throw error;
}

/** The response before its content is compressed. */
function respond(
  request: HttpRequest,
  { open, coding, isNegotiated }: Representation,
  described: ResponseFields,
): HttpResponse {
  const validators = validatorsOf(open.info, coding);
  const common = commonFields(validators, isNegotiated);
  switch (evaluatePreconditions(request.method, request.fields, validators, Date.now())) {
    case "failed":
      throw preconditionFailed();
    case "not modified":
      return { status: 304, fields: common };
  }
  const fields = { ...described, ...common, "Accept-Ranges": "bytes" };
  if (coding === null) return respondWithRanges(request, fields, open);
  const coded = { ...fields, "Content-Encoding": coding };
  return { status: 200, fields: coded, content: new FileContent(open) };
}

/** The fields that a 304 has as well. */
function commonFields(validators: Validators, isNegotiated: boolean): ResponseFields {
  const fields = validatorFields(validators);
  return isNegotiated ? withVary(fields, "Accept-Encoding") : fields;
}

/** The whole file, or the requested ranges of it (RFC 9110 section 14.2). */
function respondWithRanges(
  { method, fields: requested }: HttpRequest,
  fields: ResponseFields,
  open: OpenFile,
): HttpResponse {
  const { size } = open.info;
  const whole = (): HttpResponse => ({ status: 200, fields, content: new FileContent(open) });
  const value = requested.get("Range");
  if (value === null || method !== "GET") return whole();
  const isCurrent = isRangeCurrent(requested, validatorsOf(open.info), Date.now());
  const ranges = isCurrent ? selectRanges(value, size) : null;
  if (ranges === null) return whole();
  const [range, ...others] = ranges;
  if (range === undefined) {
    const unsatisfied = { "Content-Range": contentRange(null, size) };
    throw new StatusError(416, "The file has no bytes in the requested range.", unsatisfied);
  }
  if (others.length === 0) {
    const partial = { ...fields, "Content-Range": contentRange(range, size) };
    return { status: 206, fields: partial, content: new FileContent(open, range) };
  }
  const type = String(fields["Content-Type"]);
  const multipart = layOutRanges(ranges, size, type, crypto.randomUUID());
  if (multipart.length > 2 * size) return whole(); // The heads of many tiny ranges cost more.
  const partial = { ...fields, "Content-Type": multipart.type };
  return { status: 206, fields: partial, content: new MultipartContent(open, multipart) };
}
