// Accepts connections until told to stop. An error of one accept never ends serving: out of
// file descriptors, for instance, it pauses until some come free.

import type { Handler } from "../http/message.ts";
import { Backoff, sleep } from "./deadlines.ts";
import { Connection } from "./connection.ts";
import type { ServerContext } from "./server_context.ts";
import type { ConnectionView } from "./connection_view.ts";
import { DescriptorReserve } from "./descriptor_reserve.ts";
import { limitsWith } from "./limits.ts";
import { type AcceptedConn, type Certificate, type Listener, ListenerSet } from "./listener.ts";
import { endpointOf, type ServeOptions } from "./options.ts";
import { type GuardedObserver, guardObserver } from "./observer.ts";
import { DeadlineTimer } from "./deadline_timer.ts";

/**
 * Milliseconds to wait after an accept that failed: short at first, as most failures are those of
 * one client, and never so long that a person would notice when it works again.
 */
const MIN_BACKOFF = 5;
const MAX_BACKOFF = 1000;

/** Milliseconds without anybody after which a listener counts as empty, and how many to wait for it. */
const QUIET_TURNS = 2;
const MAX_TURNS = 100;

/** A server that is serving; `await using` closes it at the end of the block. */
export class Server implements AsyncDisposable {
  #listeners: ListenerSet;
  readonly #context: ServerContext & { readonly observer: GuardedObserver };
  /** The open connections, and of each the promise of its end. */
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #reserve = new DescriptorReserve();
  /** Connections at most since descriptors have run out; each that ends makes room for one. */
  #fdCap = Infinity;
  /** The loops that accept. */
  readonly #accepting: Promise<void>[] = [];
  /** ListenerSet of former certificates that are being emptied. */
  readonly #closing = new Set<ListenerSet>();
  readonly #stop = Promise.withResolvers<void>();
  /** Resolves when a connection ends, or nobody listens any more. */
  #slotFreed = Promise.withResolvers<void>();
  readonly #idPrefix: string;
  #connectionCount = 0;
  /** Whether no more connections are accepted. */
  #isStopped = false;
  #isDraining = false;
  /** Whether every connection has been closed. */
  #isClosed = false;

  /** Resolves once the server has been closed and its last connection has come to its end. */
  readonly finished: Promise<void>;

  /** Use {@linkcode serve}. */
  constructor(handler: Handler, options: ServeOptions) {
    this.#idPrefix = options.idPrefix ?? "";
    this.#context = {
      handler,
      limits: limitsWith(options.limits ?? {}),
      observer: guardObserver(options.observer ?? {}),
      timer: new DeadlineTimer(),
      isAtCapacity: () => this.#isAtCapacity,
      clientOf: options.clientOf ?? null,
    };
    this.#listeners = ListenerSet.open(endpointOf(options));
    this.#reserve.fill();
    this.finished = this.#serveAll();
  }

  /** The TCP port that the server listens on; 0 for a Unix socket. */
  get port(): number {
    return this.#listeners.port ?? 0;
  }

  /** The URL to reach the server at, from this machine; `unix:` and a path for a Unix socket. */
  get url(): string {
    return this.#listeners.url;
  }

  /** What each open connection is doing. */
  get connections(): ConnectionView[] {
    return [...this.#connections.keys()].map((connection) => connection.view());
  }

  /** Stops listening, closes every connection and waits until their handlers have come to an end. */
  async close(): Promise<void> {
    this.#stopAccepting();
    for (const listeners of [this.#listeners, ...this.#closing]) this.#closeListeners(listeners);
    this.#isClosed = true;
    for (const connection of this.#connections.keys()) connection.close();
    await this.finished;
  }

  /**
   * Does the same as {@linkcode Server.close}, for `await using`. A block that fails shall not have
   * to wait for clients: who wants responses finished calls {@linkcode Server.drain} at its end.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Stops listening, closes idle connections, and ends the others with the response that is under
   * way; closes what is left after a while.
   *
   * @param grace Milliseconds that requests under way may take: 0 for none, Infinity for as long as
   * they want (24 days, at most).
   */
  async drain(grace: number): Promise<void> {
    if (grace === 0) this.#closeListeners(this.#listeners);
    // First: whoever is told to close connects anew, as long as that can be done.
    await this.stopListening();
    this.#isDraining = true;
    for (const connection of this.#connections.keys()) connection.drain();
    await sleep(grace, this.finished);
    await this.close();
  }

  /** Stops listening, and resolves once nobody can connect any more. Connections go on. */
  async stopListening(): Promise<void> {
    this.#stopAccepting();
    await this.#closeWhenEmpty(this.#listeners);
    await Promise.all(this.#accepting); // Until then, the system goes on listening.
  }

  #stopAccepting(): void {
    this.#isStopped = true;
    this.#stop.resolve();
  }

  /**
   * Stops listening once nobody waits there any more: to close a listener is to reset whoever is in
   * it. Who comes between the last look and the close still is.
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
   * Goes on with another certificate. Connections that are open stay as they are. Where it throws,
   * the old certificate stays.
   *
   * @throws {TypeError} where the endpoint has none yet, or is not shared.
   * @throws {Deno.errors.InvalidData} for a certificate that is none.
   */
  replaceCertificate(certificate: Certificate): void {
    if (this.#isStopped) return;
    const former = this.#listeners;
    this.#listeners = former.withCertificate(certificate);
    this.#accepting.push(...this.#acceptAll());
    this.#closing.add(former);
    this.#closeWhenEmpty(former).then(() => this.#closing.delete(former));
  }

  /** Two listeners may each have accepted one more at the same time: so "at least". */
  get #isAtCapacity(): boolean {
    const { connections } = this.#context.limits;
    const most = Math.min(this.#fdCap, connections === 0 ? Infinity : connections);
    return this.#connections.size >= most;
  }

  async #serveAll(): Promise<void> {
    this.#accepting.push(...this.#acceptAll());
    await this.#stop.promise;
    await Promise.all(this.#accepting);
    await Promise.all(this.#connections.values());
    this.#reserve.release();
  }

  #acceptAll(): Promise<void>[] {
    const listeners = this.#listeners;
    return listeners.listeners.map((listener) => this.#accept(listeners, listener));
  }

  async #accept(listeners: ListenerSet, listener: Listener): Promise<void> {
    const backoff = new Backoff(MIN_BACKOFF, MAX_BACKOFF);
    let hasFailed = false;
    while (!listeners.isClosed) {
      if (this.#isAtCapacity) {
        await this.#slotFreed.promise;
        continue;
      }
      try {
        this.#open(await listener.accept());
        backoff.reset();
        hasFailed = false;
      } catch (error) {
        if (listeners.isClosed) return;
        if (isClientGone(error)) continue;
        if (isOutOfDescriptors(error)) this.#capConnections();
        if (!hasFailed) this.#context.observer.onError(error);
        hasFailed = true;
        await sleep(backoff.next(), this.#stop.promise);
      }
    }
  }

  #capConnections(): void {
    this.#reserve.release();
    this.#fdCap = Math.max(1, this.#connections.size);
  }

  /** Once so many connections have ended that the reserve can be filled again, all is well. */
  #liftCap(): void {
    if (this.#fdCap === Infinity || this.#connections.size > this.#fdCap / 2) return;
    this.#reserve.fill();
    this.#fdCap = Infinity;
  }

  #open(accepted: AcceptedConn): void {
    if (this.#isClosed) return accepted.conn.close();
    const { observer } = this.#context;
    const { peer } = accepted;
    const id = `${this.#idPrefix}${++this.#connectionCount}`;
    const connection = new Connection(accepted, id, this.#context);
    const served = connection.serve().then(() => {
      this.#connections.delete(connection);
      this.#liftCap();
      this.#notifySlotFreed();
      observer.onClose(peer);
    });
    this.#connections.set(connection, served);
    if (this.#isDraining) connection.drain();
    observer.onOpen(peer);
  }
}

/**
 * Serves HTTP until {@linkcode Server.drain} or {@linkcode Server.close} is called.
 *
 * @param handler Answers the requests: a {@linkcode router}, for instance.
 * @param options Where and how to serve.
 * @throws {RangeError} for a limit that cannot have its value, or that there is not.
 * @throws {TypeError} for a host name or a port beside an endpoint.
 * @throws {Deno.errors.AddrInUse} where somebody listens there already.
 * @throws {Deno.errors.InvalidData} for a certificate that is none.
 * @throws {Deno.errors.NotCapable} without the permission to listen there.
 */
export function serve(handler: Handler, options: ServeOptions = {}): Server {
  return new Server(handler, options);
}

/** Whether a client has not waited to be accepted: nothing is wrong here, and the next one waits. */
function isClientGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted;
}

function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EMFILE" || error.code === "ENFILE");
}
