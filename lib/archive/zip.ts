// The ZIP format, by client-zip: a typed package of 6 KB without dependencies that writes streams,
// ZIP64 and UTF-8 names, and compresses nothing.

import { type Content, pieces } from "../http/content.ts";
import { scheduler } from "../scheduler.ts";
import type { ArchiveEntry } from "./tar.ts";

/** Milliseconds for the checksum of one byte. */
const CHECKSUM_COST = 1 / 400_000;

/** The range of times that a ZIP file can express, in any time zone. */
const FIRST_TIME = Date.UTC(1980, 0, 2);
const LAST_TIME = Date.UTC(2107, 11, 30);

/**
 * The octets of an archive.
 *
 * @param client For whom it is made.
 */
export async function* writeZip(
  entries: AsyncIterable<ArchiveEntry>,
  client: string,
): AsyncGenerator<Uint8Array> {
  const { makeZip } = await import("client-zip");
  const reader = makeZip(inputsOf(entries, client)).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => {}); // It has thrown the error of the entries already.
  }
}

type Input =
  & { name: string; lastModified: Date; mode: number }
  & (
    | { input: ReadableStream<Uint8Array> }
    | { input?: never }
  );

async function* inputsOf(
  entries: AsyncIterable<ArchiveEntry>,
  client: string,
): AsyncGenerator<Input> {
  for await (const { name, modified, content } of entries) {
    const lastModified = new Date(Math.min(Math.max(modified, FIRST_TIME), LAST_TIME));
    if (content === null) yield { name, lastModified, mode: 0o755 };
    else {
      try {
        yield { name, lastModified, mode: 0o644, input: streamOf(content, client) };
      } finally {
        content.close();
      }
    }
  }
}

/** A content as a stream that reads nothing ahead. Its pieces are copies: they wait in a queue. */
function streamOf(content: Content, client: string): ReadableStream<Uint8Array> {
  const source = pieces(content);
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const { done, value } = await source.next();
      if (done) return controller.close();
      const cost = CHECKSUM_COST * value.length;
      if (!scheduler.take(cost)) await scheduler.turn(cost, client);
      controller.enqueue(value.slice());
    },
  }, { highWaterMark: 0 });
}
