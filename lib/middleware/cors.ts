// Cross-origin resource sharing (Fetch Standard, "CORS protocol").

import type { ResponseFields } from "../http/fields.ts";
import type { HttpRequest } from "../http/message.ts";
import { withVary } from "../http/negotiation.ts";
import { type Middleware, withFields } from "./middleware.ts";

/**
 * Who may use what.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, cors, type CorsOptions } from "@wireserve/wireserve/middleware";
 *
 * const options: CorsOptions = { origins: "*", maxAge: 3600 };
 * const handler = webHandler(chain(() => ({ status: 204 }), cors(options)));
 * const headers = { "Origin": "https://example.com" };
 * const response = await handler(new Request("http://localhost/", { headers }));
 * console.log(response.headers.get("Access-Control-Allow-Origin")); // *
 * ```
 */
export interface CorsOptions {
  /** Origins, as `https://example.com`, or `*` for all. */
  readonly origins: readonly string[] | "*";
  /** Methods beside GET, HEAD and POST. By default PUT, PATCH and DELETE. */
  readonly methods?: readonly string[] | undefined;
  /** Fields of requests beside the safe ones. By default those that a preflight asks for. */
  readonly allowedFields?: readonly string[] | undefined;
  /** Fields of responses that scripts may read beside the safe ones. None by default. */
  readonly exposedFields?: readonly string[] | undefined;
  /** Whether cookies and passwords count: false by default. It excludes `*`. */
  readonly credentials?: boolean | undefined;
  /** Seconds for which a preflight need not be repeated: 600 by default. */
  readonly maxAge?: number | undefined;
}

/**
 * Lets pages of other origins use the handler. Preflights are answered with 204, errors with a status
 * have the fields as well. Requests of origins that are not allowed are served without the fields: the
 * browser keeps the response from the page. So this is no protection against cross-site writing.
 *
 * @throws {TypeError} for something that is no origin, and for credentials of all origins.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, cors } from "@wireserve/wireserve/middleware";
 *
 * const handler = webHandler(chain(
 *   () => ({ status: 200, content: "Hello" }),
 *   cors({ origins: ["https://example.com"] }),
 * ));
 * const request = new Request("http://localhost/", { headers: { "Origin": "https://example.com" } });
 * console.log((await handler(request)).headers.get("Access-Control-Allow-Origin"));
 * ```
 */
export function cors(options: CorsOptions): Middleware {
  const { origins, methods = ["PUT", "PATCH", "DELETE"], credentials = false } = options;
  const { allowedFields, exposedFields = [], maxAge = 600 } = options;
  if (origins === "*" && credentials) throw new TypeError("Credentials exclude all origins");
  for (const each of origins === "*" ? [] : origins) checkOrigin(each);
  const fieldsFor = (origin: string | null): Record<string, string> => {
    if (origins !== "*" && (origin === null || !origins.includes(origin))) return {};
    return {
      "Access-Control-Allow-Origin": origins === "*" ? "*" : origin!,
      ...(credentials && { "Access-Control-Allow-Credentials": "true" }),
    };
  };
  const preflight = ({ fields }: HttpRequest, common: Record<string, string>): ResponseFields => {
    const asked = fields.get("Access-Control-Request-Headers");
    const allowed = allowedFields?.join(", ") ?? asked;
    if (Object.keys(common).length === 0) return {};
    return {
      ...common,
      "Access-Control-Allow-Methods": ["GET", "HEAD", "POST", ...methods].join(", "),
      ...(allowed !== null && { "Access-Control-Allow-Headers": allowed }),
      "Access-Control-Max-Age": String(maxAge),
    };
  };
  return (next) => (request) => {
    const common = fieldsFor(request.fields.get("Origin"));
    const varied = (fields: ResponseFields) =>
      origins === "*" ? fields : withVary(fields, "Origin");
    if (request.method === "OPTIONS" && request.fields.has("Access-Control-Request-Method")) {
      const fields = withVary(varied(preflight(request, common)), "Access-Control-Request-Headers");
      return { status: 204, fields };
    }
    const exposed = exposedFields.length > 0 && Object.keys(common).length > 0;
    const added = exposed
      ? { ...common, "Access-Control-Expose-Headers": exposedFields.join(", ") }
      : common;
    return withFields(next, request, (fields) => varied({ ...fields, ...added }));
  };
}

/** @throws {TypeError} */
export function checkOrigin(text: string): void {
  if (URL.parse(text)?.origin !== text) {
    throw new TypeError(`${JSON.stringify(text)} is no origin such as https://example.com`);
  }
}
