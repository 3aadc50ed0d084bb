// Where and how a server serves, as a program says it. What would not count is refused: nobody
// should look for the reason why an option does nothing.

import type { Fields } from "../http/fields.ts";
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
  /**
   * Where else to listen, in place of a host name and a port, which may not stand beside it: a Unix
   * socket, TLS.
   */
  readonly endpoint?: Endpoint | undefined;
  /** What the ids of connections begin with, so that those of several servers differ. */
  readonly idPrefix?: string | undefined;
  /**
   * Tells the client of a request from the address of its peer, which may be a proxy, and its
   * fields, which anybody may have written: {@linkcode TrustedProxies.clientOf} knows whom to believe.
   * By default it is the peer. It must not throw: the request would have no answer.
   */
  readonly clientOf?: ((peer: string, fields: Fields) => string) | undefined;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits> | undefined;
  /** Who hears of requests, connections and errors. By default errors go to stderr. */
  readonly observer?: Partial<ServerObserver> | undefined;
}

/** The port that a server listens on unless told otherwise. */
export const DEFAULT_PORT = 4221;

/**
 * Where to listen.
 *
 * @throws {TypeError} for a host name or a port beside an endpoint, which has its own.
 */
export function endpointOf({ endpoint, hostname, port }: ServeOptions): Endpoint {
  if (endpoint === undefined) {
    return { transport: "tcp", hostname: hostname ?? "localhost", port: port ?? DEFAULT_PORT };
  }
  if (hostname !== undefined || port !== undefined) {
    throw new TypeError("A host name or a port beside an endpoint does not count: it has its own");
  }
  return endpoint;
}
