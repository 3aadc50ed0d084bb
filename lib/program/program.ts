// The program while it runs: what serves, the log, the admin listener, and the signals that end it
// or have it read its files again.

import { AccessLog } from "../access_log/access_log.ts";
import { LogFile } from "../access_log/log_file.ts";
import { type LineSink, LineWriter } from "../access_log/sink.ts";
import { exposeMetrics, processSnapshot } from "../admin/exposition.ts";
import { type AdminSource, serveAdmin } from "../admin/routes.ts";
import { Root } from "../files/root.ts";
import { removeStaleUploads } from "../files/stale_uploads.ts";
import type { Options, TlsFiles } from "../options/parse.ts";
import { type Address, UsageError } from "../options/values.ts";
import { sleep } from "../server/deadlines.ts";
import type { Server } from "../server/server.ts";
import { type Certificate, isSocket, ListenerSet, removeStaleSocket } from "../server/listener.ts";
import { WorkerPool } from "./worker_pool.ts";
import { messageOf, StartupError } from "./startup_error.ts";
import { LocalServer } from "./local_server.ts";
import { missingPermissions } from "./permissions.ts";
import type { ServerHandle } from "./server_handle.ts";
import { Signals } from "./signals.ts";

/** Milliseconds that the log may take at the start, at the end, and after a second signal. */
const STARTUP_LOG_TIMEOUT = 1000;
const FINAL_LOG_TIMEOUT = 1000;
const ADMIN_CLOSE_TIMEOUT = 200;

/**
 * Serves until a signal ends it.
 *
 * @throws {UsageError} for a directory that is none.
 * @throws {StartupError} where it cannot start.
 */
export async function run(options: Options, version: string): Promise<void> {
  const missing = missingPermissions(options);
  if (missing.length > 0) {
    throw new StartupError(`not permitted: run deno with ${missing.join(" ")}`);
  }
  const directory = openDirectory(options);
  const signals = new Signals(); // Before the first connection, see there.
  const starting = Program.start(options, version);
  signals.onHangup = () => void starting.then((program) => program.reload(), () => {});
  const program = await Promise.race([starting, startupAborted(signals, options.grace)]);
  if (program === null) return;
  if (directory !== null && !options.files.isReadOnly) void program.removeStaleUploads(directory);
  await signals.end;
  // Whoever signals twice does not want to wait.
  await Promise.race([program.end(), signals.secondEnd.then(() => program.leave())]);
}

/** Resolves when nobody waits any longer for a start: it may hang, as a file system may. */
async function startupAborted(signals: Signals, grace: number): Promise<null> {
  await signals.end;
  await sleep(grace, signals.secondEnd);
  return null;
}

/** The program, started. */
class Program {
  readonly #options: Options;
  readonly #log: AccessLog;
  readonly #file: LogFile | null;
  readonly #server: ServerHandle;
  #admin: Server | null = null;
  #isDraining = false;
  /** The end of the last change of the certificate. */
  #certificateReplaced: Promise<void> = Promise.resolve();

  private constructor(
    options: Options,
    log: AccessLog,
    file: LogFile | null,
    handle: ServerHandle,
  ) {
    this.#options = options;
    this.#log = log;
    this.#file = file;
    this.#server = handle;
  }

  static async start(options: Options, version: string): Promise<Program> {
    const file = options.logFile === null ? null : await openLog(options.logFile);
    const sink: LineSink = file ?? new LineWriter(Deno.stdout);
    const log = new AccessLog(options.log, sink);
    const handle = await startServing(options, log);
    const program = new Program(options, log, file, handle);
    await program.#startAdmin(version);
    log.event("serving", `${options.directory ?? "no directory"} at ${handle.url}`);
    await sleep(STARTUP_LOG_TIMEOUT, log.flush()); // Whoever reads it may not: the program serves already.
    return program;
  }

  async #startAdmin(version: string): Promise<void> {
    const { admin } = this.#options;
    if (admin === null) return;
    const source: AdminSource = {
      isReady: () => !this.#isDraining,
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
      const failure = cannotListen(admin, error); // It may be our own socket that is in the way.
      await this.#server.drain(0);
      throw failure;
    }
    this.#log.event("admin", this.#admin.url);
  }

  /** Beside the handle: a large directory takes its time. */
  async removeStaleUploads(directory: Root): Promise<void> {
    const removed = await removeStaleUploads(directory.path, (error) => console.error(error));
    if (removed > 0) this.#log.event("swept", `${removed} unfinished uploads away`);
  }

  /**
   * The log's file and the certificate may have been replaced. What cannot be read stays, and is no
   * reason for the other to stay: neither waits for the other.
   */
  async reload(): Promise<void> {
    const { tls } = this.#options;
    const reloaded = await Promise.all([
      this.#attempt("the log", () => this.#file?.reopen()),
      ...tls === null
        ? []
        : [this.#attempt("the certificate", () => this.#replaceCertificate(tls))],
    ]);
    const parts = reloaded.filter((part) => part !== null);
    if (parts.length > 0) this.#log.event("reloaded", parts.join(" and "));
  }

  /** Returns what has been reloaded, or null. */
  async #attempt(what: string, reload: () => Promise<void> | undefined): Promise<string | null> {
    try {
      await reload();
      return what;
    } catch (error) {
      console.error(`wireserve: cannot reload ${what}: ${messageOf(error)}`);
      return null;
    }
  }

  /** One after the other: the last to read the files is to win. */
  #replaceCertificate(files: TlsFiles): Promise<void> {
    const turn = this.#certificateReplaced.then(async () =>
      await this.#server.replaceCertificate(await readCertificate(files))
    );
    this.#certificateReplaced = turn.catch(() => {});
    return turn;
  }

  /**
   * Ends what is under way, and then the program. A balancer needs a moment to see that it is not
   * ready any more: a connection that it opens or reuses meanwhile must not be refused.
   */
  async end(): Promise<void> {
    this.#isDraining = true;
    const { grace, drainDelay } = this.#options;
    if (drainDelay > 0) {
      this.#log.event("leaving", `in ${drainDelay / 1000} s`);
      await sleep(drainDelay);
    }
    this.#log.event("draining", `${grace / 1000} s at most`);
    await this.#server.drain(grace);
    await sleep(ADMIN_CLOSE_TIMEOUT, this.#admin?.close());
    await sleep(FINAL_LOG_TIMEOUT, this.#log.flush());
  }

  /** Ends the program with whatever is under way. Sockets and the log get the moment they need. */
  async leave(): Promise<void> {
    const left = Promise.all([this.#server.drain(0), this.#admin?.close()]);
    await sleep(ADMIN_CLOSE_TIMEOUT, left.then(() => this.#log.flush()));
  }
}

/** Several workers, or none: one server needs no isolate of its own. */
async function startServing(options: Options, log: AccessLog): Promise<ServerHandle> {
  const { tls, unix, bind: hostname, port } = options;
  const count = countOf(options);
  const certificate = tls === null ? undefined : await readCertificate(tls);
  if (unix !== null) await removeStaleSocket(unix.path);
  const config = { options, port, count, certificate };
  try {
    if (unix === null && (count > 1 || tls !== null)) checkPort(options);
    return count === 1
      ? await LocalServer.start({ ...config, index: 0, restarts: 0 }, log)
      : await WorkerPool.start({ config, log });
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw cannotListen(
      unix === null ? { transport: "tcp", hostname, port } : { transport: "unix", ...unix },
      error,
    );
  }
}

/** Each worker takes one connection at least: there are no more of them than that. */
function countOf({ workers, limits }: Options): number {
  const count = workers === "auto" ? navigator.hardwareConcurrency : workers;
  return Math.min(count, limits.connections || Infinity);
}

/**
 * A port that is shared would be shared with another program of the same user as well, which
 * would take half of the connections: it has to be free before.
 *
 * @throws {Deno.errors.AddrInUse} where it is not.
 */
function checkPort({ bind: hostname, port }: Options): void {
  if (port !== 0) ListenerSet.open({ transport: "tcp", hostname, port }).close();
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
  return isSocket(address.path) ? "the socket is in use" : "what is there is no socket";
}

async function readCertificate({ certificate, key }: TlsFiles): Promise<Certificate> {
  return { cert: await readText(certificate), key: await readText(key) };
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new StartupError(`cannot read ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}

async function openLog(path: string): Promise<LogFile> {
  try {
    return await LogFile.open(path);
  } catch (error) {
    throw new StartupError(`cannot write the log ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}

function openDirectory({ directory: path, files }: Options): Root | null {
  if (path === null) return null;
  try {
    return new Root(path, files.showsHidden);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    const problem = isMissing ? "is not a directory" : `cannot be served: ${messageOf(error)}`;
    throw new UsageError(`--directory ${JSON.stringify(path)} ${problem}`);
  }
}
