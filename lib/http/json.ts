// JSON as content (RFC 8259): of a response, and of a request.

import { collect } from "./content.ts";
import type { ResponseFields } from "./fields.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { StatusError } from "./status.ts";

/** Bytes of JSON that are read by default: 1 MiB, more than people type. */
const MAX_JSON = 1 << 20;

/**
 * A response with a value as JSON.
 *
 * @param init The status, 200 by default, and further fields.
 * @throws {TypeError} for a value that JSON does not have: a function, undefined, or a circle.
 *
 * @example
 * ```ts
 * import { json } from "@wireserve/wireserve";
 *
 * console.log(json({ a: 1 }).content); // {"a":1}
 * ```
 */
export function json(
  value: unknown,
  init: { readonly status?: number; readonly fields?: ResponseFields } = {},
): HttpResponse {
  const content = JSON.stringify(value) as string | undefined;
  if (content === undefined) throw new TypeError(`JSON has no ${typeof value}`);
  const { status = 200, fields } = init;
  return { status, fields: { "Content-Type": "application/json", ...fields }, content };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The value that the content of a request has as JSON. What it is must be checked by the handler.
 *
 * @param limit Bytes of content to read: 1 MiB by default.
 * @throws {StatusError} 415 where the media type is not JSON, 413 for more content, 400 for content
 * that is no JSON in UTF-8.
 *
 * @example
 * ```ts
 * import { json, readJson, webHandler } from "@wireserve/wireserve";
 *
 * const handler = webHandler(async (request) => json(await readJson(request)));
 * const request = new Request("http://localhost/", {
 *   method: "POST",
 *   headers: { "Content-Type": "application/json" },
 *   body: "[1, 2]",
 * });
 * console.log(await (await handler(request)).json()); // [1, 2]
 * ```
 */
export async function readJson(
  request: Pick<HttpRequest, "fields" | "content">,
  limit: number = MAX_JSON,
): Promise<unknown> {
  const type = request.fields.get("Content-Type") ?? "";
  if (!/^application\/(?:[\w.!#$&^-]+\+)?json[ \t]*(?:;|$)/i.test(type)) {
    throw new StatusError(415, "The content must be JSON, of the type application/json.", {
      "Accept": "application/json",
    });
  }
  const content = await collect(request.content, limit);
  try {
    return JSON.parse(utf8.decode(content));
  } catch {
    throw new StatusError(400, "The content is not valid JSON in UTF-8.");
  }
}
