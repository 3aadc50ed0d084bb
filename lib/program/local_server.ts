// One server in this isolate, made from the options: its directory, routes, metrics and log.

import type { AccessLog } from "../access_log/access_log.ts";
import { limitsSnapshot, Metrics, type Snapshot } from "../admin/metrics.ts";
import { Root } from "../files/root.ts";
import { fileHandlers } from "../files/handlers.ts";
import type { Options } from "../options/parse.ts";
import { router } from "../router.ts";
import { routes } from "../routes.ts";
import { sleep } from "../server/deadlines.ts";
import type { ConnectionView } from "../server/exchange.ts";
import { ADMIN_DESCRIPTORS } from "../admin/routes.ts";
import { DEFAULT_LIMITS, type Limits } from "../server/limits.ts";
import type { DescriptorShare } from "../server/descriptors.ts";
import { serve, type Server } from "../server/server.ts";
import type { Certificate, Endpoint } from "../server/listener.ts";
import type { ServerObserver } from "../server/observer.ts";
import { TrustedProxies } from "../trusted_proxies.ts";

/** Milliseconds for handlers after their connections were aborted: a file system may hang. */
const HANDLER_GRACE = 1000;

/** File descriptors that a worker needs to start: 27, and some for the modules that it loads. */
export const WORKER_DESCRIPTORS = 32;

/** The configuration of one server. A plain value: it can be sent to a worker. */
export interface WorkerConfig {
  readonly options: Options;
  /** The port to listen on; the first worker may have picked it. */
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
  connections(): Promise<readonly ConnectionView[]>;
  /** The metrics, one snapshot or more for each server. */
  snapshots(): Promise<readonly Snapshot[]>;
}

/** A server in this isolate. */
export class LocalServer implements ServerHandle {
  readonly #server: Server;
  readonly #metrics: Metrics | null;
  readonly restarts = 0;

  private constructor(server: Server, metrics: Metrics | null) {
    this.#server = server;
    this.#metrics = metrics;
  }

  /** @throws what `Deno.listen` throws, and an error if the directory is not one. */
  static async start(config: WorkerConfig, log: AccessLog): Promise<LocalServer> {
    const { options, index, count, restarts } = config;
    const { directory: path, files, trustProxy } = options;
    const directory = path === null ? null : new Root(path, files.showsHidden);
    const proxies = trustProxy.length === 0 ? null : await TrustedProxies.of(trustProxy);
    const metrics = options.admin === null ? null : new Metrics(() => log.droppedLines);
    const server = serve(router(routes(fileHandlers(directory, files))), {
      endpoint: endpointOf(config),
      limits: limitsOf(options.limits, index, count),
      descriptors: descriptorsOf(config),
      observer: observerOf(options, log, metrics),
      idPrefix: count === 1 ? "" : `w${index + 1}${restarts === 0 ? "" : `r${restarts}`}-`,
      ...(proxies === null ? {} : {
        clientOf: (peer, fields) => proxies.clientOf(peer, fields),
      }),
    });
    return new LocalServer(server, metrics);
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

  connections(): Promise<readonly ConnectionView[]> {
    return Promise.resolve(this.#server.connections);
  }

  snapshots(): Promise<readonly Snapshot[]> {
    if (this.#metrics === null) return Promise.resolve([]);
    return Promise.resolve([this.#metrics.snapshot(), limitsSnapshot(this.#server.capacity())]);
  }
}

function endpointOf({ options, port, count, certificate }: WorkerConfig): Endpoint {
  const { bind: hostname, unix } = options;
  if (unix !== null) return { transport: "unix", ...unix };
  // The port is shared among workers, and with the listener for the next certificate.
  const isShared = count > 1 || certificate !== undefined;
  return { transport: "tcp", hostname, port, isShared, certificate };
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

function observerOf(
  { log: format, verbose }: Options,
  log: AccessLog,
  metrics: Metrics | null,
): Partial<ServerObserver> {
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
