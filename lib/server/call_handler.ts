// Asks the handler of a server for a response. Whatever it does, there is one: an error that it
// throws, and a value that is no response, each become one.

import type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
import type { RequestContext } from "./request_context.ts";
import type { ResponseWriter } from "./response_writer.ts";

/** The handler's response, at once where it answers at once, or the one its error stands for. */
export function callHandler(
  handler: Handler,
  writer: ResponseWriter,
  exchange: RequestContext,
  request: HttpRequest,
): HttpResponse | Promise<HttpResponse> {
  try {
    const response = handler(request);
    return isThenable(response) ? settle(writer, exchange, response) : checked(response);
  } catch (error) {
    return writer.toResponse(exchange, error);
  }
}

async function settle(
  writer: ResponseWriter,
  exchange: RequestContext,
  response: PromiseLike<HttpResponse>,
): Promise<HttpResponse> {
  try {
    return checked(await response);
  } catch (error) {
    return writer.toResponse(exchange, error);
  }
}

function isThenable(value: unknown): value is PromiseLike<HttpResponse> {
  return typeof value === "object" && value !== null && "then" in value;
}

function checked(response: unknown): HttpResponse {
  if (typeof response === "object" && response !== null) return response as HttpResponse;
  throw new TypeError("The handler has given no response");
}
