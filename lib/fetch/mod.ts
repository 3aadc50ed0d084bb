/**
 * Web handlers: functions from a `Request` to a `Response`, such as the `fetch` of a Hono app, on the
 * server of Wireserve.
 *
 * ```ts
 * import { serveFetch } from "@wireserve/wireserve/fetch";
 *
 * await using server = serveFetch(
 *   (request) => new Response(`Hello from ${new URL(request.url).pathname}`),
 *   { port: 0 },
 * );
 * console.log(await (await fetch(`${server.url}there`)).text());
 * ```
 *
 * @module
 */

import type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
import type { ServeOptions } from "../server/options.ts";
import { serve, type Server } from "../server/server.ts";
import { toRequest } from "./request.ts";
import { toHttpResponse } from "./response.ts";

export type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
export type { ServeOptions } from "../server/options.ts";
export type { Server } from "../server/server.ts";
export { webHandler } from "./native.ts";

/**
 * What is known of a request beside what a web `Request` has.
 *
 * @example
 * ```ts
 * import { type RequestInfo, serveFetch } from "@wireserve/wireserve/fetch";
 *
 * const whoAsks = (_: Request, { client }: RequestInfo) => new Response(client);
 * await using server = serveFetch(whoAsks, { hostname: "127.0.0.1", port: 0 });
 * console.log(await (await fetch(server.url)).text()); // 127.0.0.1
 * ```
 */
export interface RequestInfo {
  /** The address of the client: that of the peer, or what a trusted proxy reports. */
  readonly client: string;
  /** The address of the peer, which may be a proxy; `unix` for a Unix socket. */
  readonly peer: string;
  /** The id of the request, as the log has it. */
  readonly id: string;
  /** The native request. Its content and that of the `Request` are the same, to be read once. */
  readonly request: HttpRequest;
  /** The address of the client in the form of `Deno.serve`, for what was made for that. */
  readonly remoteAddr: Deno.NetAddr | Deno.UnixAddr;
}

/**
 * A web handler.
 *
 * @example
 * ```ts
 * import { type FetchHandler, serveFetch } from "@wireserve/wireserve/fetch";
 *
 * const hello: FetchHandler = (request) => Response.json({ method: request.method });
 * await using server = serveFetch(hello, { port: 0 });
 * console.log(await (await fetch(server.url)).json()); // { method: "GET" }
 * ```
 */
export type FetchHandler = (
  request: Request,
  info: RequestInfo,
) => Response | Promise<Response>;

/** Parts are looked up when they are asked for. */
class NativeInfo implements RequestInfo {
  readonly request: HttpRequest;

  constructor(request: HttpRequest) {
    this.request = request;
  }

  get client(): string {
    return this.request.client;
  }

  get peer(): string {
    return this.request.peer;
  }

  get id(): string {
    return this.request.id;
  }

  get remoteAddr(): Deno.NetAddr | Deno.UnixAddr {
    const { client, peer, peerPort } = this.request;
    if (client === "unix") return { transport: "unix", path: "" };
    // Of a client behind a proxy, the port is not known.
    return { transport: "tcp", hostname: client, port: client === peer ? peerPort : 0 };
  }
}

/**
 * A native handler of a web handler, for {@linkcode serve}, for a route of {@linkcode router}, or for
 * a middleware. What the web handler throws is answered as usual: a {@linkcode StatusError} with its
 * status, anything else with 500.
 *
 * A response must be a web `Response` that has not been used. Fields that delimit the message are
 * the server's: `Connection`, `Date`, `Keep-Alive` and `Transfer-Encoding` are left out, and
 * `Content-Length` has to be right.
 *
 * @example
 * ```ts
 * import { router, serve } from "@wireserve/wireserve";
 * import { fetchHandler } from "@wireserve/wireserve/fetch";
 *
 * const web = fetchHandler((request) => Response.json({ url: request.url }));
 * await using server = serve(router([{ method: "GET", path: "/web", handler: web }]), { port: 0 });
 * console.log(await (await fetch(`${server.url}web`)).json());
 * ```
 */
export function fetchHandler(handler: FetchHandler): Handler {
  return (request) => {
    const result = handler(toRequest(request), new NativeInfo(request));
    if (result instanceof Response) return toHttpResponse(result, request);
    return convert(result, request);
  };
}

async function convert(result: unknown, request: HttpRequest): Promise<HttpResponse> {
  return toHttpResponse(await result, request);
}

/**
 * Serves a web handler until {@linkcode Server.drain} or {@linkcode Server.close} is called.
 *
 * @param handler Answers the requests: `app.fetch`, for instance.
 * @param options Where and how to serve, as for {@linkcode serve}, which tells the errors.
 *
 * @example
 * ```ts
 * import { serveFetch } from "@wireserve/wireserve/fetch";
 *
 * await using server = serveFetch(() => new Response("Hello"), { port: 0 });
 * console.log(await (await fetch(server.url)).text()); // Hello
 * ```
 */
export function serveFetch(handler: FetchHandler, options: ServeOptions = {}): Server {
  return serve(fetchHandler(handler), options);
}
