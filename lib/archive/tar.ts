// The tar format: ustar (POSIX.1-1988), with pax headers (POSIX.1-2001) for what does not fit. The
// package that writes streams, modern-tar, has 8 MiB of each archive in memory.

import type { Content } from "../http/content.ts";

/** A member of an archive. */
export interface ArchiveEntry {
  /** Its path, with `/` between names, and at the end of a directory's. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Of a file, with a known length; null for a directory. It is closed by the archive. */
  readonly content: (Content & { readonly length: number }) | null;
}

const BLOCK = 512;

/** The largest size that 11 octal digits express. */
const MAX_SIZE = 8 ** 11 - 1;

const encoder = new TextEncoder();

/** The octets of an archive. Each piece is valid until the next one is asked for. */
export async function* writeTar(
  entries: AsyncIterable<ArchiveEntry>,
): AsyncGenerator<Uint8Array> {
  for await (const { name, modified, content } of entries) {
    const size = content?.length ?? 0;
    yield headOf(name, size, Math.floor(modified / 1000));
    if (content === null) continue;
    yield* content;
    if (size % BLOCK > 0) yield new Uint8Array(BLOCK - size % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}

/** The header of a member, after one with what it cannot express. */
function headOf(name: string, size: number, seconds: number): Uint8Array {
  const octets = encoder.encode(name);
  const records: [keyword: string, value: string][] = [];
  // What is no ASCII has an encoding only in a pax header.
  if (octets.length > 100 || octets.length !== name.length) records.push(["path", name]);
  if (size > MAX_SIZE) records.push(["size", String(size)]);
  if (seconds < 0 || seconds > MAX_SIZE) records.push(["mtime", String(seconds)]);
  const common = { seconds: Math.min(Math.max(seconds, 0), MAX_SIZE) };
  const isDirectory = name.endsWith("/");
  const own = block({
    ...common,
    name: octets.subarray(0, 100),
    size: size > MAX_SIZE ? 0 : size,
    type: isDirectory ? "5" : "0",
    mode: isDirectory ? 0o755 : 0o644,
  });
  if (records.length === 0) return own;
  const extended = encoder.encode(
    records.map(([keyword, value]) => record(keyword, value)).join(""),
  );
  const padded = new Uint8Array(Math.ceil(extended.length / BLOCK) * BLOCK);
  padded.set(extended);
  const head = block({
    ...common,
    name: encoder.encode("pax"),
    size: extended.length,
    type: "x",
    mode: 0o644,
  });
  const all = new Uint8Array(head.length + padded.length + own.length);
  all.set(head);
  all.set(padded, head.length);
  all.set(own, head.length + padded.length);
  return all;
}

/** A record of a pax header. Its length counts itself. */
function record(keyword: string, value: string): string {
  const length = encoder.encode(` ${keyword}=${value}\n`).length;
  let all = length + String(length).length;
  all = length + String(all).length;
  return `${all} ${keyword}=${value}\n`;
}

interface Block {
  readonly name: Uint8Array;
  readonly size: number;
  readonly seconds: number;
  readonly type: "0" | "5" | "x";
  readonly mode: number;
}

function block({ name, size, seconds, type, mode }: Block): Uint8Array {
  const octets = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => void encoder.encodeInto(text, octets.subarray(at));
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  octets.set(name);
  put(100, octal(mode, 7));
  put(108, octal(0, 7)); // the owner and the group: root, who clients are not
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(seconds, 11));
  put(148, "        "); // counts as blanks in the checksum
  put(156, type);
  put(257, "ustar\x0000");
  put(148, `${octal(octets.reduce((sum, each) => sum + each, 0), 6)} `);
  return octets;
}
