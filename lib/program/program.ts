// The program while it runs: its server or workers, the log, the admin listener, and the signals.

import { AccessLog } from "../access_log/access_log.ts";
import type { LogFile } from "../access_log/log_file.ts";
import { type LineSink, LineWriter } from "../access_log/sink.ts";
import { exposeMetrics, processSnapshot } from "../admin/exposition.ts";
import { type AdminSource, serveAdmin } from "../admin/routes.ts";
import { withLock } from "../files/lock.ts";
import type { DirectoryProblem, Root } from "../files/root.ts";
import { removeStaleUploads } from "../files/stale_uploads.ts";
import type { Options, TlsFiles } from "../options/parse.ts";
import { type Address, UsageError } from "../options/values.ts";
import { sleep } from "../server/deadlines.ts";
import { serve, type Server } from "../server/server.ts";
import { isSocket, removeStaleSocket } from "../server/listener.ts";
import { WorkerPool } from "./worker_pool.ts";
import { messageOf, StartupError } from "./startup_error.ts";
import { LocalServer, type ServerHandle } from "./local_server.ts";
import { addressesFor, qrCode, warningsFor } from "./banner.ts";
import {
  openDirectory,
  openLog,
  readCertificate,
  readUsers,
  withPlace,
  withUsers,
} from "./inputs.ts";
import { hostGuarded, isLocal } from "./guards.ts";
import { redirectToHttps } from "./redirect.ts";
import { missingPermissions } from "./permissions.ts";

/** Milliseconds to write the log, at the start and at the end. */
const STARTUP_LOG_TIMEOUT = 1000;
const FINAL_LOG_TIMEOUT = 1000;

/** Milliseconds to close the admin listener, and to close everything after a second signal. */
const ADMIN_CLOSE_TIMEOUT = 200;
const ABORT_TIMEOUT = 200;

/** Milliseconds between two checks of the served directory, which cost next to nothing. */
const DIRECTORY_INTERVAL = 500;

/**
 * Serves until a signal ends the program.
 *
 * @throws {UsageError} if the directory is not one.
 * @throws {StartupError} if the program cannot start.
 */
export async function run(given: Options, version: string): Promise<void> {
  const options = withPlace(given);
  checkAuth(options);
  const missing = missingPermissions(options);
  if (missing.length > 0) {
    throw new StartupError(`not permitted: run deno with ${missing.join(" ")}`);
  }
  const directory = openDirectory(options);
  const signals = new Signals();
  const starting = Program.start(options, version, directory);
  signals.onHangup = () => void starting.then((program) => program.reload(), () => {});
  const program = await Promise.race([starting, startupAborted(signals, options.grace)]);
  if (program === null) return;
  // Not awaited: a large directory takes its time.
  if (directory !== null && !options.files.isReadOnly) void program.removeStaleUploads(directory);
  await signals.end;
  await Promise.race([program.drain(), signals.secondEnd.then(() => program.abort())]);
}

/** Resolves when a signal ends a start that may hang, as a file system may. */
async function startupAborted(signals: Signals, grace: number): Promise<null> {
  await signals.end;
  await sleep(grace, signals.secondEnd);
  return null;
}

/** To be created before the first connection: Deno panics if no descriptor is left for a signal. */
class Signals {
  readonly #end = Promise.withResolvers<void>();
  readonly #secondEnd = Promise.withResolvers<void>();
  #count = 0;
  onHangup: () => void = () => {};

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => this.#handleEnd());
    }
    Deno.addSignalListener("SIGHUP", () => this.onHangup());
  }

  get end(): Promise<void> {
    return this.#end.promise;
  }

  get secondEnd(): Promise<void> {
    return this.#secondEnd.promise;
  }

  #handleEnd(): void {
    if (++this.#count === 1) this.#end.resolve();
    else this.#secondEnd.resolve();
  }
}

/** Watches the served directory: it may be removed and created again, and its disk may hang. */
class DirectoryWatch {
  readonly #directory: Root;
  readonly #log: AccessLog;
  #problem: DirectoryProblem | null = null;

  constructor(directory: Root, log: AccessLog) {
    this.#directory = directory;
    this.#log = log;
  }

  get problem(): DirectoryProblem | null {
    return this.#problem;
  }

  /** Checks as long as the program runs. Each change is one line of the log. */
  async run(): Promise<never> {
    for (;;) {
      await sleep(DIRECTORY_INTERVAL);
      const problem = await this.#directory.probe();
      if (problem !== this.#problem) {
        this.#log.event(`directory_${problem ?? "available"}`, this.#directory.path);
      }
      this.#problem = problem;
    }
  }
}

/** What a program consists of. */
interface Parts {
  readonly watch: DirectoryWatch | null;
  readonly options: Options;
  readonly log: AccessLog;
  readonly file: LogFile | null;
  readonly server: ServerHandle;
}

class Program {
  readonly #options: Options;
  readonly #log: AccessLog;
  readonly #file: LogFile | null;
  readonly #server: ServerHandle;
  readonly #watch: DirectoryWatch | null;
  #admin: Server | null = null;
  #redirect: Server | null = null;
  #isDraining = false;

  private constructor({ options, log, file, server, watch }: Parts) {
    this.#options = options;
    this.#log = log;
    this.#file = file;
    this.#server = server;
    this.#watch = watch;
  }

  static async start(
    options: Options,
    version: string,
    directory: Root | null,
  ): Promise<Program> {
    const file = options.logFile === null ? null : await openLog(options.logFile);
    const sink: LineSink = file ?? new LineWriter(Deno.stdout);
    const events = file === null ? new LineWriter(Deno.stderr) : null;
    const log = new AccessLog(options.log, sink, events);
    // The directory that was opened stays the same one, whatever becomes of links to it.
    const resolved = directory === null ? options : { ...options, directory: directory.path };
    const server = await startServing(await withUsers(resolved), log);
    const watch = directory === null ? null : new DirectoryWatch(directory, log);
    const program = new Program({ options, log, file, server, watch });
    void watch?.run();
    await program.#startAdmin(version);
    await program.#startRedirect();
    await program.#announce();
    await sleep(STARTUP_LOG_TIMEOUT, log.flush()); // The reader of the log may be slow.
    return program;
  }

  async #startAdmin(version: string): Promise<void> {
    const { admin } = this.#options;
    if (admin === null) return;
    const source: AdminSource = {
      isReady: () => !this.#isDraining,
      directoryProblem: () => this.#watch?.problem ?? null,
      connections: () => this.#server.connections(),
      metrics: async () =>
        exposeMetrics([
          ...await this.#server.snapshots(),
          await processSnapshot({ version, workerRestarts: this.#server.restarts }),
        ]),
    };
    if (admin.transport === "unix") await removeStaleSocket(admin.path);
    try {
      this.#admin = serveAdmin(source, { endpoint: admin });
    } catch (error) {
      const failure = cannotListen(admin, error); // Before drain() removes our own socket.
      await this.#server.drain(0);
      throw failure;
    }
    this.#log.event("admin", this.#admin.url);
  }

  /** Listens on the port that redirects to https. */
  async #startRedirect(): Promise<void> {
    const { redirectHttps: port, bind: hostname } = this.#options;
    if (port === null) return;
    const handler = redirectToHttps(Number(new URL(this.#server.url).port || 443));
    try {
      this.#redirect = serve(hostGuarded(handler, this.#options), { hostname, port });
    } catch (error) {
      await this.#server.drain(0);
      throw cannotListen({ transport: "tcp", hostname, port }, error);
    }
    this.#log.event("redirecting", this.#redirect.url);
  }

  /** Says what is served where, to whom, and what that means. */
  async #announce(): Promise<void> {
    const options = this.#options;
    const { directory, site, qr } = options;
    const { url } = this.#server;
    const log = this.#log;
    const served = site?.file != null ? `${directory}/${site.file}` : directory ?? "no directory";
    const base = site === null || site.base === "" ? "" : `${site.base.slice(1)}/`;
    log.event("serving", `${served} at ${url.startsWith("unix:") ? url : url + base}`);
    const others = addressesFor(options, url);
    for (const address of others) log.event("address", address);
    for (const [event, detail] of warningsFor(options)) log.event(event, detail);
    if (!qr) return;
    const [address] = others;
    if (address !== undefined) console.error(await qrCode(address));
    else log.event("warning", "no other device can connect, so there is no QR code: see --bind");
  }

  async removeStaleUploads(directory: Root): Promise<void> {
    const removed = await removeStaleUploads(
      directory.path,
      (error) => console.error(`wireserve: cannot remove stale uploads: ${messageOf(error)}`),
      directory.fs,
    );
    if (removed > 0) this.#log.event("stale_uploads_removed", `${removed} stale uploads`);
  }

  /** Reopens the log and reads the certificate, independently. What fails stays as it is. */
  async reload(): Promise<void> {
    const { tls, auth } = this.#options;
    const reloaded = await Promise.all([
      this.#attempt("the log", () => this.#file?.reopen()),
      ...tls === null
        ? []
        : [this.#attempt("the certificate", () => this.#replaceCertificate(tls))],
      ...auth?.file == null ? [] : [
        this.#attempt("the users", async () => this.#server.replaceUsers(await readUsers(auth))),
      ],
    ]);
    const parts = reloaded.filter((part) => part !== null);
    if (parts.length > 0) this.#log.event("reloaded", parts.join(" and "));
  }

  /** Returns what was reloaded, or null after an error. */
  async #attempt(what: string, reload: () => Promise<void> | undefined): Promise<string | null> {
    try {
      await reload();
      return what;
    } catch (error) {
      console.error(`wireserve: cannot reload ${what}: ${messageOf(error)}`);
      return null;
    }
  }

  /** One at a time: the last one to read the files determines the certificate. */
  #replaceCertificate(files: TlsFiles): Promise<void> {
    return withLock(
      "the certificate",
      async () => await this.#server.replaceCertificate(await readCertificate(files)),
    );
  }

  /** Connections are accepted during `--drain-delay`, while load balancers notice /readyz. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const { grace, drainDelay } = this.#options;
    if (drainDelay > 0) {
      this.#log.event("drain_delay", `${drainDelay / 1000} s`);
      await sleep(drainDelay);
    }
    this.#log.event("draining", `${grace / 1000} s at most`);
    await Promise.all([this.#server.drain(grace), this.#redirect?.close()]);
    if (this.#admin !== null) await sleep(ADMIN_CLOSE_TIMEOUT, this.#admin.close());
    await sleep(FINAL_LOG_TIMEOUT, this.#log.flush());
  }

  /** Aborts all requests, and removes the sockets if that is fast. Their lines are written. */
  async abort(): Promise<void> {
    const closed = Promise.all([
      this.#server.drain(0),
      this.#admin?.close(),
      this.#redirect?.close(),
    ]);
    await sleep(ABORT_TIMEOUT, closed.then(() => {}));
    await sleep(FINAL_LOG_TIMEOUT, this.#log.flush());
  }
}

async function startServing(options: Options, log: AccessLog): Promise<ServerHandle> {
  const { tls, unix, bind: hostname, port } = options;
  const count = countOf(options);
  const certificate = tls === null ? undefined : await readCertificate(tls);
  if (unix !== null) await removeStaleSocket(unix.path);
  const config = { options, port, count, certificate };
  try {
    if (count > 1) return await WorkerPool.start({ config, log });
    const listen = await LocalServer.prepare({ ...config, index: 0, restarts: 0 }, log);
    return await listen(port);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw cannotListen(
      unix === null ? { transport: "tcp", hostname, port } : { transport: "unix", ...unix },
      error,
    );
  }
}

/** The number of workers: each needs one of `--max-connections`. */
function countOf({ workers, limits }: Options): number {
  const count = workers === "auto" ? navigator.hardwareConcurrency : workers;
  return Math.min(count, limits.connections || Infinity);
}

function cannotListen(address: Address, error: unknown): StartupError {
  const where = address.transport === "unix"
    ? address.path
    : `${address.hostname}, port ${address.port}`;
  const isInUse = error instanceof Deno.errors.AddrInUse;
  return new StartupError(
    `cannot listen on ${where}: ${isInUse ? addressInUse(address) : messageOf(error)}`,
  );
}

function addressInUse(address: Address): string {
  if (address.transport === "tcp") return "the port is in use";
  return isSocket(address.path) ? "the socket is in use" : "the path exists and is no socket";
}

/** @throws {UsageError} for passwords that anyone on the way could read. */
function checkAuth(options: Options): void {
  const { auth, tls } = options;
  if (auth === null || auth.isInsecure || tls !== null || isLocal(options)) return;
  throw new UsageError(
    "passwords over plain HTTP can be read on the way: use --tls-cert and --tls-key, or --auth-insecure",
  );
}
