// The two kinds of message as values (RFC 9110 section 6). Handlers see these and nothing of
// the connection.

import type { Content } from "./content.ts";
import type { Fields, ResponseFields } from "./fields.ts";
import type { Framing } from "./framing.ts";

/** What the head of a request says, checked. */
export interface RequestHead {
  /** The method as sent: methods are case-sensitive. */
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** The path of the target as sent, escapes included. */
  readonly path: string;
  /** The query of the target as sent, without its `?`, or null without one. */
  readonly query: string | null;
  /** Host and port that the request is for: the target's own, else the Host field's, else null. */
  readonly authority: string | null;
  /** The minor version of HTTP/1 that the client speaks: 0, or 1 for every later one. */
  readonly minorVersion: 0 | 1;
  /** The field lines. */
  readonly fields: Fields;
  /** How the content is delimited. */
  readonly framing: Framing;
  /** Whether the client wants the connection kept after the response (RFC 9112 section 9.3). */
  readonly isPersistent: boolean;
  /** Whether the client waits for `100 Continue` before it sends content (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
}

/** The values of a route's parameters, percent-decoded once. */
export type PathParameters = Readonly<Record<string, string>>;

/** A request as a handler gets it. */
export interface HttpRequest extends RequestHead {
  /** The content, read on demand. Reading it is what sends `100 Continue`. */
  readonly content: Content;
  /** The parameters that the route's pattern found in the path; the router sets them. */
  parameters: PathParameters;
  /** The client's address: the peer's own, `unix` for a Unix socket, or what a proxy has told. */
  readonly client: string;
}

/** The parameters of a request that no route with parameters has matched. */
export const NO_PARAMETERS: PathParameters = Object.freeze({});

/** A request that the server still completes: with its content, its client and its parameters. */
export type ParsedRequest = { -readonly [Name in keyof HttpRequest]: HttpRequest[Name] };

/** What a handler answers. */
export interface HttpResponse {
  /** The status code, 200 to 599. */
  readonly status: number;
  /**
   * The fields, all but those that the server writes itself: `Content-Length`,
   * `Transfer-Encoding`, `Connection`, `Keep-Alive` and `Date`. A frozen object is checked once,
   * however many responses it is in.
   */
  readonly fields?: ResponseFields | undefined;
  /**
   * The content: text (sent as UTF-8), octets, or a content to be streamed. None by default.
   * Octets must not change before they have been sent. Of what is streamed, the first piece takes
   * the head along: where it is long in coming, events for instance, begin with a comment.
   */
  readonly content?: string | Uint8Array | Content | undefined;
  /** Leaves out the Date field, against RFC 9110 section 6.6.1. False by default. */
  readonly isDateless?: boolean | undefined;
  /** Never: what has headers is a web `Response`, of which nothing but the status would be sent. */
  readonly headers?: never;
}

/** Answers a request. What it throws becomes the response: a StatusError its status, else 500. */
export type Handler = (
  request: HttpRequest,
) => HttpResponse | Promise<HttpResponse>;
