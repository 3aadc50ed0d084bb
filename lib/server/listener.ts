// Accepts connections until told to stop. An error of one accept never ends serving: out of
// file descriptors, for instance, it pauses until some come free.

import type { Handler } from "../http/message.ts";
import { Connection, type ConnectionContext, type ConnectionObserver } from "./connection.ts";
import { DescriptorReserve } from "./descriptor_reserve.ts";
import { type Limits, limitsWith } from "./limits.ts";
import { Sweeper } from "./sweeper.ts";

/** What a server reports. What it calls must not throw. */
export interface ServerObserver extends ConnectionObserver {
  /** A connection has been opened. */
  onOpen(client: string): void;
  /** A connection has been closed, by either side. */
  onClose(client: string): void;
}

/** Where and how to serve. */
export interface ServeOptions {
  /**
   * Host name or IP address to listen on. Default `localhost`, which stands for `127.0.0.1` and
   * `::1`; `0.0.0.0` and `::` stand for every interface.
   */
  readonly hostname?: string;
  /** TCP port, 0 to 65535; 0 picks a free one. Default 4221. */
  readonly port?: number;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  /** Who hears of requests, connections and errors. By default errors go to stderr. */
  readonly observer?: Partial<ServerObserver>;
}

/** The port that a server listens on unless told otherwise. */
export const DEFAULT_PORT = 4221;

/**
 * Milliseconds to wait after an accept that failed: short at first, since most failures are those
 * of one client, and never so long that a person would notice when it works again.
 */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 1000;

/** A server that is serving. */
export class Server {
  readonly #listeners: readonly Deno.TcpListener[];
  readonly #context: ConnectionContext & { readonly observer: Reported };
  /** The open connections, and of each the promise of its end. */
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #reserve = new DescriptorReserve();
  /** Connections at most since descriptors have run out; each that ends makes room for one. */
  #ceiling = Infinity;
  readonly #stop = Promise.withResolvers<void>();
  /** Resolves when a connection ends, or the server is closed. */
  #vacancy = Promise.withResolvers<void>();
  readonly #hostname: string;
  #isClosed = false;

  /** Resolves once the server has been closed and its last connection has come to its end. */
  readonly finished: Promise<void>;

  /** Use {@linkcode serve}. */
  constructor(handler: Handler, options: ServeOptions) {
    const { hostname = "localhost", port = DEFAULT_PORT, limits = {}, observer } = options;
    this.#hostname = hostname;
    this.#context = {
      handler,
      limits: limitsWith(limits),
      observer: withDefaults(observer ?? {}),
      sweeper: new Sweeper(),
      isCrowded: () => this.#isCrowded,
    };
    this.#listeners = listen(hostname, port);
    this.#reserve.fill();
    this.finished = this.#serveAll();
  }

  /** The port that the server listens on. */
  get port(): number {
    return this.#listeners[0]!.addr.port;
  }

  /** The URL to reach the server at, from this machine. */
  get url(): string {
    const isAny = this.#hostname === "0.0.0.0" || this.#hostname === "::";
    const host = isAny ? "localhost" : this.#hostname;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.port}/`;
  }

  /** Stops listening, closes every connection and waits until their handlers have come to an end. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#stop.resolve();
      this.#vacancy.resolve();
      for (const listener of this.#listeners) listener.close();
      for (const connection of this.#connections.keys()) connection.close();
    }
    await this.finished;
  }

  /** Two listeners may each have accepted one more at the same time: so "at least". */
  get #isCrowded(): boolean {
    const { connections } = this.#context.limits;
    const most = Math.min(this.#ceiling, connections === 0 ? Infinity : connections);
    return this.#connections.size >= most;
  }

  async #serveAll(): Promise<void> {
    await Promise.all(
      this.#listeners.map((listener) => this.#accept(listener)),
    );
    await Promise.all(this.#connections.values());
    this.#reserve.release();
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.#isClosed) {
      if (this.#isCrowded) {
        await this.#vacancy.promise;
        continue;
      }
      try {
        this.#open(await listener.accept());
        pause = FIRST_PAUSE;
      } catch (error) {
        if (this.#isClosed) return;
        if (isOutOfDescriptors(error)) this.#stopGrowing();
        if (pause === FIRST_PAUSE) this.#context.observer.onError(error);
        await this.#wait(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE);
      }
    }
  }

  #stopGrowing(): void {
    this.#reserve.release();
    this.#ceiling = Math.max(1, this.#connections.size);
  }

  /** Once so many connections have ended that the reserve can be filled again, all is well. */
  #growAgain(): void {
    if (this.#ceiling === Infinity || this.#connections.size > this.#ceiling / 2) return;
    this.#reserve.fill();
    this.#ceiling = Infinity;
  }

  #open(conn: Deno.TcpConn): void {
    if (this.#isClosed) return conn.close();
    conn.setNoDelay(true); // Streamed content would wait for acknowledgements.
    const { observer } = this.#context;
    const client = addressOf(conn.remoteAddr);
    const connection = new Connection(conn, client, this.#context);
    const served = connection.serve().then(() => {
      this.#connections.delete(connection);
      this.#growAgain();
      this.#vacancy.resolve();
      this.#vacancy = Promise.withResolvers();
      observer.onClose(client);
    });
    this.#connections.set(connection, served);
    observer.onOpen(client);
  }

  async #wait(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const elapsed = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
    await Promise.race([elapsed, this.#stop.promise]);
    clearTimeout(timer);
  }
}

/**
 * Serves HTTP until {@linkcode Server.close} is called.
 *
 * @param handler Answers the requests: a {@linkcode router}, for instance.
 * @param options Where and how to serve.
 * @throws {Deno.errors.AddrInUse} where somebody listens on the port already.
 * @throws {Deno.errors.NotCapable} without the permission `--allow-net`.
 */
export function serve(handler: Handler, options: ServeOptions = {}): Server {
  return new Server(handler, options);
}

type Reported = ConnectionContext["observer"] & Pick<ServerObserver, "onOpen" | "onClose">;

/** An observer may be an object of a class: its methods are called as such. */
function withDefaults(observer: Partial<ServerObserver>): Reported {
  return {
    onExchange: observer.onExchange ? (record) => observer.onExchange?.(record) : null,
    onOpen: (client) => observer.onOpen?.(client),
    onClose: (client) => observer.onClose?.(client),
    onError: (error) => observer.onError ? observer.onError(error) : console.error(error),
  };
}

/** IPv4 clients of a socket for both families look like `::ffff:192.0.2.1`: the prefix is noise. */
function addressOf(address: Deno.NetAddr): string {
  return address.hostname.replace(/^::ffff:(?=[0-9.]+$)/i, "");
}

/**
 * Connections that wait to be accepted at the most, as far as the system allows: of those that find
 * no room, each tries again after a second only.
 */
const BACKLOG = 4096;

/** How often to look for a port that is free in both families before giving up. */
const PORT_TRIES = 16;

/**
 * Listens on a host. `localhost` is two addresses, of which clients try either first, and its
 * name resolves to but one of them.
 */
function listen(hostname: string, port: number): Deno.TcpListener[] {
  if (hostname !== "localhost") return [Deno.listen({ hostname, port, tcpBacklog: BACKLOG })];
  for (let tries = 1;; tries++) {
    const v4 = Deno.listen({ hostname: "127.0.0.1", port, tcpBacklog: BACKLOG });
    try {
      const { port: same } = v4.addr;
      return [v4, Deno.listen({ hostname: "::1", port: same, tcpBacklog: BACKLOG })];
    } catch (error) {
      if (isWithoutIPv6(error)) return [v4];
      v4.close();
      const isRetried = error instanceof Deno.errors.AddrInUse && port === 0;
      if (!isRetried || tries === PORT_TRIES) throw error;
    }
  }
}

function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EMFILE" || error.code === "ENFILE");
}

function isWithoutIPv6(error: unknown): boolean {
  return error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Error && "code" in error && error.code === "EAFNOSUPPORT";
}
