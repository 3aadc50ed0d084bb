// Compression of responses by CompressionStream: small content as a whole, so that its length is
// known before it is sent, everything else while it is sent, piece by piece.

import { collect, type Content, pieces } from "./http/content.ts";
import { nameIn } from "./http/fields.ts";
import { type HttpRequest, type HttpResponse, withContentType } from "./http/message.ts";
import { type Coding, negotiateCoding, withVary } from "./http/negotiation.ts";
import { scheduler, Slots } from "./scheduler.ts";

/**
 * The codings offered for content that is compressed on demand, the preferred one first: gzip
 * took 66 ms for 6 MB of log text, brotli 205.
 */
export const DYNAMIC_CODINGS: readonly Coding[] = ["gzip", "br"];

/**
 * Largest content, in bytes, that is compressed as a whole, so that the response has a
 * Content-Length: 64 KiB, one read of a file.
 */
const MAX_WHOLE_LENGTH = 65536;

/** Content of so many bytes is compressed in a tenth of a millisecond, and waits for nothing. */
const MAX_LIGHT_LENGTH = 4096;

/** Bytes that are compressed without giving way. */
const MAX_STEP = 65536;

/** Milliseconds that as many take. */
const STEP_COST: Readonly<Record<Format, number>> = { gzip: 1.5, brotli: 4 };

/** Milliseconds that the next step of so many bytes takes; null for an unknown number. */
function stepCost(format: Format, length: number | null): number {
  return STEP_COST[format] * Math.min(1, (length ?? MAX_STEP) / MAX_STEP);
}

/**
 * Contents that are compressed while they are sent, at one time. Each has memory of the
 * compressor while its client reads slowly (gzip 2 MB, brotli 8 MB). Further ones are sent
 * uncompressed.
 */
const MAX_CONCURRENT = 32;

/**
 * Contents that are compressed as a whole, at one time: one at work, and some that wait for it, up
 * to 30 ms. Further ones are sent uncompressed, which is faster then.
 */
const MAX_WAITING = 8;

const streamSlots = new Slots(MAX_CONCURRENT);
const wholeSlots = new Slots(MAX_WAITING);

/**
 * Compresses a response with the coding that the client prefers, and adds the Vary field. A
 * response without content, or with a Content-Encoding, stays as it is. An entity tag is not
 * changed: a strong one must belong to one coding only (RFC 9110 section 8.8.3.3).
 *
 * @example
 * ```ts
 * import { encodeContent, serve } from "@wireserve/wireserve";
 *
 * await using server = serve(
 *   (request) => encodeContent(request, { status: 200, content: "Hello! ".repeat(100) }),
 *   { port: 0 },
 * );
 * console.log((await (await fetch(server.url)).text()).length); // 700
 * ```
 */
export function encodeContent(
  request: Pick<HttpRequest, "fields"> & Partial<Pick<HttpRequest, "client">>,
  response: HttpResponse,
): HttpResponse | Promise<HttpResponse> {
  const { content, fields = {} } = response;
  if (content === undefined || nameIn(fields, "Content-Encoding") !== null) return response;
  const varied = withVary(fields, "Accept-Encoding");
  const coding = negotiateCoding(request.fields, DYNAMIC_CODINGS);
  const { client = "" } = request;
  const isStream = typeof content === "object" && !(content instanceof Uint8Array);
  const length = isStream ? content.length : Math.min(content.length, MAX_WHOLE_LENGTH);
  if (coding === null || !canEncode(length, client)) {
    return varied === fields ? response : { ...response, fields: varied };
  }
  const { fields: typed } = withContentType({ ...response, fields: varied });
  const coded = { ...typed, "Content-Encoding": coding };
  return encode(content, coding, client).then((content) => ({
    ...response,
    fields: coded,
    content,
  }));
}

/**
 * Whether content can be compressed now for a client.
 *
 * @param length Its length in bytes, or null where that is unknown.
 */
export function canEncode(length: number | null, client: string): boolean {
  if (length !== null && length <= MAX_LIGHT_LENGTH) return true;
  return (isSmall(length) ? wholeSlots : streamSlots).isFreeFor(client);
}

function isSmall(length: number | null): boolean {
  return length !== null && length <= MAX_WHOLE_LENGTH;
}

/** Compresses content for a client: small content at once, large content while it is read. */
export async function encode(
  content: string | Uint8Array | Content,
  coding: Coding,
  client: string,
): Promise<Uint8Array | Content> {
  const format = formatOf(coding);
  if (typeof content !== "string" && !(content instanceof Uint8Array) && !isSmall(content.length)) {
    return new CompressedContent(content, format, client);
  }
  if (content.length !== null && content.length <= MAX_LIGHT_LENGTH) {
    return await compress(await wholeOf(content), format);
  }
  wholeSlots.acquire(client);
  try {
    const bytes = await wholeOf(content);
    const cost = stepCost(format, bytes.length);
    if (!scheduler.take(cost)) await scheduler.turn(cost, client);
    return await compress(bytes, format);
  } finally {
    wholeSlots.release(client);
  }
}

/** Compresses content as a whole for a client, however large it is. */
export function encodeWhole(
  content: Content,
  coding: Coding,
  client: string,
): Promise<Uint8Array> {
  return collect(new CompressedContent(content, formatOf(coding), client), Infinity);
}

function formatOf(coding: Coding): Format {
  return coding === "br" ? "brotli" : coding;
}

const utf8 = new TextEncoder();

async function wholeOf(content: string | Uint8Array | Content): Promise<Uint8Array> {
  if (typeof content === "string") return utf8.encode(content);
  return content instanceof Uint8Array ? content : await collect(content, MAX_WHOLE_LENGTH);
}

/** By hand, because a pipe between two streams costs as much as the compression, 40 us. */
async function compress(bytes: Uint8Array, format: Format): Promise<Uint8Array> {
  const { readable, writable } = new CompressionStream(format);
  const writer = writable.getWriter();
  const written = Promise.all([writer.write(bytes as Uint8Array<ArrayBuffer>), writer.close()]);
  const [compressed] = await Promise.all([readAll(readable), written]);
  return compressed;
}

async function readAll(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks.length === 1 ? chunks[0]! : await new Blob(chunks).bytes();
}

/** The formats of CompressionStream that are content codings. */
type Format = "gzip" | "brotli";

/**
 * Content that is compressed while it is read. The next piece of the source is read only when
 * everything compressed so far has been taken.
 */
export class CompressedContent implements Content {
  readonly length = null;
  readonly #source: Content;
  readonly #client: string;
  readonly #format: Format;
  /** What is left of the last piece of the source. */
  #rest: Uint8Array<ArrayBuffer> | null = null;
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #hasEnded = false;
  #isClosed = false;

  /** @param source The uncompressed content, closed together with this. */
  constructor(source: Content, format: Format, client: string) {
    streamSlots.acquire(client);
    this.#client = client;
    this.#format = format;
    const { writable, readable } = new CompressionStream(format);
    this.#source = source;
    this.#writer = writable.getWriter();
    this.#reader = readable.getReader();
  }

  async read(): Promise<Uint8Array | null> {
    let isRead = false;
    const compressed = this.#reader.read().finally(() => isRead = true);
    try {
      while (!isRead && !this.#hasEnded) await this.#feed();
      const { done, value } = await compressed;
      return done ? null : value;
    } catch (error) {
      compressed.catch(() => {}); // The same failure, already thrown by the source.
      throw error;
    }
  }

  async #feed(): Promise<void> {
    const cost = stepCost(this.#format, this.#rest?.length ?? this.#source.length);
    if (!scheduler.take(cost)) await scheduler.turn(cost, this.#client);
    // The source may use the memory of its piece again while the compressor still has it.
    this.#rest ??= (await this.#source.read())?.slice() ?? null;
    if (this.#rest === null) {
      this.#hasEnded = true;
      return await this.#writer.close();
    }
    const step = this.#rest.subarray(0, MAX_STEP);
    this.#rest = step.length < this.#rest.length ? this.#rest.subarray(MAX_STEP) : null;
    await this.#writer.write(step);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    streamSlots.release(this.#client);
    this.#source.close();
    // The compressed content is not wanted any more: an incomplete stream is no error here.
    this.#writer.abort().catch(() => {});
    this.#reader.cancel().catch(() => {});
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}
