// Status codes (RFC 9110 section 15): their reason phrases, and the error that carries one.

import type { ResponseFields } from "./fields.ts";

const REASON_PHRASES: Readonly<Record<number, string>> = {
  100: "Continue",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

/**
 * The standard reason phrase of a status code, or an empty text.
 *
 * @example
 * ```ts
 * import { reasonPhrase } from "@wireserve/wireserve/http";
 *
 * console.log(reasonPhrase(404)); // Not Found
 * ```
 */
export function reasonPhrase(status: number): string {
  return REASON_PHRASES[status] ?? "";
}

/** Whether a response of this status never has content (RFC 9110 section 6.4.1). */
export function isContentless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/**
 * An error that is answered with a status. The parser, the router and handlers throw it. Its
 * message is sent to the client, so it must not contain octets that the client sent.
 *
 * @example
 * ```ts
 * import { StatusError, webHandler } from "@wireserve/wireserve";
 *
 * const handler = webHandler(() => {
 *   throw new StatusError(404, "There is nothing here.");
 * });
 * console.log((await handler(new Request("http://localhost/"))).status); // 404
 * ```
 */
export class StatusError extends Error {
  /** `StatusError`. */
  override readonly name = "StatusError";
  /** The status code to answer with. */
  readonly status: number;
  /** Fields of the response. */
  readonly fields: ResponseFields;

  /**
   * An error with a status.
   *
   * @param status The status code to answer with, 400 to 599.
   * @param message One sentence for the user of the client.
   * @param fields Fields of the response, `Allow` for instance.
   * @throws {RangeError} for a status that is not that of an error.
   */
  constructor(status: number, message: string, fields: ResponseFields = {}) {
    super(message);
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`The status of an error is 400 to 599, not ${status}`);
    }
    this.status = status;
    this.fields = fields;
  }
}

/** The error for content over the limit, declared or counted. */
export function contentTooLarge(): StatusError {
  return new StatusError(413, "The content is larger than this server takes.");
}
