// Requests and responses as values (RFC 9110 section 6).

import { type Content, NO_CONTENT } from "./content.ts";
import { type Fields, nameIn, type ResponseFields } from "./fields.ts";
import type { Framing } from "./framing.ts";
import type { StatusError } from "./status.ts";
import type { Upgrade } from "./upgrade.ts";

/**
 * The standard methods (RFC 9110 section 9, RFC 5789).
 *
 * @example
 * ```ts
 * import { METHODS } from "@wireserve/wireserve/http";
 *
 * console.log(METHODS.some((method) => method === "PATCH")); // true
 * ```
 */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
] as const;

/** Whether content has no meaning in a request of this method (RFC 9110 section 9.3). */
export function ignoresContent(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "DELETE" || method === "OPTIONS";
}

/**
 * The head of a request, checked.
 *
 * @example
 * ```ts
 * import { type RequestHead, RequestParser } from "@wireserve/wireserve/http";
 *
 * const parser = new RequestParser();
 * parser.push(new TextEncoder().encode("GET /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n"));
 * const event = parser.next();
 * const head: RequestHead | null = event?.type === "head" ? event.head : null;
 * console.log(head?.path, head?.query, head?.authority); // /a b example.com
 * ```
 */
export interface RequestHead {
  /** The method as sent: methods are case-sensitive. */
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** The path of the target as sent, with its percent escapes. */
  readonly path: string;
  /** The query of the target as sent, without its `?`, or null without one. */
  readonly query: string | null;
  /** The host and port of the request: from the target, else from the Host field, else null. */
  readonly authority: string | null;
  /** The minor version of HTTP/1 that the client speaks: 0, or 1 for every later one. */
  readonly minorVersion: 0 | 1;
  /** The field lines. */
  readonly fields: Fields;
  /** How the content is delimited. */
  readonly framing: Framing;
  /** Whether the connection persists after the response (RFC 9112 section 9.3). */
  readonly isPersistent: boolean;
  /** Whether the client waits for `100 Continue` before it sends content (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
}

/**
 * The values of a route's parameters, percent-decoded once.
 *
 * @example
 * ```ts
 * import { type PathParameters, router, serve } from "@wireserve/wireserve";
 *
 * const greet = ({ name }: PathParameters) => ({ status: 200, content: `Hello ${name}` });
 * await using server = serve(
 *   router([
 *     { method: "GET", path: "/greet/{name}", handler: ({ parameters }) => greet(parameters) },
 *   ]),
 *   { port: 0 },
 * );
 * console.log(await (await fetch(`${server.url}greet/Ada`)).text()); // Hello Ada
 * ```
 */
export type PathParameters = Readonly<Record<string, string>>;

/** Of a route without parameters. */
export const NO_PARAMETERS: PathParameters = Object.freeze({});

/**
 * A request as a handler gets it.
 *
 * @example
 * ```ts
 * import { type HttpRequest, serve } from "@wireserve/wireserve";
 *
 * const whatIsAskedFor = ({ method, path }: HttpRequest) => ({
 *   status: 200,
 *   content: `${method} ${path}`,
 * });
 * await using server = serve(whatIsAskedFor, { port: 0 });
 * console.log(await (await fetch(`${server.url}a`)).text()); // GET /a
 * ```
 */
export interface HttpRequest extends RequestHead {
  /**
   * The content, read on demand. The first read sends `100 Continue` if it is expected. The router
   * limits it where its route has a limit.
   */
  content: Content;
  /** The parameters that the route's pattern found in the path. The router sets them. */
  parameters: PathParameters;
  /** The name that the client has proved by a password, or null. Authentication sets it. */
  user: string | null;
  /** The client's address: that of the peer, `unix` for a Unix socket, or what a proxy reports. */
  readonly client: string;
  /** The address of the peer of the connection, which may be a proxy; `unix` for a Unix socket. */
  readonly peer: string;
  /** The port of the peer; 0 for a Unix socket. */
  readonly peerPort: number;
  /** The id of the request, as the log has it: that of the connection, and a number. */
  readonly id: string;
  /** Whether the connection is secured by TLS. */
  readonly isSecure: boolean;
  /** Aborts when the client leaves, or the connection is closed, before the response is complete. */
  readonly signal: AbortSignal;
}

/**
 * A request that the server still completes: with its content, its client and its parameters.
 *
 * @example
 * ```ts
 * import { ParsedRequest, RequestParser } from "@wireserve/wireserve/http";
 *
 * const parser = new RequestParser();
 * parser.push(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"));
 * const event = parser.next();
 * console.log(event?.type === "head" && event.head instanceof ParsedRequest); // true
 * ```
 */
export class ParsedRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string | null;
  readonly authority: string | null;
  readonly minorVersion: 0 | 1;
  readonly fields: Fields;
  readonly framing: Framing;
  readonly isPersistent: boolean;
  readonly expectsContinue: boolean;
  content: Content = NO_CONTENT;
  parameters: PathParameters = NO_PARAMETERS;
  user: string | null = null;
  client = "";
  peer = "";
  peerPort = 0;
  isSecure = false;
  /** The id of the connection, and the number of the request on it, from 1. */
  connection = "";
  /** @internal */
  number = 0;
  /** Whether the client has left. */
  isAborted = false;
  #controller: AbortController | null = null;

  /** A request without content, for now. */
  constructor(head: RequestHead) {
    this.method = head.method;
    this.target = head.target;
    this.path = head.path;
    this.query = head.query;
    this.authority = head.authority;
    this.minorVersion = head.minorVersion;
    this.fields = head.fields;
    this.framing = head.framing;
    this.isPersistent = head.isPersistent;
    this.expectsContinue = head.expectsContinue;
  }

  get id(): string {
    return `${this.connection}-${this.number}`;
  }

  // Made when it is asked for: few handlers do.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Aborts the signal: the client is gone. */
  abort(): void {
    this.isAborted = true;
    this.#controller?.abort();
  }
}

/**
 * The response of a handler.
 *
 * @example
 * ```ts
 * import { type HttpResponse, serve } from "@wireserve/wireserve";
 *
 * const teapot: HttpResponse = {
 *   status: 418,
 *   fields: { "Content-Type": "text/plain" },
 *   content: "short and stout",
 * };
 * await using server = serve(() => teapot, { port: 0 });
 * const response = await fetch(server.url);
 * console.log(response.status, await response.text()); // 418
 * ```
 */
export interface HttpResponse {
  /** The status code, 200 to 599; 101 is that of an `upgrade`. */
  readonly status: number;
  /**
   * The fields. The server itself writes `Content-Length`, `Transfer-Encoding`, `Connection`,
   * `Keep-Alive` and `Date`. A frozen object is encoded once a second at most.
   */
  readonly fields?: ResponseFields | undefined;
  /**
   * Text (sent as UTF-8, by default as `text/plain`), octets (which must not change before they are sent), or a stream. None
   * by default. The head is sent with the first piece of a stream: events begin with a comment.
   */
  readonly content?: string | Uint8Array | Content | undefined;
  /**
   * Leaves out the Date field, against RFC 9110 section 6.6.1. False by default.
   *
   * @internal
   */
  readonly isDateless?: boolean | undefined;
  /** What `upgrade` has made of a request: the connection changes hands after the 101. */
  readonly upgrade?: Upgrade | undefined;
  /** Never. It makes a web `Response` a type error: only its status would be sent. */
  readonly headers?: never;
}

/** A response whose text has a Content-Type: if the handler sets none, it is plain text. */
export function withContentType(response: HttpResponse): HttpResponse {
  const { content, fields = {} } = response;
  const isUntyped = typeof content === "string" && content !== "" &&
    nameIn(fields, "Content-Type") === null;
  if (!isUntyped) return response;
  return { ...response, fields: { "Content-Type": "text/plain; charset=utf-8", ...fields } };
}

/** The response that an error stands for: its fields, and its sentence as content. */
export function errorResponse({ status, message, fields }: StatusError): HttpResponse {
  const isTyped = nameIn(fields, "Content-Type") !== null;
  const typed = isTyped ? fields : { "Content-Type": "text/plain", ...fields };
  return { status, fields: typed, content: `${message}\n` };
}

/**
 * Answers a request. A thrown StatusError becomes a response of its status, anything else a 500.
 *
 * @example
 * ```ts
 * import { type Handler, serve } from "@wireserve/wireserve";
 *
 * const hello: Handler = ({ path }) => ({ status: 200, content: `Hello from ${path}` });
 * await using server = serve(hello, { port: 0 });
 * console.log(await (await fetch(server.url)).text()); // Hello from /
 * ```
 */
export type Handler = (
  request: HttpRequest,
) => HttpResponse | Promise<HttpResponse>;
