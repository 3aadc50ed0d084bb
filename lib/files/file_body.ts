// Files as content of responses, which never mixes two states of a file, and content of requests
// written to files. At most two buffers of each are in memory.

import { type Content, pieces } from "../http/content.ts";
import type { ByteRange, Multipart } from "../http/range.ts";
import { StatusError } from "../http/status.ts";
import { scheduler } from "../scheduler.ts";
import { BufferPool } from "../server/write_buffer.ts";
import { toStatusError } from "../disk/errors.ts";
import { type FileHandle, type FileSystem, isSameTime } from "../disk/file_system.ts";
import { MAX_SMALL_SIZE, type OpenFile } from "../disk/open_file.ts";

const SMALL_BUFFER = 65536;

/** 256 KiB: half as many cost a third more CPU, twice as many save 5 %. */
const LARGE_BUFFER = 4 * SMALL_BUFFER;

/** Pairs of large buffers at most: 16 MiB. Further transfers have one small buffer each. */
const MAX_DOUBLE_BUFFERS = 32;

/** Unused pairs that are kept. */
const MAX_FREE = 4;

/** Two large buffers: one is filled while the other is emptied. */
type DoubleBuffer = readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];

const largeBuffers = new BufferPool(LARGE_BUFFER, 2 * MAX_FREE);

function acquireDoubleBuffer(): DoubleBuffer | null {
  if (largeBuffers.inUse >= 2 * MAX_DOUBLE_BUFFERS) return null;
  return [largeBuffers.acquire(), largeBuffers.acquire()];
}

function releaseDoubleBuffer(buffers: DoubleBuffer): void {
  for (const buffer of buffers) largeBuffers.release(buffer);
}

/** Milliseconds. A faster read comes from the system's memory, and hardly from any disk. */
const CACHED = 1;

/** Milliseconds to read and to send a piece, most of it to copy it, or a small file. */
const PIECE_COST = 0.1;
const SMALL_COST = 0.02;

/** A part of an open file. Closing the content closes the file. */
export class FileContent implements Content {
  readonly length: number;
  readonly #open: OpenFile;
  readonly #position: number;
  #missing: number;
  #isPositioned: boolean;
  #buffer: Uint8Array | null = null;
  #buffers: DoubleBuffer | null = null;
  #next: Promise<Uint8Array> | null = null;
  #isReleased = false;
  /** Whether the file seems to be in the system's memory. */
  #isCached: boolean;

  /**
   * @param range The bytes to send; all by default.
   * @param previous The part of the same open file that was read before.
   */
  constructor(
    open: OpenFile,
    range: ByteRange = { first: 0, last: open.info.size - 1 },
    previous: FileContent | null = null,
  ) {
    this.#open = open;
    this.#isPositioned = previous === null && range.first === 0;
    this.#position = range.first;
    this.length = this.#missing = range.last - range.first + 1;
    this.#isCached = previous === null ? this.length <= MAX_SMALL_SIZE : previous.#isCached;
  }

  /**
   * The next piece, or null at the end. The last one is returned only if the file is unchanged.
   * Errors get their status here, since the handler has returned already.
   *
   * @throws {StatusError} 503 where the file was written into or truncated since it was opened.
   */
  async read(): Promise<Uint8Array | null> {
    if (this.#next === null && this.#missing === 0) return null;
    const { bytes } = this.#open;
    if (bytes !== null) {
      this.#missing = 0;
      return bytes.subarray(this.#position, this.#position + this.length);
    }
    const cost = this.length <= MAX_SMALL_SIZE ? SMALL_COST : PIECE_COST;
    if (!scheduler.take(cost)) await scheduler.turn(cost);
    const piece = await (this.#next ??= this.#fill()).catch((error) => {
      throw toStatusError(error, "reading", this.#open.path);
    });
    this.#next = null;
    if (this.#buffers !== null && this.#missing > 0 && !this.#isCached) {
      this.#next = this.#fill();
      this.#next.catch(() => {}); // The next call of read() throws it.
    }
    return piece;
  }

  /** Synchronous reads leave a piece in the processor's cache: 20 of 65 ms of CPU for 100 MiB. */
  async #fill(): Promise<Uint8Array> {
    // The client may have left while the read waited for its turn.
    if (this.#isReleased) throw new Deno.errors.BadResource("The content is closed");
    const { fs, file } = this.#open;
    const buffer = this.#nextBuffer(); // Before anything is awaited: release() has to know it.
    await this.#seek();
    const start = performance.now();
    const count = await fs.read(file, buffer.subarray(0, this.#missing), this.#isCached);
    this.#isCached = performance.now() - start < CACHED;
    if (count === null) throw changed();
    this.#missing -= count;
    if (this.#missing === 0) await this.#checkUnchanged();
    return buffer.subarray(0, count);
  }

  #nextBuffer(): Uint8Array {
    if (this.#buffer === null && this.length > SMALL_BUFFER) this.#buffers = acquireDoubleBuffer();
    if (this.#buffers === null) {
      return this.#buffer ??= new Uint8Array(Math.min(SMALL_BUFFER, this.length));
    }
    const [one, other] = this.#buffers;
    return this.#buffer = this.#buffer === one ? other : one;
  }

  async #seek(): Promise<void> {
    if (this.#isPositioned) return;
    this.#isPositioned = true;
    await this.#open.fs.seek(this.#open.file, this.#position);
  }

  /** The inode's time also changes where a name of the file is added or removed. */
  async #checkUnchanged(): Promise<void> {
    const { fs, file, info } = this.#open;
    const now = await fs.fstat(file);
    const isUnchanged = now.size === info.size && isSameTime(now.mtime, info.mtime) &&
      (now.nlink !== info.nlink || isSameTime(now.ctime, info.ctime));
    if (!isUnchanged) throw changed();
  }

  close(): void {
    this.#open.close();
    this.release();
  }

  /** Releases the buffers, and leaves the file open. */
  release(): void {
    this.#isReleased = true;
    const [buffers, next] = [this.#buffers, this.#next];
    this.#buffers = this.#next = null;
    if (buffers === null) return;
    Promise.resolve(next).catch(() => {}).then(() => releaseDoubleBuffer(buffers));
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

/** The response, if its head is not sent yet; otherwise the connection is aborted. */
function changed(): StatusError {
  const message = "The file changed while it was being sent: try again.";
  return new StatusError(503, message, { "Retry-After": "1" });
}

/**
 * Several parts of an open file as multipart/byteranges (RFC 9110 section 14.6). What is small is
 * gathered in one piece: a hundred heads and parts would be two hundred writes.
 */
export class MultipartContent implements Content {
  readonly length: number;
  readonly #open: OpenFile;
  readonly #pieces: AsyncGenerator<Uint8Array>;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #gathered = 0;

  constructor(open: OpenFile, multipart: Multipart) {
    this.#open = open;
    this.length = multipart.length;
    this.#buffer = new Uint8Array(Math.min(SMALL_BUFFER, multipart.length));
    this.#pieces = this.#generate(multipart);
  }

  async read(): Promise<Uint8Array | null> {
    const { done, value } = await this.#pieces.next().catch((error) => {
      throw toStatusError(error, "reading", this.#open.path);
    });
    return done ? null : value;
  }

  async *#generate({ parts, tail }: Multipart): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder();
    let previous: FileContent | null = null;
    for (const { head, range } of parts) {
      yield* this.#gather(encoder.encode(head));
      const part: FileContent = new FileContent(this.#open, range, previous);
      try {
        for (let piece = await part.read(); piece !== null; piece = await part.read()) {
          yield* this.#gather(piece);
        }
      } finally {
        part.release();
      }
      previous = part;
    }
    yield* this.#gather(encoder.encode(tail));
    if (this.#gathered > 0) yield this.#buffer.subarray(0, this.#gathered);
  }

  /** Copies bytes into the buffer; yields it when it is full, and bytes that are too many for it. */
  *#gather(bytes: Uint8Array): Generator<Uint8Array> {
    if (this.#gathered + bytes.length > this.#buffer.length) {
      yield this.#buffer.subarray(0, this.#gathered);
      this.#gathered = 0;
    }
    if (bytes.length > this.#buffer.length) return yield bytes;
    this.#buffer.set(bytes, this.#gathered);
    this.#gathered += bytes.length;
  }

  close(): void {
    this.#open.close();
    this.#pieces.return(undefined).catch(() => {}); // read() has thrown it already.
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

/**
 * Writes to an open file in large blocks: chunks of one byte would cost a system call each. While
 * one buffer is written, the next one is filled.
 */
export class BufferedWriter {
  readonly #fs: FileSystem;
  readonly #file: FileHandle;
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;
  #buffers: DoubleBuffer | null = null;
  /** Whether there has been no write yet. */
  #isFirst = true;
  #writing: Promise<void> = Promise.resolve();

  /** @param length How many bytes there will be, or null. */
  constructor(fs: FileSystem, file: FileHandle, length: number | null) {
    this.#fs = fs;
    this.#file = file;
    this.#buffer = new Uint8Array(Math.min(length ?? SMALL_BUFFER, SMALL_BUFFER));
  }

  /** Copies bytes, which may change once this has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#length === this.#buffer.length) await this.#next();
      const piece = bytes.subarray(at, at + this.#buffer.length - this.#length);
      this.#buffer.set(piece, this.#length);
      this.#length += piece.length;
      at += piece.length;
    }
  }

  /** Starts to write the full buffer, and goes on with another one if there is one. */
  async #next(): Promise<void> {
    await this.#writing;
    this.#isFirst = false;
    const full = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    this.#buffers ??= acquireDoubleBuffer();
    this.#writing = this.#writeAll(full);
    if (this.#buffers === null) return await this.#writing;
    this.#writing.catch(() => {}); // The next call throws it.
    const [one, other] = this.#buffers;
    this.#buffer = this.#buffer === one ? other : one;
  }

  async flush(): Promise<void> {
    await this.#writing;
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    await this.#writeAll(bytes);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#fs.write(this.#file, bytes.subarray(at), this.#isFirst);
    }
  }

  /** Releases the buffers, flushed or not, after the last write to the file has ended. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {});
    if (this.#buffers !== null) releaseDoubleBuffer(this.#buffers);
    this.#buffers = null;
    this.#buffer = new Uint8Array(0);
  }
}
