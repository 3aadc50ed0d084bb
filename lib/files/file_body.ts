// Files as the content of responses: two pieces in memory at a time, and never bytes of another
// state of the file than the one that the head of the response has told of.

import { type Content, pieces } from "../http/content.ts";
import type { ByteRange, Multipart } from "../http/range.ts";
import { StatusError } from "../http/status.ts";
import { BufferPool } from "../server/buffer_pool.ts";
import type { OpenFile } from "./root.ts";
import { isSameMoment } from "./fs.ts";

/** Milliseconds within which a piece comes from the system's memory, and hardly from any disk. */
const CACHED = 1;

/** A part of an open file, which is closed with the content. */
export class FileContent implements Content {
  readonly length: number;
  readonly #open: OpenFile;
  #position: number;
  #missing: number;
  #isSought = false;
  #memory: Uint8Array | null = null;
  /** Large memory, of which one part is filled while the other is sent. */
  #buffers: DoubleBuffer | null = null;
  /** The piece that is being read. */
  #ahead: Promise<Uint8Array> | null = null;
  /** Whether the file seems to be in the system's memory. */
  #isCached = false;

  /**
   * @param open An open file.
   * @param range The bytes to send; all by default.
   */
  constructor(open: OpenFile, range: ByteRange = { first: 0, last: open.info.size - 1 }) {
    this.#open = open;
    this.#position = range.first;
    this.length = this.#missing = range.last - range.first + 1;
  }

  /**
   * @throws {StatusError} 503 where the file is not what it was when it was opened: cut, or
   * written into. The last piece is given out only after a look at that.
   */
  async read(): Promise<Uint8Array | null> {
    if (this.#ahead === null && this.#missing === 0) return null;
    const piece = await (this.#ahead ??= this.#fill());
    this.#ahead = null;
    if (this.#buffers !== null && this.#missing > 0 && !this.#isCached) {
      this.#ahead = this.#fill();
      this.#ahead.catch(() => {}); // Whoever reads next is told.
    }
    return piece;
  }

  async #fill(): Promise<Uint8Array> {
    await this.#seek();
    const memory = this.#nextMemory();
    const count = await this.#readInto(memory.subarray(0, this.#missing));
    if (count === null) throw changed();
    this.#missing -= count;
    if (this.#missing === 0) await this.#checkUnchanged();
    return memory.subarray(0, count);
  }

  /**
   * From the system's memory, a piece is copied at once, and is still in the processor's own when
   * it is sent. Bought: 20 of 65 ms of CPU for 100 MiB.
   */
  async #readInto(memory: Uint8Array): Promise<number | null> {
    const { file, policy } = this.#open;
    const start = performance.now();
    const isAllowed = this.#isCached && policy.isAllowed;
    const count = isAllowed ? policy.take(() => file.readSync(memory)) : await file.read(memory);
    this.#isCached = performance.now() - start < CACHED;
    return count;
  }

  #nextMemory(): Uint8Array {
    if (this.#memory === null && this.length > SMALL_BUFFER) this.#buffers = acquireDoubleBuffer();
    if (this.#buffers === null) {
      return this.#memory ??= new Uint8Array(Math.min(SMALL_BUFFER, this.length));
    }
    const [one, other] = this.#buffers;
    return this.#memory = this.#memory === one ? other : one;
  }

  async #seek(): Promise<void> {
    if (this.#isSought) return;
    this.#isSought = true;
    if (this.#position > 0) await this.#open.file.seek(this.#position, Deno.SeekMode.Start);
  }

  /** A change of the inode alone is one, too, unless it is that a name has gone. */
  async #checkUnchanged(): Promise<void> {
    const { info } = this.#open;
    const now = await this.#open.file.stat();
    const isSame = now.size === info.size && isSameMoment(now.mtime, info.mtime) &&
      (now.nlink !== info.nlink || isSameMoment(now.ctime, info.ctime));
    if (!isSame) throw changed();
  }

  close(): void {
    this.#open.close();
    this.release();
  }

  /** Lets the memory go, but leaves the file open. */
  release(): void {
    const [pair, ahead] = [this.#buffers, this.#ahead];
    this.#buffers = this.#ahead = null;
    if (pair !== null) Promise.resolve(ahead).catch(() => {}).then(() => releaseDoubleBuffer(pair));
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

/** Answered where the head has not left yet; else it cuts the connection. */
function changed(): StatusError {
  return new StatusError(503, "The file has changed while it was sent.", { "Retry-After": "1" });
}

/** Several parts of an open file, laid out as multipart/byteranges. */
export class MultipartContent implements Content {
  readonly length: number;
  readonly #open: OpenFile;
  readonly #pieces: AsyncGenerator<Uint8Array>;

  /**
   * @param open An open file.
   * @param multipart How its parts are laid out.
   */
  constructor(open: OpenFile, multipart: Multipart) {
    this.#open = open;
    this.length = multipart.length;
    this.#pieces = this.#generate(multipart);
  }

  async read(): Promise<Uint8Array | null> {
    const { done, value } = await this.#pieces.next();
    return done ? null : value;
  }

  async *#generate({ parts, tail }: Multipart): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder();
    for (const { head, range } of parts) {
      yield encoder.encode(head);
      await this.#open.file.seek(range.first, Deno.SeekMode.Start); // For a range that begins at 0.
      const part = new FileContent(this.#open, range);
      try {
        for (let piece = await part.read(); piece !== null; piece = await part.read()) yield piece;
      } finally {
        part.release();
      }
    }
    yield encoder.encode(tail);
  }

  close(): void {
    this.#open.close();
    this.#pieces.return(undefined).catch(() => {}); // What it had to say, it has said to read().
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

// Writes a file in large pieces, however small those are that come in: content in chunks of one
// byte would cost a system call for each. While one piece is written, the next one gathers.

/** Writes to an open file, which stays open. */
export class BufferedWriter {
  readonly #file: Deno.FsFile;
  #filling: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Large memory, once it has turned out that the content is worth it. */
  #buffers: DoubleBuffer | null = null;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param file An open file, written from where it stands.
   * @param length How many bytes there will be, where that is known.
   */
  constructor(file: Deno.FsFile, length: number | null) {
    this.#file = file;
    this.#filling = new Uint8Array(Math.min(length ?? SMALL_BUFFER, SMALL_BUFFER));
  }

  /** Takes bytes over: they may change once this has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#length === this.#filling.length) await this.#next();
      const piece = bytes.subarray(at, at + this.#filling.length - this.#length);
      this.#filling.set(piece, this.#length);
      this.#length += piece.length;
      at += piece.length;
    }
  }

  /** Sends the gathered bytes off, and goes on with other memory. */
  async #next(): Promise<void> {
    await this.#writing;
    const full = this.#filling.subarray(0, this.#length);
    this.#length = 0;
    this.#buffers ??= acquireDoubleBuffer();
    this.#writing = this.#writeAll(full);
    if (this.#buffers === null) return await this.#writing;
    this.#writing.catch(() => {}); // Whoever waits for it next is told.
    const [one, other] = this.#buffers;
    this.#filling = this.#filling === one ? other : one;
  }

  /** Writes what has been gathered. */
  async flush(): Promise<void> {
    await this.#writing;
    const bytes = this.#filling.subarray(0, this.#length);
    this.#length = 0;
    await this.#writeAll(bytes);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
  }

  /** Lets the memory go, written or not. The file is not written to any more then. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {});
    if (this.#buffers !== null) releaseDoubleBuffer(this.#buffers);
    this.#buffers = null;
    this.#filling = new Uint8Array(0);
  }
}

// The memory that large files pass through, in pieces. Large pieces make the system calls cheap,
// and a second one is filled while the first is emptied; but a peer that dawdles keeps what it has
// got. So there is a fixed number of them for all, and small ones for those who come too late.

/** Bytes of a small piece: 64 KiB. */
const SMALL_BUFFER = 65536;

/** Bytes of a large piece: 256 KiB. Half as many cost a third more CPU, twice as many save 5 %. */
const LARGE_BUFFER = 4 * SMALL_BUFFER;

/** Pairs of large pieces at most: 16 MiB. */
const MAX_DOUBLE_BUFFERS = 32;

/** Pairs that nobody uses are kept for the next, as long as there are few. */
const MAX_FREE = 4;

/** Two large pieces. */
type DoubleBuffer = readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];

const largeBuffers = new BufferPool(LARGE_BUFFER, 2 * MAX_FREE);

/** A pair of large buffers, to be given back, or null where none is left. */
function acquireDoubleBuffer(): DoubleBuffer | null {
  if (largeBuffers.inUse >= 2 * MAX_DOUBLE_BUFFERS) return null;
  return [largeBuffers.acquire(), largeBuffers.acquire()];
}

/** Gives a pair back, once nothing is read into it or written from it any more. */
function releaseDoubleBuffer(buffers: DoubleBuffer): void {
  for (const buffer of buffers) largeBuffers.release(buffer);
}
