// The sockets that a server accepts connections on: TCP, with or without TLS, or a Unix socket.
// What they give out is a connection and whom it leads to.

/** A connection that has been accepted. */
export interface AcceptedConn {
  /** The socket. */
  readonly conn: Deno.Conn;
  /** The address at the other end; `unix` for a Unix socket. */
  readonly peer: string;
  /** Whether TLS is spoken on it. */
  readonly isSecure: boolean;
}

/** A certificate chain and its private key, both in PEM. */
export interface Certificate {
  /** The chain, the server's own certificate first. */
  readonly cert: string;
  /** The private key of the first. */
  readonly key: string;
}

/** Where to listen. */
export type Endpoint =
  | {
    readonly transport: "tcp";
    /** Host name or address; `localhost` stands for `127.0.0.1` and `::1`. */
    readonly hostname: string;
    /** Port; 0 picks a free one. */
    readonly port: number;
    /**
     * Whether others may listen on the same port: workers, or the successor of a certificate. It
     * needs `"unstable": ["net"]` in the program's deno.json.
     */
    readonly isShared?: boolean | undefined;
    /** For TLS. */
    readonly certificate?: Certificate | undefined;
  }
  | {
    readonly transport: "unix";
    /**
     * Where the socket is to be. What is there already is in the way, even a socket that nobody
     * listens on any more: {@linkcode removeStaleSocket} takes that away.
     */
    readonly path: string;
    /** Its permissions, 0o660 for instance; by default those that the system gives. */
    readonly mode?: number | undefined;
  };

/** What peers of Unix sockets are called, in a list of trusted proxies as well. */
export const UNIX_PEER = "unix";

/** One listener of connections to be accepted. */
export interface Listener {
  /** How many connections have been accepted. */
  readonly accepted: number;
  /** The next connection. */
  accept(): Promise<AcceptedConn>;
  /** Stops listening: a pending `accept` fails. */
  close(): void;
}

type TcpEndpoint = Extract<Endpoint, { transport: "tcp" }>;
type UnixEndpoint = Extract<Endpoint, { transport: "unix" }>;

/**
 * Connections that wait to be accepted at the most, as far as the system allows: of those that find
 * no room, each tries again after a second only.
 */
const BACKLOG = 4096;

type DenoTcpListener = Deno.TcpListener | Deno.TlsListener;

/** How often to look for a port that is free in both families before giving up. */
const PORT_TRIES = 16;

/** The listeners of one endpoint. */
export class ListenerSet {
  readonly #endpoint: Endpoint;
  /** The port, or null for a Unix socket. */
  readonly port: number | null;
  /** The listeners, `localhost` having two. */
  readonly listeners: readonly Listener[];
  #isClosed = false;

  private constructor(endpoint: Endpoint, listeners: readonly Listener[], port: number | null) {
    this.#endpoint = endpoint;
    this.listeners = listeners;
    this.port = port;
  }

  /**
   * Listens.
   *
   * @throws {Deno.errors.AddrInUse} where somebody listens there already.
   * @throws {Deno.errors.NotCapable} without the permission.
   * @throws {Deno.errors.InvalidData} for a certificate that is none.
   */
  static open(endpoint: Endpoint): ListenerSet {
    if (endpoint.transport === "unix") {
      return new ListenerSet(endpoint, [listenUnix(endpoint)], null);
    }
    const tcpListeners = listenTcp(endpoint);
    const isSecure = endpoint.certificate !== undefined;
    const listeners = tcpListeners.map((listener) => new TcpListener(listener, isSecure));
    return new ListenerSet(endpoint, listeners, tcpListeners[0]!.addr.port);
  }

  /**
   * Listens once more in the same place, with another certificate: for a while, both accept.
   *
   * @throws {TypeError} where there is no certificate to replace, or the endpoint is not shared.
   * @throws {Deno.errors.InvalidData} for a certificate that is none.
   */
  withCertificate(certificate: Certificate): ListenerSet {
    const endpoint = this.#endpoint;
    if (endpoint.transport !== "tcp" || !endpoint.isShared || endpoint.certificate === undefined) {
      throw new TypeError("Only an endpoint of TLS that is shared can get another certificate");
    }
    return ListenerSet.open({ ...endpoint, port: this.port ?? endpoint.port, certificate });
  }

  /** The URL to reach the server at, from this machine. */
  get url(): string {
    const endpoint = this.#endpoint;
    if (endpoint.transport === "unix") return `unix:${endpoint.path}`;
    const { hostname, certificate } = endpoint;
    const isAny = hostname === "0.0.0.0" || hostname === "::";
    const host = isAny ? "localhost" : hostname;
    const scheme = certificate === undefined ? "http" : "https";
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${this.port}/`;
  }

  /** How many connections have been accepted. */
  get accepted(): number {
    return this.listeners.reduce((sum, { accepted }) => sum + accepted, 0);
  }

  /** Whether nobody listens any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Stops listening, if that has not been done: what waits to be accepted is reset. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of this.listeners) listener.close();
  }
}

/** Accepts TCP connections. */
class TcpListener implements Listener {
  readonly #listener: DenoTcpListener;
  readonly #isSecure: boolean;
  accepted = 0;

  constructor(listener: DenoTcpListener, isSecure: boolean) {
    this.#listener = listener;
    this.#isSecure = isSecure;
  }

  async accept(): Promise<AcceptedConn> {
    const conn = await this.#listener.accept();
    this.accepted++;
    // Streamed content would wait for acknowledgements. TLS sets the same by itself.
    if ("setNoDelay" in conn) conn.setNoDelay(true);
    return { conn, peer: addressOf(conn.remoteAddr), isSecure: this.#isSecure };
  }

  close(): void {
    this.#listener.close();
  }
}

/** Accepts the connections of a Unix socket, whose file Deno removes when it is closed. */
class UnixListener implements Listener {
  readonly #listener: Deno.UnixListener;
  accepted = 0;

  constructor(listener: Deno.UnixListener) {
    this.#listener = listener;
  }

  async accept(): Promise<AcceptedConn> {
    const conn = await this.#listener.accept();
    this.accepted++;
    return { conn, peer: UNIX_PEER, isSecure: false };
  }

  close(): void {
    this.#listener.close();
  }
}

/** IPv4 clients of a socket for both families look like `::ffff:192.0.2.1`: the prefix is noise. */
function addressOf(address: Deno.NetAddr): string {
  return address.hostname.replace(/^::ffff:(?=[0-9.]+$)/i, "");
}

/**
 * Listens on a host. `localhost` is two addresses, of which clients try either first, and its
 * name resolves to but one of them.
 */
function listenTcp(endpoint: TcpEndpoint): DenoTcpListener[] {
  const { hostname, port } = endpoint;
  if (hostname !== "localhost") return [listenAt(endpoint, hostname, port)];
  for (let tries = 1;; tries++) {
    const v4 = listenAt(endpoint, "127.0.0.1", port);
    try {
      return [v4, listenAt(endpoint, "::1", v4.addr.port)];
    } catch (error) {
      if (isWithoutIPv6(error)) return [v4];
      v4.close();
      const isRetried = error instanceof Deno.errors.AddrInUse && port === 0;
      if (!isRetried || tries === PORT_TRIES) throw error;
    }
  }
}

function listenAt(
  { certificate, isShared = false }: TcpEndpoint,
  hostname: string,
  port: number,
): DenoTcpListener {
  const where = { hostname, port, reusePort: isShared, tcpBacklog: BACKLOG };
  return certificate === undefined
    ? Deno.listen(where)
    : Deno.listenTls({ ...where, ...certificate });
}

function isWithoutIPv6(error: unknown): boolean {
  return error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Error && "code" in error && error.code === "EAFNOSUPPORT";
}

/** Until its mode is set, the socket has what the umask leaves: as a rule, its owner's alone. */
function listenUnix({ path, mode }: UnixEndpoint): UnixListener {
  const listener = Deno.listen({ transport: "unix", path });
  try {
    // Not by the umask, for which Deno wants one more permission.
    if (mode !== undefined) Deno.chmodSync(path, mode);
    return new UnixListener(listener);
  } catch (error) {
    listener.close();
    throw error;
  }
}

/**
 * Removes the file of a Unix socket that nobody listens on any more: it outlives a process that
 * was killed, and would be in the way of the next. Anything else is left alone.
 *
 * It never fails: what it may not look at, or remove, listening will tell of.
 *
 * @param path Where a server is to listen.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!isSocket(path)) return;
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) removeIfThere(path);
  }
}

/** Whether there is a Unix socket at a path, be it in use or not. */
export function isSocket(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket ?? false;
  } catch {
    return false;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    return; // Somebody else was faster, or it may not be removed: then listening will tell.
  }
}
