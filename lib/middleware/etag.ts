// Entity tags from content (RFC 9110 section 8.8.3), and 304 for those who have it.

import { createHash } from "node:crypto"; // synchronous: crypto.subtle costs a thread for each page
import { Fields } from "../http/fields.ts";
import { evaluatePreconditions } from "../http/preconditions.ts";
import { fieldOf, type Middleware } from "./middleware.ts";

const NAME = "If-None-Match";

/** Fields that a 304 has (RFC 9110 section 15.4.5). */
const OF_NOT_MODIFIED = /^(?:cache-control|content-location|etag|expires|set-cookie|vary)$/i;

/**
 * Gives a 200 for GET or HEAD an `ETag` made from its content, and answers 304 where the client has
 * it: `If-None-Match` is the condition that counts. A tag that the handler has set is kept. Streams have
 * none: their content is not known before it is sent.
 *
 * Put it inside of {@linkcode compression}: the tag is weak, since it is that of all codings.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, etag } from "@wireserve/wireserve/middleware";
 *
 * const handler = webHandler(chain(() => ({ status: 200, content: "Hello" }), etag()));
 * const request = new Request("http://localhost/", { headers: { "If-None-Match": "*" } });
 * console.log((await handler(request)).status); // 304
 * ```
 */
export function etag(): Middleware {
  return (next) => async (request) => {
    const response = await next(request);
    const { status, content = "", fields = {} } = response;
    const isRead = request.method === "GET" || request.method === "HEAD";
    const isWhole = typeof content === "string" || content instanceof Uint8Array;
    if (!isRead || status !== 200) return response;
    const own = fieldOf(fields, "ETag");
    if (own === null && !isWhole) return response;
    const tag = own ?? `W/"${createHash("sha256").update(content as string).digest("base64url")}"`;
    const tagged = own === null ? { ...fields, "ETag": tag } : fields;
    const known = new Fields(request.fields.lines(NAME).map((value) => [NAME, value]));
    const current = { etag: tag, lastModified: 0 };
    if (evaluatePreconditions(request.method, known, current, 0) === "holds") {
      return { ...response, fields: tagged };
    }
    if (!isWhole) content.close();
    const kept = Object.entries(tagged).filter(([name]) => OF_NOT_MODIFIED.test(name));
    return { status: 304, fields: Object.fromEntries(kept) };
  };
}
