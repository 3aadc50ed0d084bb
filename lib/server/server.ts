// The server: accepts connections, limits their number, and shuts down. A failure of one accept
// never ends serving. Before file descriptors run out, it accepts no more until some are free.

import type { Handler } from "../http/message.ts";
import { Connection, type ServerContext } from "./connection.ts";
import { Backoff, DeadlineTimer, sleep } from "./deadlines.ts";
import { DescriptorBudget, isOutOfDescriptors } from "./descriptors.ts";
import type { ConnectionView } from "./exchange.ts";
import { limitsWith } from "./limits.ts";
import { type AcceptedConn, type Certificate, type Listener, ListenerSet } from "./listener.ts";
import { guardCallbacks, type GuardedCallbacks } from "./callbacks.ts";
import { checkOptions, endpointOf, type ServeOptions, type WorkerOptions } from "./options.ts";

/** Milliseconds to wait after an accept that failed: most failures concern one client only. */
const MIN_BACKOFF = 5;
const MAX_BACKOFF = 1000;

/** Milliseconds until descriptors are counted again, where no connection ends before. */
const DESCRIPTOR_CHECK_INTERVAL = 100;

/** Turns of the event loop without a connection that mean an empty backlog, and the most to wait. */
const QUIET_TURNS = 2;
const MAX_TURNS = 100;

/**
 * How many connections a server can have.
 *
 * @example
 * ```ts
 * import { type Capacity, serve } from "@wireserve/wireserve";
 *
 * await using server = serve(() => ({ status: 204 }), { port: 0, limits: { connections: 10 } });
 * const { connectionLimit }: Capacity = server.capacity();
 * console.log(connectionLimit); // 10
 * ```
 */
export interface Capacity {
  /** Its limit, or what file descriptors allow; Infinity where no limit is known. */
  readonly connectionLimit: number;
  /** How often accepting has paused because file descriptors were short. */
  readonly descriptorShortages: number;
}

/**
 * A server that is serving; `await using` closes it at the end of the block.
 *
 * @example
 * ```ts
 * import { serve, type Server } from "@wireserve/wireserve";
 *
 * const server: Server = serve(() => ({ status: 204 }), { port: 0 });
 * console.log((await fetch(server.url)).status); // 204
 * await server.drain(1000);
 * ```
 */
export class Server implements AsyncDisposable {
  #listeners: ListenerSet;
  readonly #context: ServerContext & { readonly callbacks: GuardedCallbacks };
  /** The open connections, each with the promise of its end. */
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #descriptors: DescriptorBudget;
  /** Whether file descriptors allow no more connections at the moment. */
  #isShort = false;
  #shortages = 0;
  readonly #accepting: Promise<void>[] = [];
  /** Listeners of former certificates whose backlog is still being accepted. */
  readonly #closing = new Set<ListenerSet>();
  readonly #stop = Promise.withResolvers<void>();
  /** Resolves when a connection ends, or when a listener is closed. */
  #slotFreed = Promise.withResolvers<void>();
  readonly #idPrefix: string;
  #connectionCount = 0;
  #isStopped = false;
  #isDraining = false;
  #isClosed = false;

  /** Resolves when the server is closed and its last connection has ended. */
  readonly finished: Promise<void>;

  /** Use {@linkcode serve}. */
  constructor(handler: Handler, options: WorkerOptions) {
    if (typeof handler !== "function") {
      throw new TypeError(
        "The first argument is the handler, a function, and the second the options",
      );
    }
    checkOptions(options);
    this.#idPrefix = options.idPrefix ?? "";
    const endpoint = endpointOf(options);
    const limits = limitsWith(options.limits ?? {});
    this.#listeners = ListenerSet.open(endpoint);
    this.#descriptors = new DescriptorBudget(options.descriptors);
    this.#context = {
      handler,
      limits,
      callbacks: guardCallbacks(options, this.#descriptors),
      timer: new DeadlineTimer(),
      isAtCapacity: () => this.#isAtCapacity,
      clientOf: options.clientOf ?? null,
    };
    this.finished = this.#serveAll();
    this.#closeOn(options.signal);
    const hostname = endpoint.transport === "unix" ? endpoint.path : endpoint.hostname;
    this.#context.callbacks.onListen({ hostname, port: this.port, url: this.url });
  }

  #closeOn(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = () => void this.close();
    if (signal.aborted) close();
    signal.addEventListener("abort", close);
    this.finished.then(() => signal.removeEventListener("abort", close));
  }

  /** The TCP port that the server listens on; 0 for a Unix socket. */
  get port(): number {
    return this.#listeners.port ?? 0;
  }

  /** The URL of the server, from this machine; `unix:` and a path for a Unix socket. */
  get url(): string {
    return this.#listeners.url;
  }

  /** What each open connection does. */
  get connections(): ConnectionView[] {
    return [...this.#connections.keys()].map((connection) => connection.view());
  }

  /** How many connections it can have, as far as that is known, and how often it had to wait. */
  capacity(): Capacity {
    this.#descriptors.lookAhead(this.#connections.size);
    return { connectionLimit: this.#limit, descriptorShortages: this.#shortages };
  }

  get #limit(): number {
    const { connections } = this.#context.limits;
    return Math.min(this.#descriptors.limit, connections === 0 ? Infinity : connections);
  }

  /** Stops listening, closes every connection, and waits until the handlers have returned. */
  async close(): Promise<void> {
    this.#stopAccepting();
    for (const listeners of [this.#listeners, ...this.#closing]) this.#closeListeners(listeners);
    this.#isClosed = true;
    for (const connection of this.#connections.keys()) connection.close();
    await this.finished;
  }

  /** Closes the server: a block that fails does not wait for clients. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Shuts down gracefully: stops listening, closes idle connections, ends the others with the
   * response under way, and closes what is left after a while.
   *
   * @param grace Milliseconds for requests under way: 0 for none, Infinity for 24 days.
   */
  async drain(grace: number): Promise<void> {
    if (grace === 0) this.#closeListeners(this.#listeners);
    // First, because a client whose connection is closed connects again while it can.
    await this.stopListening();
    this.#isDraining = true;
    for (const connection of this.#connections.keys()) connection.drain();
    this.#context.timer.beginDrain();
    await sleep(grace, this.finished);
    await this.close();
  }

  /** Stops listening, and resolves when no client can connect any more. Connections go on. */
  async stopListening(): Promise<void> {
    this.#stopAccepting();
    await this.#closeWhenEmpty(this.#listeners);
    await Promise.all(this.#accepting); // The system listens as long as an accept is pending.
  }

  #stopAccepting(): void {
    this.#isStopped = true;
    this.#stop.resolve();
  }

  /**
   * Closes listeners when their backlog is empty, because the system resets the connections in a
   * backlog. A client that connects between the last turn and the close is still reset.
   */
  async #closeWhenEmpty(listeners: ListenerSet): Promise<void> {
    let accepted = listeners.accepted;
    for (let turns = 0, quiet = 0; turns < MAX_TURNS && quiet < QUIET_TURNS; turns++) {
      if (listeners.isClosed) return;
      await sleep(0);
      quiet = listeners.accepted === accepted ? quiet + 1 : 0;
      accepted = listeners.accepted;
    }
    this.#closeListeners(listeners);
  }

  #closeListeners(listeners: ListenerSet): void {
    listeners.close();
    this.#notifySlotFreed();
  }

  #notifySlotFreed(): void {
    this.#slotFreed.resolve();
    this.#slotFreed = Promise.withResolvers();
  }

  /**
   * Uses another certificate for new connections. If this throws, the old one stays in use.
   *
   * @throws {TypeError} where the endpoint has no certificate, or is not shared.
   * @throws {Deno.errors.InvalidData} for an invalid certificate.
   */
  replaceCertificate(certificate: Certificate): void {
    if (this.#isStopped) return;
    const former = this.#listeners;
    this.#listeners = former.withCertificate(certificate);
    this.#accepting.push(...this.#acceptAll());
    this.#closing.add(former);
    this.#closeWhenEmpty(former).then(() => this.#closing.delete(former));
  }

  // Two accept loops may exceed the limit by one.
  get #isAtCapacity(): boolean {
    return this.#isShort || this.#connections.size >= this.#limit;
  }

  async #serveAll(): Promise<void> {
    this.#accepting.push(...this.#acceptAll());
    await this.#stop.promise;
    await Promise.all(this.#accepting);
    await Promise.all(this.#connections.values());
    this.#descriptors.release();
  }

  #acceptAll(): Promise<void>[] {
    const listeners = this.#listeners;
    return listeners.listeners.map((listener) => this.#accept(listeners, listener));
  }

  async #accept(listeners: ListenerSet, listener: Listener): Promise<void> {
    const backoff = new Backoff(MIN_BACKOFF, MAX_BACKOFF);
    let hasFailed = false;
    while (!listeners.isClosed) {
      if (!await this.#hasSlot()) continue;
      try {
        this.#open(await listener.accept());
        backoff.reset();
        hasFailed = false;
      } catch (error) {
        if (listeners.isClosed) return;
        if (isClientGone(error)) continue;
        if (isOutOfDescriptors(error)) this.#descriptors.fail(this.#connections.size);
        if (!hasFailed) this.#context.callbacks.onError(error, null);
        hasFailed = true;
        await sleep(backoff.next(), this.#stop.promise);
      }
    }
  }

  /** Whether a connection may be accepted; where none may, it waits until that can have changed. */
  async #hasSlot(): Promise<boolean> {
    const { size } = this.#connections;
    const { connections } = this.#context.limits;
    if (connections !== 0 && size >= connections) {
      await this.#slotFreed.promise;
      return false;
    }
    if (this.#descriptors.hasRoom(size)) {
      this.#isShort = false;
      return true;
    }
    this.#reportShortage();
    await sleep(DESCRIPTOR_CHECK_INTERVAL, this.#slotFreed.promise);
    return false;
  }

  /** One line for the first time: what follows is in the metrics. */
  #reportShortage(): void {
    if (this.#isShort) return;
    this.#isShort = true;
    if (++this.#shortages > 1) return;
    const most = this.#descriptors.limit;
    this.#context.callbacks.onError(new DescriptorShortage(most), null);
  }

  #open(accepted: AcceptedConn): void {
    if (this.#isClosed) return accepted.conn.close();
    const { callbacks } = this.#context;
    const { peer } = accepted;
    const id = `${this.#idPrefix}${++this.#connectionCount}`;
    const connection = new Connection(accepted, id, this.#context);
    const served = connection.serve().then(() => {
      this.#connections.delete(connection);
      this.#notifySlotFreed();
      callbacks.onClose(peer);
    });
    this.#connections.set(connection, served);
    if (this.#isDraining) connection.drain();
    callbacks.onOpen(peer);
  }
}

/**
 * Serves HTTP until {@linkcode Server.drain} or {@linkcode Server.close} is called.
 *
 * @param handler Answers the requests: a {@linkcode router}, for instance.
 * @param options Where and how to serve.
 * @throws {RangeError} for a limit with an impossible value, or of an unknown name.
 * @throws {TypeError} for an option that does not exist, and for a host name or a port beside an
 * endpoint.
 * @throws {Deno.errors.AddrInUse} where the address is in use.
 * @throws {Deno.errors.InvalidData} for an invalid certificate.
 * @throws {Deno.errors.NotCapable} without the permission to listen there.
 *
 * @example
 * ```ts
 * import { serve } from "@wireserve/wireserve";
 *
 * const server = serve(() => ({ status: 200, content: "Hello" }), {
 *   port: 0,
 *   onListen: ({ url }) => console.log(url),
 * });
 * console.log(await (await fetch(server.url)).text()); // Hello
 * await server.drain(1000);
 * ```
 */
export function serve(handler: Handler, options: ServeOptions = {}): Server {
  return new Server(handler, options);
}

/** Whether a client left before it was accepted: that is no fault, and the next one waits. */
function isClientGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted;
}

/** The limit on file descriptors is lower than that on connections. */
class DescriptorShortage extends Error {
  override readonly name = "DescriptorShortage";
  readonly code = "EMFILE";

  constructor(connections: number) {
    super(`file descriptors are short (ulimit -n): ${connections} connections at most`);
  }
}
