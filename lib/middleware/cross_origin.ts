// Protection against cross-site writing, by the algorithm of CrossOriginProtection in Go's net/http.
// A page of another site can make a browser send a request that it need not ask for, with the rights
// of the person at the browser.

import type { HttpRequest } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { checkOrigin } from "./cors.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Who may write from another site.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, type CrossOriginOptions, crossOriginProtection } from "@wireserve/wireserve/middleware";
 *
 * const options: CrossOriginOptions = { origins: ["https://example.com"] };
 * const handler = webHandler(chain(() => ({ status: 204 }), crossOriginProtection(options)));
 * const headers = { "Origin": "https://example.com" };
 * const request = new Request("http://localhost/", { method: "POST", headers });
 * console.log((await handler(request)).status); // 204
 * ```
 */
export interface CrossOriginOptions {
  /** Origins whose pages may, as `https://example.com`. None by default. */
  readonly origins?: readonly string[] | undefined;
  /** What follows the sentence of the 403: which setting allows it, for instance. */
  readonly hint?: string | undefined;
}

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses requests of unsafe methods with 403 where they come from a page of another site: by
 * `Sec-Fetch-Site`, which no page can set; without it by an `Origin` whose host is not that of the
 * request. Programs such as curl send neither, and pass.
 *
 * @throws {TypeError} for something that is no origin.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, crossOriginProtection } from "@wireserve/wireserve/middleware";
 *
 * const handler = webHandler(chain(() => ({ status: 204 }), crossOriginProtection()));
 * const headers = { "Origin": "https://example.com" };
 * const request = new Request("http://localhost/", { method: "POST", headers });
 * console.log((await handler(request)).status); // 403
 * ```
 */
export function crossOriginProtection(options: CrossOriginOptions = {}): Middleware {
  const { origins = [], hint = "" } = options;
  for (const each of origins) checkOrigin(each);
  const sentence = `A page of another site may not change anything here.${hint && ` ${hint}`}`;
  return (next) => (request) => {
    if (isFromElsewhere(request) && !origins.includes(request.fields.get("Origin") ?? "")) {
      throw new StatusError(403, sentence);
    }
    return next(request);
  };
}

function isFromElsewhere({ method, fields, authority }: HttpRequest): boolean {
  if (SAFE_METHODS.has(method)) return false;
  const site = fields.get("Sec-Fetch-Site");
  if (site !== null && site !== "") return site !== "same-origin" && site !== "none";
  const origin = fields.get("Origin");
  if (origin === null || origin === "") return false;
  // The scheme is not compared: behind a proxy, it may be another one.
  const [, host] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#@]+)$/i.exec(origin) ?? [];
  return host === undefined || host.toLowerCase() !== authority?.toLowerCase();
}
