/**
 * Middleware: functions from a handler to a handler.
 *
 * ```ts
 * import { serve } from "@wireserve/wireserve";
 * import { chain, compression, cors, etag } from "@wireserve/wireserve/middleware";
 *
 * const handler = chain(
 *   () => ({ status: 200, content: "Hello, world!\n" }),
 *   cors({ origins: ["https://example.com"] }),
 *   compression(),
 *   etag(),
 * );
 * await using server = serve(handler, { port: 0 });
 * console.log(await (await fetch(server.url)).text());
 * ```
 *
 * @module
 */

export { basicAuth, type BasicAuthOptions, type Credentials, credentialsOf } from "./basic_auth.ts";
export { compression } from "./compression.ts";
export { cors, type CorsOptions } from "./cors.ts";
export { type CrossOriginOptions, crossOriginProtection } from "./cross_origin.ts";
export { etag } from "./etag.ts";
export { hostCheck, type HostCheckOptions } from "./host_check.ts";
export { chain, type Middleware } from "./middleware.ts";
export { rateLimit, type RateLimitOptions } from "./rate_limit.ts";
