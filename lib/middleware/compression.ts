// Compression of responses, as the client prefers.

import { encodeContent } from "../compression.ts";
import { fieldOf, type Middleware } from "./middleware.ts";

/** Types that are compressed: others are so already, or hardly get smaller. */
const COMPRESSIBLE =
  /^(?:text\/|(?:application|image)\/(?:[\w.-]+\+)?(?:json|xml)\b|application\/(?:javascript|wasm)\b)/i;

/**
 * Compresses text, JSON, XML and the like with gzip or brotli, streams as well. Left as they are:
 * what has a `Content-Encoding`, what says `no-transform` (RFC 9110 section 7.7), parts, and events,
 * which must not wait.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, compression } from "@wireserve/wireserve/middleware";
 *
 * const text = "Hello! ".repeat(100);
 * const handler = webHandler(chain(() => ({ status: 200, content: text }), compression()));
 * const request = new Request("http://localhost/", { headers: { "Accept-Encoding": "gzip" } });
 * console.log((await handler(request)).headers.get("Content-Encoding")); // gzip
 * ```
 */
export function compression(): Middleware {
  return (next) => async (request) => {
    const response = await next(request);
    const { fields = {}, content, status } = response;
    const type = fieldOf(fields, "Content-Type") ??
      (typeof content === "string" ? "text/plain" : "");
    const isFixed = /\bno-transform\b/i.test(fieldOf(fields, "Cache-Control") ?? "");
    if (
      isFixed || status === 206 || !COMPRESSIBLE.test(type) || /^text\/event-stream/i.test(type)
    ) {
      return response;
    }
    const coded = await encodeContent(request, response);
    const tag = fieldOf(fields, "ETag");
    if (tag === null || coded.content === content || tag.startsWith("W/")) return coded;
    // A strong tag is that of one coding only (RFC 9110 section 8.8.3.3).
    const others = Object.entries(coded.fields!).filter(([name]) => !/^etag$/i.test(name));
    return { ...coded, fields: { ...Object.fromEntries(others), "ETag": `W/${tag}` } };
  };
}
