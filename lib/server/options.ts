// The options of a server. An option that would have no effect is an error.

import type { Fields } from "../http/fields.ts";
import type { DescriptorShare } from "./descriptors.ts";
import type { Limits } from "./limits.ts";
import type { Endpoint } from "./listener.ts";
import type { ServeCallbacks } from "./callbacks.ts";

/**
 * Where and how to serve, and what is called when something happens.
 *
 * @example
 * ```ts
 * import { serve, type ServeOptions } from "@wireserve/wireserve";
 *
 * const options: ServeOptions = { hostname: "127.0.0.1", port: 0, limits: { content: 1 << 20 } };
 * await using server = serve(() => ({ status: 204 }), options);
 * console.log((await fetch(server.url)).status); // 204
 * ```
 */
export interface ServeOptions extends ServeCallbacks {
  /**
   * Host name or IP address to listen on. Default `localhost`, which stands for `127.0.0.1` and
   * `::1`; `0.0.0.0` and `::` stand for every interface.
   */
  readonly hostname?: string | undefined;
  /** TCP port, 0 to 65535; 0 picks a free one. Default 4221. */
  readonly port?: number | undefined;
  /** Where to listen instead of `hostname` and `port`, for TLS or a Unix socket. */
  readonly endpoint?: Endpoint | undefined;
  /**
   * Returns the client of a request, given the address of its peer, which may be a proxy, and its
   * fields, which may be forged: see {@linkcode TrustedProxies.clientOf}. By default, and where it
   * throws, the client is the peer.
   */
  readonly clientOf?: ((peer: string, fields: Fields) => string) | undefined;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits> | undefined;
  /** Closes the server when it aborts, at once: see {@linkcode Server.drain} for a gentle end. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of one of several servers in a process. */
export interface WorkerOptions extends ServeOptions {
  /** Prefix of the ids of connections, so that those of several servers differ. */
  readonly idPrefix?: string | undefined;
  /** The part of the process's file descriptors that it may use: all by default. */
  readonly descriptors?: DescriptorShare | undefined;
}

/** Every option. The type makes a name that is missing here an error. */
const OPTION_NAMES: Readonly<Record<keyof WorkerOptions, true>> = {
  hostname: true,
  port: true,
  endpoint: true,
  clientOf: true,
  limits: true,
  signal: true,
  onListen: true,
  onOpen: true,
  onClose: true,
  onRequest: true,
  onError: true,
  onProtocolMismatch: true,
  errorPage: true,
  idPrefix: true,
  descriptors: true,
};

/** @throws {TypeError} for an option that does not exist, or a callback that is no function. */
export function checkOptions(options: WorkerOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTION_NAMES, name)) {
      const known = Object.keys(OPTION_NAMES).slice(0, -2).join(", ");
      throw new TypeError(`There is no option ${name}: the options are ${known}`);
    }
    const isCallback = name.startsWith("on") || name === "errorPage" || name === "clientOf";
    if (isCallback && value !== undefined && typeof value !== "function") {
      throw new TypeError(`The option ${name} is not a function`);
    }
  }
}

/** The port that a server listens on by default. */
export const DEFAULT_PORT = 4221;

/**
 * Where to listen.
 *
 * @throws {TypeError} for a host name or a port beside an endpoint.
 */
export function endpointOf({ endpoint, hostname, port }: ServeOptions): Endpoint {
  if (endpoint === undefined) {
    return { transport: "tcp", hostname: hostname ?? "localhost", port: port ?? DEFAULT_PORT };
  }
  if (hostname !== undefined || port !== undefined) {
    throw new TypeError("An endpoint excludes a host name and a port");
  }
  return endpoint;
}
