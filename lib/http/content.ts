// Content (RFC 9110 section 6.4), pulled piece by piece: it is never in memory as a whole.

import { contentTooLarge, StatusError } from "./status.ts";

/**
 * A sequence of octets. Its reader closes it when it is done, also before its end.
 *
 * @example
 * ```ts
 * import { collect, type Content, fromStream } from "@wireserve/wireserve/http";
 *
 * const content: Content = fromStream(new Blob(["abc"]).stream());
 * console.log((await collect(content, 100)).length); // 3
 * ```
 */
export interface Content extends AsyncIterable<Uint8Array> {
  /** The number of octets in all, or null if only the end tells it. */
  readonly length: number | null;
  /**
   * The next piece, valid until the next call, or null at the end.
   *
   * @throws {StatusError} if the sequence cannot be completed.
   */
  read(): Promise<Uint8Array | null>;
  /** Releases the source. It may be called twice, and during a read, which must then end. */
  close(): void;
}

/**
 * The content of a message without content.
 *
 * @example
 * ```ts
 * import { NO_CONTENT } from "@wireserve/wireserve/http";
 *
 * console.log(NO_CONTENT.length, await NO_CONTENT.read()); // 0 null
 * ```
 */
export const NO_CONTENT: Content = Object.freeze({
  length: 0,
  read: () => Promise.resolve(null),
  close(): void {},
  [Symbol.asyncIterator]: () => pieces(NO_CONTENT),
});

/** The pieces of a content, each valid until the next one is asked for. Closes the content. */
export async function* pieces(content: Content): AsyncGenerator<Uint8Array> {
  try {
    for (
      let piece = await content.read();
      piece !== null;
      piece = await content.read()
    ) {
      yield piece;
    }
  } finally {
    content.close();
  }
}

/**
 * A content whose reader gets so many octets at most.
 *
 * @param limit The number of octets, beyond which reading it is 413.
 */
export function limited(content: Content, limit: number): Content {
  let length = 0;
  const checked: Content = {
    length: content.length,
    async read(): Promise<Uint8Array | null> {
      const piece = await content.read();
      length += piece?.length ?? 0;
      if (length > limit) throw contentTooLarge();
      return piece;
    },
    close: () => content.close(),
    [Symbol.asyncIterator]: () => pieces(checked),
  };
  return checked;
}

/**
 * All octets of a content.
 *
 * @param limit The most octets to read into memory.
 * @throws {StatusError} 413 if there are more.
 *
 * @example
 * ```ts
 * import { collect, serve } from "@wireserve/wireserve";
 *
 * await using server = serve(
 *   async ({ content }) => ({ status: 200, content: await collect(content, 1 << 20) }),
 *   { port: 0 },
 * );
 * const response = await fetch(server.url, { method: "POST", body: "abc" });
 * console.log(await response.text()); // abc
 * ```
 */
export async function collect(
  content: Content,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const piece of pieces(content)) {
    length += piece.length;
    if (length > limit) {
      throw new StatusError(413, "The content is too large to be read into memory.");
    }
    parts.push(piece.slice());
  }
  return parts.length === 1 ? parts[0]! : await new Blob(parts).bytes();
}

/**
 * A content as a web stream of bytes, for `pipeThrough` and the like. Its chunks are copies. Nothing
 * is read before it is asked for.
 *
 * @param toError What the stream fails with, given what the content fails with: the same by default.
 *
 * @example
 * ```ts
 * import { fromStream, toStream } from "@wireserve/wireserve";
 *
 * const content = fromStream(new Blob(["abc"]).stream());
 * console.log(await new Response(toStream(content)).text()); // abc
 * ```
 */
export function toStream(
  content: Content,
  toError: (error: unknown) => unknown = (error) => error,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller): Promise<void> {
      try {
        let piece = await content.read();
        while (piece?.length === 0) piece = await content.read();
        if (piece !== null) return controller.enqueue(piece.slice());
      } catch (error) {
        content.close();
        throw toError(error);
      }
      content.close();
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel(): void {
      content.close();
    },
  });
}

/**
 * A web stream as a content.
 *
 * @param length The number of octets, or null if it is unknown.
 *
 * @example
 * ```ts
 * import { fromStream } from "@wireserve/wireserve";
 *
 * const content = fromStream(new Blob(["abc"]).stream(), 3);
 * for await (const piece of content) console.log(piece.length); // 3
 * ```
 */
export function fromStream(
  stream: ReadableStream<Uint8Array>,
  length: number | null = null,
): Content {
  const reader = stream.getReader();
  const content: Content = {
    length,
    async read(): Promise<Uint8Array | null> {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    close(): void {
      // A failed stream rejects its cancellation with the error that read() has thrown already.
      reader.cancel().catch(() => {});
    },
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return content;
}
