// The other direction: a native handler as a web handler, in a framework for instance.

import { fromStream, toStream } from "../http/content.ts";
import { Fields } from "../http/fields.ts";
import {
  errorResponse,
  type Handler,
  type HttpRequest,
  type HttpResponse,
  ParsedRequest,
  withContentType,
} from "../http/message.ts";
import { isContentless, StatusError } from "../http/status.ts";
import { parseTarget } from "../http/target.ts";
import { httpRequestOf } from "./request.ts";
import { nativeResponses } from "./response.ts";

/**
 * A web handler of a native handler. What it throws with a status becomes a response with it.
 *
 * @param handler A {@linkcode router}, or the files of a directory, for instance.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve/fetch";
 *
 * const handler = webHandler(({ path }) => ({ status: 200, content: path }));
 * const response = await handler(new Request("http://localhost/a"));
 * console.log(await response.text()); // /a
 * ```
 */
export function webHandler(handler: Handler): (request: Request) => Promise<Response> {
  return async (request) => {
    const native = httpRequestOf(request) ?? fromRequest(request);
    try {
      return toResponse(await handler(native), native.method);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return toResponse(errorResponse(error), native.method);
    }
  };
}

/** A native request from one that comes from elsewhere: of a test, or a copy of the server's. */
function fromRequest({ method, url, headers, body, signal }: Request): HttpRequest {
  const { pathname, search, host, protocol } = new URL(url);
  const isSecure = protocol === "https:";
  const target = pathname + search;
  const native = new ParsedRequest({
    ...parseTarget(method, target, isSecure),
    ...{ method, target, authority: host, minorVersion: 1, isPersistent: true },
    fields: new Fields(headers),
    framing: body === null ? { type: "none" } : { type: "chunked" },
    expectsContinue: false,
  });
  native.isSecure = isSecure;
  if (body !== null) native.content = fromStream(body);
  if (signal.aborted) native.abort();
  else signal.addEventListener("abort", () => native.abort());
  return native;
}

function toResponse(response: HttpResponse, method: string): Response {
  const { status, upgrade } = response;
  if (upgrade !== undefined) {
    const stand = new Response(null);
    Object.defineProperty(stand, "status", { value: 101 });
    nativeResponses.set(stand, response);
    return stand;
  }
  const { fields = {}, content = "" } = isContentless(status)
    ? response
    : withContentType(response);
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    for (const each of [value].flat()) headers.append(name, each);
  }
  const isStream = typeof content === "object" && !(content instanceof Uint8Array);
  const isEmpty = method === "HEAD" || isContentless(status) || status === 205;
  const length = isStream ? content.length : new Blob([content as BlobPart]).size;
  if (length !== null && !isContentless(status)) headers.set("Content-Length", String(length));
  if (isEmpty && isStream) content.close();
  const body = isEmpty ? null : isStream ? toStream(content) : content as BodyInit;
  const made = new Response(body, { status, headers });
  // Text would get a type from the web API that the handler did not give it.
  if (!isStream && !headers.has("Content-Type")) made.headers.delete("Content-Type");
  return made;
}
