/**
 * An HTTP/1.1 server from the TCP socket up, for Deno programs.
 *
 * ```ts
 * import { router, serve } from "@wireserve/wireserve";
 *
 * await using server = serve(
 *   router([
 *     {
 *       method: "GET",
 *       path: "/hello/{name}",
 *       handler: ({ parameters }) => ({
 *         status: 200,
 *         fields: { "Content-Type": "text/plain" },
 *         content: `Hello, ${parameters["name"]}!`,
 *       }),
 *     },
 *   ]),
 *   { port: 0 },
 * );
 * console.log(server.url);
 * ```
 *
 * @module
 */

export { encodeContent } from "./compression.ts";
export {
  type FetchHandler,
  fetchHandler,
  type RequestInfo,
  serveFetch,
  webHandler,
} from "./fetch/mod.ts";
export { CLOSE_REASONS, type CloseReason } from "./http/connection_state.ts";
export { collect, type Content, fromStream, toStream } from "./http/content.ts";
export { Fields, type ResponseFields } from "./http/fields.ts";
export { json, readJson } from "./http/json.ts";
export type { Framing } from "./http/framing.ts";
export type { MessageLimits } from "./http/limits.ts";
export type {
  Handler,
  HttpRequest,
  HttpResponse,
  PathParameters,
  RequestHead,
} from "./http/message.ts";
export { boundaryOf, type FormPart, FormReader } from "./http/multipart.ts";
export type { Upgrade, UpgradedConnection, UpgradeHandler } from "./http/upgrade.ts";
export {
  evaluatePreconditions,
  isRangeCurrent,
  type Validators,
  type Verdict,
} from "./http/preconditions.ts";
export { type ByteRange, contentRange, selectRanges } from "./http/range.ts";
export { StatusError } from "./http/status.ts";
export { type Route, type RouteLimits, router } from "./router.ts";
export type {
  ConnectionStatus,
  ConnectionView,
  LogRecord,
  RequestView,
} from "./server/exchange.ts";
export { DEFAULT_LIMITS, type Limits, type Timeouts } from "./server/limits.ts";
export { type Certificate, type Endpoint, removeStaleSocket } from "./server/listener.ts";
export { type Capacity, serve, type Server } from "./server/server.ts";
export type { ServeOptions } from "./server/options.ts";
export type { ListenAddress, ServeCallbacks } from "./server/callbacks.ts";
export { upgrade, type UpgradeOptions } from "./server/upgrade.ts";
export { TrustedProxies } from "./trusted_proxies.ts";
