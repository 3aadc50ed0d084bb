/**
 * HTTP/1.1 without input and output (RFC 9110, RFC 9112): a parser of requests, the octets of
 * responses, and what both sides decide by fields. It runs in Deno, in Node.js from version 20 on, and
 * in browsers.
 *
 * ```ts
 * import { HeadComposer, joinHead, RequestParser, responseFraming } from "@wireserve/wireserve/http";
 *
 * const parser = new RequestParser();
 * parser.push(new TextEncoder().encode("GET /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n"));
 * const event = parser.next(); // null would mean that more octets are needed
 * if (event?.type === "head") {
 *   const { head } = event;
 *   const framing = responseFraming(head.minorVersion, 200, 2);
 *   const context = { date: new Date(0).toUTCString(), framing, closes: !head.isPersistent };
 *   const octets = joinHead(
 *     new HeadComposer().compose(head, { status: 200 }, context),
 *     new TextEncoder().encode("ok"),
 *   );
 *   console.log(head.method, head.path, head.query, new TextDecoder().decode(octets));
 * }
 * ```
 *
 * @module
 */

export { CLOSE_REASONS, type CloseReason, ConnectionState } from "./connection_state.ts";
export type { ConnectionEvent, Reading, Writing } from "./connection_state.ts";
export { collect, type Content, fromStream, NO_CONTENT, toStream } from "./content.ts";
export { formatDate, parseDate } from "./date.ts";
export { Fields, type ResponseFields } from "./fields.ts";
export type { Framing } from "./framing.ts";
export { json, readJson } from "./json.ts";
export { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from "./limits.ts";
export {
  type Handler,
  type HttpRequest,
  type HttpResponse,
  METHODS,
  ParsedRequest,
  type PathParameters,
  type RequestHead,
} from "./message.ts";
export { boundaryOf, type FormPart, FormReader } from "./multipart.ts";
export { type Coding, negotiateCoding, negotiateType } from "./negotiation.ts";
export { type ParserEvent, RequestParser } from "./parser.ts";
export {
  evaluatePreconditions,
  isRangeCurrent,
  type Validators,
  type Verdict,
} from "./preconditions.ts";
export { type ByteRange, contentRange, selectRanges } from "./range.ts";
export { reasonPhrase, StatusError } from "./status.ts";
export { decodePath, normalizePath, parseTarget, type Target } from "./target.ts";
export type { Upgrade, UpgradedConnection, UpgradeHandler } from "./upgrade.ts";
export {
  CONTINUE,
  encodeChunk,
  HeadComposer,
  type HeadContext,
  joinHead,
  LAST_CHUNK,
  type ResponseFraming,
  responseFraming,
  type ResponseHead,
  switchingProtocols,
} from "./writer.ts";
