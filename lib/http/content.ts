// Content on its way, in either direction (RFC 9110 section 6.4): octets that are pulled piece
// by piece, so that of a representation there is never more in memory than is being sent.

import { StatusError } from "./status.ts";

/**
 * A sequence of octets to come.
 *
 * A request has one as its content; a response may have one. Whoever reads it calls
 * {@linkcode Content.close} when done with it, be that at its end, before, or after an error.
 */
export interface Content extends AsyncIterable<Uint8Array> {
  /** How many octets there are in all, or null where only their end will tell. */
  readonly length: number | null;
  /**
   * The next piece, or null at the end.
   *
   * The piece is a view that lives until the next call; who needs it longer copies it.
   *
   * @throws {StatusError} where the sequence cannot be completed.
   */
  read(): Promise<Uint8Array | null>;
  /**
   * Lets go of whatever the octets come from. To call it twice does no harm. A {@linkcode read} that
   * waits for them comes to its end, well or badly: the server closes what has nothing to say when
   * it closes the connection.
   */
  close(): void;
}

/** The content of a message that has none. */
export const NO_CONTENT: Content = Object.freeze({
  length: 0,
  read: () => Promise.resolve(null),
  close(): void {},
  [Symbol.asyncIterator]: () => pieces(NO_CONTENT),
});

/** The pieces of a content one by one, each a view that lives until the next. */
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
 * All octets of a content at once.
 *
 * @param limit The most octets to take into memory.
 * @throws {StatusError} 413 where there are more.
 */
export async function collect(
  content: Content,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: BlobPart[] = [];
  let length = 0;
  for await (const piece of pieces(content)) {
    length += piece.length;
    if (length > limit) {
      throw new StatusError(413, "The content is too large to be held.");
    }
    parts.push(piece.slice());
  }
  return await new Blob(parts).bytes();
}

/** A content as a web stream, for `pipeThrough` and the like. Pieces are copies. */
export function toStream(content: Content): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = pieces(content);
  return new ReadableStream({
    async pull(controller): Promise<void> {
      let next = await source.next();
      while (!next.done && next.value.length === 0) next = await source.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value.slice());
    },
    async cancel(): Promise<void> {
      content.close();
      await source.return(undefined);
    },
  });
}

/**
 * A web stream as a content.
 *
 * @param stream What the octets come from.
 * @param length How many there will be, where that is known.
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
      // A stream that failed rejects its cancellation with what it failed of: read() told that.
      reader.cancel().catch(() => {});
    },
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return content;
}
