// One server in this isolate, made from the options: its directory, routes, metrics and log.

import type { AccessLog } from "../access_log/access_log.ts";
import { limitsSnapshot, Metrics, type Snapshot } from "../admin/metrics.ts";
import { Root } from "../files/root.ts";
import { handlersOf } from "../files/handlers.ts";
import type { Handler, HttpRequest } from "../http/message.ts";
import type { Options } from "../options/parse.ts";
import { errorPages } from "../page/error_page.ts";
import { folderPage } from "../page/folder_page.ts";
import { router } from "../router.ts";
import { fileServerRoutes, guarded, routes } from "../routes.ts";
import { sleep } from "../server/deadlines.ts";
import type { ConnectionView } from "../server/exchange.ts";
import { ADMIN_DESCRIPTORS } from "../admin/routes.ts";
import { DEFAULT_LIMITS, type Limits } from "../server/limits.ts";
import type { DescriptorShare } from "../server/descriptors.ts";
import { Server } from "../server/server.ts";
import { canSharePort, type Certificate, type Endpoint } from "../server/listener.ts";
import type { ServeCallbacks } from "../server/callbacks.ts";
import { TrustedProxies } from "../trusted_proxies.ts";
import { Authentication } from "../auth/guard.ts";
import type { User } from "../auth/users.ts";
import { fileGuard, withServerMiddleware } from "./guards.ts";

/** Milliseconds for handlers after their connections were aborted: a file system may hang. */
const HANDLER_GRACE = 1000;

/** File descriptors that a worker needs to start: 27, and some for the modules that it loads. */
export const WORKER_DESCRIPTORS = 32;

/** Milliseconds for a connection to a program that may listen on the port, on this machine. */
const CONNECT_TIMEOUT = 1000;

/** The configuration of one server. A plain value: it can be sent to a worker. */
export interface WorkerConfig {
  readonly options: Options;
  /** The port to listen on; for 0, the first worker picks one. */
  readonly port: number;
  readonly index: number;
  readonly count: number;
  readonly restarts: number;
  readonly certificate: Certificate | undefined;
}

/** A server in this isolate, or a pool of workers. */
export interface ServerHandle {
  readonly url: string;
  /** How many workers have been started in the place of failed ones. */
  readonly restarts: number;
  /** Stops gracefully, and aborts what is open after `grace` milliseconds. */
  drain(grace: number): Promise<void>;
  /** Uses another certificate for new connections. */
  replaceCertificate(certificate: Certificate): Promise<void>;
  /** Lets these users sign in from now on, and no others. */
  replaceUsers(users: readonly User[]): void;
  connections(): Promise<readonly ConnectionView[]>;
  /** The metrics, one snapshot or more for each server. */
  snapshots(): Promise<readonly Snapshot[]>;
}

/** A server that has all it needs but its sockets. It throws what listening throws. */
export type PreparedServer = (port: number) => Promise<LocalServer>;

/** A server in this isolate. */
export class LocalServer implements ServerHandle {
  readonly #server: Server;
  readonly #metrics: Metrics | null;
  readonly #authentication: Authentication | null;
  readonly restarts = 0;

  private constructor(
    server: Server,
    metrics: Metrics | null,
    authentication: Authentication | null,
  ) {
    this.#authentication = authentication;
    this.#server = server;
    this.#metrics = metrics;
  }

  /**
   * Does all that may fail or take time before a client can connect. The directory may be missing:
   * it was there when the program started.
   *
   * @throws {Deno.errors.AddrInUse} if another program listens on the port.
   */
  static async prepare(config: WorkerConfig, log: AccessLog): Promise<PreparedServer> {
    const { options, index, count, restarts } = config;
    const { directory: path, files, trustProxy } = options;
    const directory = path === null ? null : new Root(path, files.showsHidden, false);
    const proxies = trustProxy.length === 0 ? null : await TrustedProxies.of(trustProxy);
    const metrics = options.admin === null ? null : new Metrics(() => log.droppedLines);
    const authentication = options.auth === null ? null : new Authentication(options.auth);
    const handler = handlerOf(options, { directory, proxies, authentication });
    await checkPort(config);
    return async (port) => {
      const endpoint = endpointOf(config, port);
      await checkPort(config); // Another program may have been started at the same time.
      const server = new Server(handler, {
        endpoint,
        limits: limitsOf(options.limits, index, count),
        descriptors: descriptorsOf(config),
        ...callbacksOf(options, log, metrics),
        errorPage: options.site === null ? undefined : errorPages(`${options.site.base}/`),
        idPrefix: count === 1 ? "" : `w${index + 1}${restarts === 0 ? "" : `r${restarts}`}-`,
        ...(proxies === null ? {} : {
          clientOf: (peer, fields) => proxies.clientOf(peer, fields),
        }),
      });
      void directory?.fs.policy.isNetwork(); // Asked now: later, its disk may hang.
      return new LocalServer(server, metrics, authentication);
    };
  }

  get url(): string {
    return this.#server.url;
  }

  /** The port; 0 for a Unix socket. */
  get port(): number {
    return this.#server.port;
  }

  stopListening(): Promise<void> {
    return this.#server.stopListening();
  }

  async drain(grace: number): Promise<void> {
    if (grace > 0) await this.#server.stopListening(); // before the grace begins
    await sleep(grace + HANDLER_GRACE, this.#server.drain(grace));
  }

  replaceCertificate(certificate: Certificate): Promise<void> {
    this.#server.replaceCertificate(certificate);
    return Promise.resolve();
  }

  replaceUsers(users: readonly User[]): void {
    this.#authentication?.replaceUsers(users);
  }

  connections(): Promise<readonly ConnectionView[]> {
    return Promise.resolve(this.#server.connections);
  }

  snapshots(): Promise<readonly Snapshot[]> {
    if (this.#metrics === null) return Promise.resolve([]);
    return Promise.resolve([this.#metrics.snapshot(), limitsSnapshot(this.#server.capacity())]);
  }
}

/** What a handler is made from, beside the options. */
interface HandlerParts {
  readonly directory: Root | null;
  readonly proxies: TrustedProxies | null;
  readonly authentication: Authentication | null;
}

/** The table of routes, with what the options put in front of it. */
function handlerOf(
  options: Options,
  { directory, proxies, authentication }: HandlerParts,
): Handler {
  const { site } = options;
  const settings = site === null ? options.files : {
    ...options.files,
    page: folderPage(authentication !== null),
    ...(authentication !== null && {
      mayRead: (request: HttpRequest, name: string) => authentication.mayRead(request, name),
      mayWrite: (request: HttpRequest, name: string) => authentication.mayWrite(request, name),
    }),
  };
  const files = handlersOf(directory, settings);
  const guard = fileGuard(options, proxies, authentication);
  const handlers = directory === null ? files : guarded(files, guard);
  const base = site === null ? "/files" : site.base;
  const table = site === null ? routes(handlers) : fileServerRoutes(handlers, base);
  const signIn = authentication?.routes(`${base}/`) ?? [];
  return withServerMiddleware(router([...signIn, ...table]), options);
}

function endpointOf(config: WorkerConfig, port: number): Endpoint {
  const { options: { bind: hostname, unix }, certificate } = config;
  if (unix !== null) return { transport: "unix", ...unix };
  return { transport: "tcp", hostname, port, isShared: isShared(config), certificate };
}

/** Whether workers share the port, or listeners with one certificate after the other. */
function isShared({ options, count, certificate }: WorkerConfig): boolean {
  return options.unix === null && (count > 1 || certificate !== undefined && canSharePort());
}

/**
 * A port that is shared could be shared with another program of the same user by accident. Whether
 * one listens is found out by a connection: a listener of our own for this purpose would have to be
 * closed again, which resets the clients that have connected to it. What does not share its port
 * makes listening fail.
 *
 * @throws {Deno.errors.AddrInUse} if another program listens on the port.
 */
async function checkPort(config: WorkerConfig): Promise<void> {
  const { options: { bind }, port, index, restarts } = config;
  if (!isShared(config) || port === 0 || index > 0 || restarts > 0) return;
  for (const hostname of bind === "localhost" ? ["127.0.0.1", "::1"] : [bind]) {
    if (await isListening(hostname, port)) throw new Deno.errors.AddrInUse("Address in use");
  }
}

async function isListening(hostname: string, port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(CONNECT_TIMEOUT);
    using conn = await Deno.connect({ hostname, port, signal });
    // Without a listener, the system may give the connection its own port: it is its own peer.
    return conn.localAddr.port !== port;
  } catch {
    return false; // If the address itself is the problem, listening says so.
  }
}

/** The limits of one server: `--max-connections` is shared among all. */
function limitsOf(limits: Partial<Limits>, index: number, count: number): Partial<Limits> {
  const all = limits.connections ?? DEFAULT_LIMITS.connections;
  if (all === 0 || count === 1) return limits;
  const share = Math.floor(all / count) + (index < all % count ? 1 : 0);
  return { ...limits, connections: Math.max(1, share) };
}

/** The descriptors of one server: all workers and the admin listener share those of the process. */
function descriptorsOf({ options, index, count, restarts }: WorkerConfig): DescriptorShare {
  const part = (options.admin === null ? 1 : 1 - ADMIN_DESCRIPTORS) / count;
  // A worker that is replaced starts when the others are there.
  const claimed = restarts > 0 ? 0 : (count - 1 - index) * WORKER_DESCRIPTORS;
  return { part, claimed };
}

function callbacksOf(
  { log: format, verbose }: Options,
  log: AccessLog,
  metrics: Metrics | null,
): ServeCallbacks {
  const needsRequests = format !== "off" || metrics !== null;
  return {
    ...(needsRequests && {
      onRequest(record) {
        log.request(record);
        metrics?.request(record);
      },
    }),
    onOpen(peer) {
      metrics?.connectionOpened();
      if (verbose) log.event("connection_opened", peer);
    },
    onClose(peer) {
      metrics?.connectionClosed();
      if (verbose) log.event("connection_closed", peer);
    },
    onProtocolMismatch: (peer, problem) => log.event("protocol_mismatch", `${peer}: ${problem}`),
  };
}
