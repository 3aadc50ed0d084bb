// The sockets on which a server accepts connections: TCP, with or without TLS, or a Unix socket.

/** An accepted connection. */
export interface AcceptedConn {
  /** The socket. */
  readonly conn: Deno.Conn;
  /** The address at the other end; `unix` for a Unix socket. */
  readonly peer: string;
  /** The port at the other end; 0 for a Unix socket. */
  readonly peerPort: number;
  /** Whether TLS is spoken on it. */
  readonly isSecure: boolean;
}

/**
 * A certificate chain and its private key, both in PEM.
 *
 * @example
 * ```ts
 * import { type Certificate, serve } from "@wireserve/wireserve";
 *
 * function start(certificate: Certificate): void {
 *   const endpoint = { transport: "tcp", hostname: "localhost", port: 8443, certificate } as const;
 *   const server = serve(() => ({ status: 204 }), { endpoint });
 *   console.log(server.url); // https://localhost:8443/
 * }
 * ```
 */
export interface Certificate {
  /** The chain, the certificate of the server first. */
  readonly cert: string;
  /** The private key of the first certificate. */
  readonly key: string;
}

/**
 * Where to listen.
 *
 * @example
 * ```ts
 * import { type Endpoint, serve } from "@wireserve/wireserve";
 *
 * const endpoint: Endpoint = { transport: "tcp", hostname: "127.0.0.1", port: 0 };
 * await using server = serve(() => ({ status: 204 }), { endpoint });
 * console.log((await fetch(server.url)).status); // 204
 * ```
 */
export type Endpoint =
  | {
    readonly transport: "tcp";
    /** Host name or address; `localhost` stands for `127.0.0.1` and `::1`. */
    readonly hostname: string;
    /** Port; 0 picks a free one. */
    readonly port: number;
    /**
     * Whether several listeners may share the port: workers, or a listener with another
     * certificate. This needs `"unstable": ["net"]` in the program's deno.json.
     */
    readonly isShared?: boolean | undefined;
    /** The certificate for TLS. */
    readonly certificate?: Certificate | undefined;
  }
  | {
    readonly transport: "unix";
    /**
     * The path of the socket. Listening fails if there is a file, even a socket without a
     * listener: {@linkcode removeStaleSocket} removes that.
     */
    readonly path: string;
    /** Its permissions, 0o660 for instance; by default what the umask leaves. */
    readonly mode?: number | undefined;
  };

/** The address of peers on a Unix socket, in a list of trusted proxies as well. */
export const UNIX_PEER = "unix";

/** One listening socket. */
export interface Listener {
  /** Connections accepted so far. */
  readonly accepted: number;
  accept(): Promise<AcceptedConn>;
  /** A pending `accept` fails. */
  close(): void;
}

/** Whether several listeners may share a port, which needs the unstable API `net` of Deno. */
export function canSharePort(): boolean {
  return "listenDatagram" in Deno; // It is there together with the option of Deno.listen.
}

type TcpEndpoint = Extract<Endpoint, { transport: "tcp" }>;
type UnixEndpoint = Extract<Endpoint, { transport: "unix" }>;

/** A client that finds the backlog full tries again only after a second. The system may allow less. */
const BACKLOG = 4096;

type DenoTcpListener = Deno.TcpListener | Deno.TlsListener;

const PORT_TRIES = 16;

/** The listening sockets of one endpoint: one, or two for `localhost`. */
export class ListenerSet {
  readonly #endpoint: Endpoint;
  readonly port: number | null;
  readonly listeners: readonly Listener[];
  #isClosed = false;

  private constructor(endpoint: Endpoint, listeners: readonly Listener[], port: number | null) {
    this.#endpoint = endpoint;
    this.listeners = listeners;
    this.port = port;
  }

  /** Listens. It throws what {@linkcode serve} documents. */
  static open(endpoint: Endpoint): ListenerSet {
    if (endpoint.transport === "unix") {
      return new ListenerSet(endpoint, [listenUnix(endpoint)], null);
    }
    const tcpListeners = listenTcp(endpoint);
    const isSecure = endpoint.certificate !== undefined;
    const listeners = tcpListeners.map((listener) => new TcpListener(listener, isSecure));
    return new ListenerSet(endpoint, listeners, tcpListeners[0]!.addr.port);
  }

  /** Listens on the same port with another certificate. Until these sockets are closed, both accept. */
  withCertificate(certificate: Certificate): ListenerSet {
    const endpoint = this.#endpoint;
    if (endpoint.transport !== "tcp" || !endpoint.isShared || endpoint.certificate === undefined) {
      throw new TypeError(
        "Only a shared endpoint with a certificate can get another one, with --unstable-net",
      );
    }
    return ListenerSet.open({ ...endpoint, port: this.port ?? endpoint.port, certificate });
  }

  /** The URL of the server, from this machine. */
  get url(): string {
    const endpoint = this.#endpoint;
    if (endpoint.transport === "unix") return `unix:${endpoint.path}`;
    const { hostname, certificate } = endpoint;
    const isAny = hostname === "0.0.0.0" || hostname === "::";
    const host = isAny ? "localhost" : hostname;
    const scheme = certificate === undefined ? "http" : "https";
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${this.port}/`;
  }

  get accepted(): number {
    return this.listeners.reduce((sum, { accepted }) => sum + accepted, 0);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Stops listening. The system resets the connections in the backlog. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of this.listeners) listener.close();
  }
}

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
    const { remoteAddr } = conn;
    const peer = addressOf(remoteAddr);
    return { conn, peer, peerPort: remoteAddr.port, isSecure: this.#isSecure };
  }

  close(): void {
    this.#listener.close();
  }
}

/** Accepts connections on a Unix socket. Deno removes its file when it is closed. */
class UnixListener implements Listener {
  readonly #listener: Deno.UnixListener;
  accepted = 0;

  constructor(listener: Deno.UnixListener) {
    this.#listener = listener;
  }

  async accept(): Promise<AcceptedConn> {
    const conn = await this.#listener.accept();
    this.accepted++;
    return { conn, peer: UNIX_PEER, peerPort: 0, isSecure: false };
  }

  close(): void {
    this.#listener.close();
  }
}

/** The address of a peer. A socket for both families reports IPv4 as `::ffff:192.0.2.1`. */
function addressOf(address: Deno.NetAddr): string {
  return address.hostname.replace(/^::ffff:(?=[0-9.]+$)/i, "");
}

/** `localhost` is two addresses: clients try either first, but Deno resolves the name to one. */
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

/** Until its mode is set, the socket has the permissions that the umask leaves. */
function listenUnix({ path, mode }: UnixEndpoint): UnixListener {
  const listener = Deno.listen({ transport: "unix", path });
  try {
    // Deno.umask would need one more permission.
    if (mode !== undefined) Deno.chmodSync(path, mode);
    return new UnixListener(listener);
  } catch (error) {
    listener.close();
    throw error;
  }
}

/**
 * Removes the file of a Unix socket that has no listener: a process that was killed leaves it. Any
 * other file stays. This never fails: a file that cannot be removed makes listening fail.
 *
 * @param path Where a server will listen.
 *
 * @example
 * ```ts
 * import { removeStaleSocket, serve } from "@wireserve/wireserve";
 *
 * const path = await Deno.makeTempDir() + "/socket";
 * await removeStaleSocket(path); // of a server that was killed
 * await using server = serve(() => ({ status: 204 }), { endpoint: { transport: "unix", path } });
 * console.log(server.url);
 * ```
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

/** Whether there is a Unix socket at a path, in use or not. */
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
    return; // Already removed, or not removable: then listening fails.
  }
}
