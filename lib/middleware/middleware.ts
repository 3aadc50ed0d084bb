// What a middleware is: a function around a handler.

import type { ResponseFields } from "../http/fields.ts";
import { nameIn } from "../http/fields.ts";
import type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";

/**
 * Makes a handler of a handler. What it does before and after is between the two calls.
 *
 * @example
 * ```ts
 * import { chain, type Middleware } from "@wireserve/wireserve/middleware";
 * import { serve } from "@wireserve/wireserve";
 *
 * const timed: Middleware = (next) => async (request) => {
 *   const start = performance.now();
 *   const response = await next(request);
 *   const timing = `app;dur=${(performance.now() - start).toFixed(1)}`;
 *   return { ...response, fields: { ...response.fields, "Server-Timing": timing } };
 * };
 * await using server = serve(chain(() => ({ status: 204 }), timed), { port: 0 });
 * console.log((await fetch(server.url)).headers.has("Server-Timing")); // true
 * ```
 */
export type Middleware = (next: Handler) => Handler;

/**
 * A handler behind middleware. The first one is the outermost: it sees the request first, and the
 * response last.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, etag } from "@wireserve/wireserve/middleware";
 *
 * const handler = webHandler(chain(() => ({ status: 200, content: "Hello" }), etag()));
 * const { headers } = await handler(new Request("http://localhost/"));
 * console.log(headers.get("ETag"));
 * ```
 */
export function chain(handler: Handler, ...middleware: readonly Middleware[]): Handler {
  return middleware.reduceRight((next, wrap) => wrap(next), handler);
}

/** The response of a handler with further fields, also where it throws an error with a status. */
export async function withFields(
  next: Handler,
  request: HttpRequest,
  fieldsOf: (fields: ResponseFields) => ResponseFields,
): Promise<HttpResponse> {
  try {
    const response = await next(request);
    return { ...response, fields: fieldsOf(response.fields ?? {}) };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new StatusError(error.status, error.message, fieldsOf(error.fields));
  }
}

/** A field of a response, its lines joined, or null. */
export function fieldOf(fields: ResponseFields, name: string): string | null {
  const written = nameIn(fields, name);
  return written === null ? null : [fields[written]!].flat().join(", ");
}
