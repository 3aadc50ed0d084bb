// The options of a server. An option that would have no effect is an error.

import type { Fields } from "../http/fields.ts";
import type { DescriptorShare } from "./descriptors.ts";
import type { Limits } from "./limits.ts";
import type { Endpoint } from "./listener.ts";
import type { ServerObserver } from "./observer.ts";

/** Where and how to serve. */
export interface ServeOptions {
  /**
   * Host name or IP address to listen on. Default `localhost`, which stands for `127.0.0.1` and
   * `::1`; `0.0.0.0` and `::` stand for every interface.
   */
  readonly hostname?: string | undefined;
  /** TCP port, 0 to 65535; 0 picks a free one. Default 4221. */
  readonly port?: number | undefined;
  /** Where to listen instead of `hostname` and `port`, for TLS or a Unix socket. */
  readonly endpoint?: Endpoint | undefined;
  /** Prefix of the ids of connections, so that those of several servers differ. */
  readonly idPrefix?: string | undefined;
  /**
   * Returns the client of a request, given the address of its peer, which may be a proxy, and its
   * fields, which may be forged: see {@linkcode TrustedProxies.clientOf}. By default, and where it
   * throws, the client is the peer.
   */
  readonly clientOf?: ((peer: string, fields: Fields) => string) | undefined;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits> | undefined;
  /** The part of the process's file descriptors that it may use: all by default. */
  readonly descriptors?: DescriptorShare | undefined;
  /** Receives reports of requests, connections and errors. By default errors go to stderr. */
  readonly observer?: Partial<ServerObserver> | undefined;
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
