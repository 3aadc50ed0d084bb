/**
 * WebSockets (RFC 6455), as `Deno.upgradeWebSocket` has them.
 *
 * ```ts
 * import { serveFetch } from "@wireserve/wireserve/fetch";
 * import { upgradeWebSocket } from "@wireserve/wireserve/websocket";
 *
 * await using server = serveFetch((request) => {
 *   const { socket, response } = upgradeWebSocket(request);
 *   socket.onmessage = ({ data }) => socket.send(data);
 *   return response;
 * }, { port: 0 });
 * console.log(server.url);
 * ```
 *
 * @module
 */

import { listMembers } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { isToken } from "../http/syntax.ts";
import { upgrade } from "../server/upgrade.ts";
import { httpRequestOf } from "./request.ts";
import { nativeResponses } from "./response.ts";
import { ServerWebSocket } from "./server_web_socket.ts";

/**
 * How a WebSocket is opened, and what it may use.
 *
 * @example
 * ```ts
 * import { serveFetch } from "@wireserve/wireserve/fetch";
 * import { upgradeWebSocket, type WebSocketOptions } from "@wireserve/wireserve/websocket";
 *
 * const options: WebSocketOptions = { idleTimeout: 60, maxMessage: 1 << 16 };
 * await using server = serveFetch((request) => upgradeWebSocket(request, options).response, {
 *   port: 0,
 * });
 * const response = await fetch(server.url);
 * console.log(response.status, await response.text()); // 426: fetch opens no WebSocket
 * ```
 */
export interface WebSocketOptions {
  /** The subprotocol to speak, one of those that the client offers. None by default. */
  readonly protocol?: string | undefined;
  /**
   * Seconds without a sign of life, after which the client counts as gone. It is asked by a ping
   * after half of them. 30 by default, 0 for ever.
   */
  readonly idleTimeout?: number | undefined;
  /** Bytes of one message that is received; a longer one closes with 1009. 16 MiB by default. */
  readonly maxMessage?: number | undefined;
  /** Bytes that may wait to be sent; beyond, the connection is cut. 64 MiB by default. */
  readonly maxBuffered?: number | undefined;
  /** Whether messages are compressed (RFC 7692), at 300 KiB of memory each. False by default. */
  readonly compress?: boolean | undefined;
}

const MIB = 1 << 20;

/** The key of a handshake: 16 bytes as base64. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * Makes a WebSocket of a request to a native handler, which returns the response. The socket opens
 * when that has been sent.
 *
 * Browsers let any page open a WebSocket to any server, with its cookies: where they count, look at
 * the `Origin` of the request first.
 *
 * @throws {StatusError} 426 where the request does not ask for a WebSocket of version 13, 405 or 400
 * where it is no handshake.
 * @throws {TypeError} for a subprotocol that the client does not offer.
 *
 * @example
 * ```ts
 * import { serve } from "@wireserve/wireserve";
 * import { acceptWebSocket } from "@wireserve/wireserve/websocket";
 *
 * await using server = serve((request) => {
 *   const { socket, response } = acceptWebSocket(request);
 *   socket.onmessage = ({ data }) => socket.send(data);
 *   return response;
 * }, { port: 0 });
 * const response = await fetch(server.url);
 * console.log(response.status, await response.text()); // 426: fetch opens no WebSocket
 * ```
 */
export function acceptWebSocket(
  request: HttpRequest,
  options: WebSocketOptions = {},
): { readonly socket: WebSocket; readonly response: HttpResponse } {
  const { protocol = null, idleTimeout = 30, maxMessage = 16 * MIB, maxBuffered = 64 * MIB } =
    options;
  checkHandshake(request, protocol);
  const limits = { idleTimeout, maxMessage, maxBuffered, compress: options.compress ?? false };
  const socket = new ServerWebSocket(limits);
  const { status, upgrade: asked } = upgrade(request, (connection) => {
    socket.open(connection, request, protocol);
  }, { protocol: "websocket" });
  const response = { status, upgrade: { ...asked!, head: new Uint8Array(0) } };
  return { socket: socket as unknown as WebSocket, response };
}

/** Checks what section 4.2.1 asks for beyond an upgrade. */
function checkHandshake({ method, fields }: HttpRequest, protocol: string | null): void {
  if (method !== "GET") {
    throw new StatusError(405, "A WebSocket is opened by GET.", { "Allow": "GET" });
  }
  if (fields.has("Upgrade") && fields.get("Sec-WebSocket-Version") !== "13") {
    throw new StatusError(426, "This resource speaks version 13 of WebSocket.", {
      "Upgrade": "websocket",
      "Sec-WebSocket-Version": "13",
    });
  }
  if (fields.has("Upgrade") && !KEY.test(fields.get("Sec-WebSocket-Key") ?? "")) {
    throw new StatusError(400, "The key of the WebSocket is missing or malformed.");
  }
  const offered = listMembers(fields.get("Sec-WebSocket-Protocol") ?? "");
  if (!offered.every(isToken) || new Set(offered).size < offered.length) {
    throw new StatusError(400, "The subprotocols of the WebSocket are malformed.");
  }
  if (protocol !== null && !offered.includes(protocol)) {
    throw new TypeError(`The client does not offer the subprotocol ${protocol}`);
  }
}

/**
 * Makes a WebSocket of a request to a web handler, which returns the response as it is: a copy of it
 * cannot be sent. See {@linkcode acceptWebSocket} for the rest.
 *
 * @param request The request as `serveFetch` or `fetchHandler` has passed it.
 *
 * @example
 * ```ts
 * import { serveFetch } from "@wireserve/wireserve/fetch";
 * import { upgradeWebSocket } from "@wireserve/wireserve/websocket";
 *
 * await using server = serveFetch((request) => {
 *   const { socket, response } = upgradeWebSocket(request);
 *   socket.onopen = () => socket.close(1000, "that was all");
 *   return response;
 * }, { port: 0 });
 * const socket = new WebSocket(server.url.replace("http", "ws"));
 * socket.onclose = ({ reason }) => console.log(reason); // that was all
 * await new Promise((resolve) => socket.addEventListener("close", resolve));
 * ```
 */
export function upgradeWebSocket(
  request: Request,
  options: WebSocketOptions = {},
): { readonly socket: WebSocket; readonly response: Response } {
  const native = httpRequestOf(request);
  if (native === null) throw new TypeError("The request is not one of serveFetch, but a copy");
  const { socket, response } = acceptWebSocket(native, options);
  const stand = new Response(null);
  // A copy would be sent as 200: with this status, it cannot be made.
  Object.defineProperty(stand, "status", { value: 101 });
  nativeResponses.set(stand, response);
  return { socket, response: stand };
}
