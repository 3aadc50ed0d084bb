// The ZIP format (APPNOTE.TXT 6.3), written in one pass, nothing compressed. client-zip, which does
// the same, writes a wrong number of members where there are more than 65,535.

import { crc32 } from "node:zlib";
import type { ArchiveEntry } from "./tar.ts";

/** Of 16 and 32 bits: a larger value is in a ZIP64 field. */
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;

/** What an extracting program has to know: directories, and ZIP64. */
const VERSION = 20;
const VERSION_64 = 45;

/** The names are UTF-8; the checksum follows the content. */
const UTF8 = 0x0800;
const HAS_DESCRIPTOR = 0x0008;

/** Octets of the directory at the end that are kept together. */
const BLOCK = 65_536;

const encoder = new TextEncoder();

/** What the header of a member and its entry in the directory have in common. */
interface Member {
  readonly name: Uint8Array;
  readonly modified: Date;
  readonly size: number;
  readonly isDirectory: boolean;
}

/** The octets of an archive. Each piece is valid until the next one is asked for. */
export async function* writeZip(
  entries: AsyncIterable<ArchiveEntry>,
): AsyncGenerator<Uint8Array> {
  const directory = new Directory();
  let offset = 0;
  for await (const { name, modified, content } of entries) {
    const size = content?.length ?? 0;
    const isDirectory = content === null;
    const member = { name: encoder.encode(name), modified: new Date(modified), size, isDirectory };
    const header = localHeader(member);
    yield header;
    let checksum = 0;
    let descriptor: Uint8Array = new Uint8Array(0);
    if (content !== null) {
      for await (const piece of content) {
        checksum = crc32(piece, checksum);
        yield piece;
      }
      yield descriptor = dataDescriptor(checksum, size);
    }
    directory.add(centralHeader(member, checksum, offset));
    offset += header.length + size + descriptor.length;
  }
  yield* directory.blocks();
  yield endOf({ count: directory.count, size: directory.size, offset });
}

/** The directory at the end, in few large pieces of memory: a million members are 80 MB. */
class Directory {
  readonly #full: Uint8Array[] = [];
  #block = new Uint8Array(BLOCK);
  #used = 0;
  count = 0;
  size = 0;

  add(entry: Uint8Array): void {
    if (this.#used + entry.length > BLOCK) {
      this.#full.push(this.#block.subarray(0, this.#used));
      this.#block = new Uint8Array(Math.max(BLOCK, entry.length));
      this.#used = 0;
    }
    this.#block.set(entry, this.#used);
    this.#used += entry.length;
    this.count++;
    this.size += entry.length;
  }

  *blocks(): Generator<Uint8Array> {
    yield* this.#full;
    yield this.#block.subarray(0, this.#used);
  }
}

/** Writes little-endian numbers one after the other. */
class Record {
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.octets = new Uint8Array(length);
    this.#view = new DataView(this.octets.buffer);
  }

  u16(...values: readonly number[]): this {
    for (const value of values) {
      this.#view.setUint16(this.#at, value, true);
      this.#at += 2;
    }
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) {
      this.#view.setUint32(this.#at, value, true);
      this.#at += 4;
    }
    return this;
  }

  u64(...values: readonly number[]): this {
    for (const value of values) {
      this.#view.setBigUint64(this.#at, BigInt(value), true);
      this.#at += 8;
    }
    return this;
  }

  put(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    for (const part of parts) {
      this.octets.set(part, this.#at);
      this.#at += part.length;
    }
    return this.octets;
  }
}

/** 4.3.7. The sizes follow the content, too, unless there is none. */
function localHeader({ name, modified, size, isDirectory }: Member): Uint8Array {
  // The extra field says that the sizes after the content have 64 bits.
  const large = size >= MAX_32 ? new Record(20).u16(1, 16).u64(0, 0).octets : NOTHING;
  const time = extendedTime(modified);
  return new Record(30 + name.length + large.length + time.length)
    .u32(0x04034b50)
    .u16(size >= MAX_32 ? VERSION_64 : VERSION, isDirectory ? UTF8 : UTF8 | HAS_DESCRIPTOR, 0)
    .u16(...dosTime(modified))
    .u32(0, 0, 0)
    .u16(name.length, large.length + time.length)
    .put(name, large, time);
}

/** 4.3.9 */
function dataDescriptor(checksum: number, size: number): Uint8Array {
  const record = new Record(size >= MAX_32 ? 24 : 16).u32(0x08074b50, checksum);
  return size >= MAX_32 ? record.u64(size, size).octets : record.u32(size, size).octets;
}

/** 4.3.12 */
function centralHeader(
  { name, modified, size, isDirectory }: Member,
  checksum: number,
  offset: number,
): Uint8Array {
  const beyond = [...(size >= MAX_32 ? [size, size] : []), ...(offset >= MAX_32 ? [offset] : [])];
  const large = beyond.length === 0
    ? NOTHING
    : new Record(4 + 8 * beyond.length).u16(1, 8 * beyond.length).u64(...beyond).octets;
  const time = extendedTime(modified);
  const mode = isDirectory ? 0o040755 : 0o100644;
  return new Record(46 + name.length + large.length + time.length)
    .u32(0x02014b50)
    .u16(3 << 8 | VERSION_64, large === NOTHING ? VERSION : VERSION_64) // 3: the modes are of Unix
    .u16(isDirectory ? UTF8 : UTF8 | HAS_DESCRIPTOR, 0)
    .u16(...dosTime(modified))
    .u32(checksum, Math.min(size, MAX_32), Math.min(size, MAX_32))
    .u16(name.length, large.length + time.length, 0, 0, 0)
    .u32((mode << 16 | (isDirectory ? 0x10 : 0)) >>> 0, Math.min(offset, MAX_32))
    .put(name, large, time);
}

/** 4.3.14 to 4.3.16 */
function endOf(
  { count, size, offset }: { count: number; size: number; offset: number },
): Uint8Array {
  const isLarge = count >= MAX_16 || size >= MAX_32 || offset >= MAX_32;
  const end = new Record(22)
    .u32(0x06054b50)
    .u16(0, 0, Math.min(count, MAX_16), Math.min(count, MAX_16))
    .u32(Math.min(size, MAX_32), Math.min(offset, MAX_32))
    .octets;
  if (!isLarge) return end;
  return new Record(56 + 20 + end.length)
    .u32(0x06064b50).u64(44).u16(3 << 8 | VERSION_64, VERSION_64).u32(0, 0)
    .u64(count, count, size, offset)
    .u32(0x07064b50, 0).u64(offset + size).u32(1)
    .put(end);
}

const NOTHING = new Uint8Array(0);

/** Seconds since 1970 in UTC, as Info-ZIP and others read them (extra field 0x5455). */
function extendedTime(modified: Date): Uint8Array {
  const seconds = Math.floor(modified.getTime() / 1000);
  if (seconds < 0 || seconds > 0x7fffffff) return NOTHING;
  const record = new Record(9).u16(0x5455, 5).octets;
  record[4] = 1;
  new DataView(record.buffer).setUint32(5, seconds, true);
  return record;
}

/** 4.4.6: time and date in the server's time zone, in steps of two seconds, from 1980 to 2107. */
function dosTime(modified: Date): [time: number, date: number] {
  const year = modified.getFullYear();
  if (!(year >= 1980)) return [0, 1 << 5 | 1];
  if (year > 2107) return [23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31];
  return [
    modified.getHours() << 11 | modified.getMinutes() << 5 | modified.getSeconds() >> 1,
    (year - 1980) << 9 | (modified.getMonth() + 1) << 5 | modified.getDate(),
  ];
}
