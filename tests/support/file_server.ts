// The fixture of tests that need a server on a directory of their own, in this process.

import { assertEquals } from "@std/assert";
import { FileSystem } from "../../lib/disk/file_system.ts";
import type { OpenFile } from "../../lib/disk/open_file.ts";
import { handlersOf } from "../../lib/files/handlers.ts";
import { Root } from "../../lib/files/root.ts";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { fileServerRoutes, routes } from "../../lib/routes.ts";
import type { Limits } from "../../lib/server/limits.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import { Server } from "../../lib/server/server.ts";
import type { Permission } from "./needs.ts";
import { RawClient, type RawResponse } from "./raw_client.ts";
import { request } from "./request.ts";
import { listTree, withDirectory } from "./temp.ts";
import { until } from "./wait.ts";

/** What tests with a file server need. */
export const NEEDS: readonly Permission[] = ["net", "read", "write"];

/** How a directory is served. */
export interface FileServerOptions {
  /** Settings that are not the defaults. Uploads are not durable by default. */
  readonly settings?: Partial<FileSettings>;
  /** The server's clock in milliseconds since 1970, for the age of files in its cache. */
  readonly clock?: () => number;
  /** Called after a file was opened, with its name. */
  readonly onOpen?: (name: string) => Promise<void>;
  /** Limits that are not the defaults. */
  readonly limits?: Partial<Limits>;
  /** Whether the directory is served at `/`, by the table of the file server. */
  readonly isAtRoot?: boolean;
  /** The path of a Unix socket to listen on, instead of a TCP port. */
  readonly socket?: string;
}

/** What a request has beside its line. */
export interface AskOptions {
  /** Field lines. */
  readonly headers?: readonly string[];
  /** The content, each character one byte. A `Content-Length` is added. */
  readonly body?: string;
}

/** A directory and the server on it. */
export interface FileServer {
  /** The served directory, without links in its path. */
  readonly path: string;
  readonly root: CountingRoot;
  readonly server: Server;
  readonly port: number;
  /** The errors that the server has reported. */
  readonly errors: unknown[];
  /** The log records of all responses. */
  readonly records: LogRecord[];
  connect(): Promise<RawClient>;
  /** Sends a request on a connection of its own, `GET /files/a` for instance. */
  ask(line: string, options?: AskOptions): Promise<RawResponse>;
}

/** A directory that counts how often files are opened, and whose policy has the test's clock. */
export class CountingRoot extends Root {
  /** Files opened so far. */
  opened = 0;
  /** Milliseconds of the clock that synchronous calls are timed by: none is slow by itself. */
  now = 0;
  /** Called after a file was opened. */
  onOpen: (name: string) => Promise<void> = () => Promise.resolve();
  override readonly fs: FileSystem = new FileSystem(this.path, () => this.now);

  override async openFile(name: string): Promise<OpenFile | null> {
    this.opened++;
    const open = await super.openFile(name);
    await this.onOpen(name);
    return open;
  }
}

/** Waits until a root allows synchronous calls: it has to find out about the file system first. */
export async function probed<T extends Root>(root: T): Promise<T> {
  await until(() => root.fs.policy.isAllowed);
  return root;
}

/** Serves a directory. The caller closes the server. */
export async function serveDirectory(
  path: string,
  options: FileServerOptions = {},
): Promise<FileServer> {
  const settings = { ...DEFAULT_FILE_SETTINGS, isDurable: false, ...options.settings };
  const root = await probed(new CountingRoot(path, settings.showsHidden));
  if (options.onOpen !== undefined) root.onOpen = options.onOpen;
  const [errors, records]: [unknown[], LogRecord[]] = [[], []];
  const table = options.isAtRoot ? fileServerRoutes : routes;
  const server = new Server(router(table(handlersOf(root, settings, options.clock))), {
    ...(options.socket === undefined
      ? { port: 0 }
      : { endpoint: { transport: "unix", path: options.socket } }),
    ...(options.limits && { limits: options.limits }),
    onRequest: (record) => records.push(record),
    onError: (error) => void errors.push(error),
  });
  const connect = async () =>
    options.socket === undefined
      ? await RawClient.connect(server.port)
      : new RawClient(await Deno.connect({ transport: "unix", path: options.socket }));
  const ask = async (line: string, { headers = [], body }: AskOptions = {}) => {
    using client = await connect();
    const framing = body === undefined ? "Connection: close" : `Content-Length: ${body.length}`;
    await client.trySend(request(line, framing, ...headers) + (body ?? ""));
    const response = await client.readResponse(line.split(" ")[0]);
    if (body === undefined) {
      assertEquals(await client.readToEnd(), new Uint8Array(0), `${line}: too many bytes`);
    }
    return response;
  };
  return { path, root, server, port: server.port, errors, records, connect, ask };
}

/** A server in a directory of the test's own. */
export interface Fixture extends FileServer {
  /** The directory that the served one is in. */
  readonly parent: string;
}

interface FixtureOptions extends FileServerOptions {
  readonly isLeftover?: boolean;
  readonly isUnix?: boolean;
}

/**
 * Runs with a server on a new directory, which is `served` in a directory of the test's own. In
 * the end no error may be reported, and no temporary file left.
 * Options of {@linkcode FileServerOptions}, and: `isUnix` has the server listen on a Unix socket,
 * `isLeftover` says that the test has made temporary files itself.
 */
export async function withFileServer(
  run: (server: Fixture) => Promise<void>,
  { isLeftover = false, isUnix = false, ...options }: FixtureOptions = {},
): Promise<void> {
  await withDirectory(async (parent) => {
    const path = `${parent}/served`;
    await Deno.mkdir(path);
    const socket = isUnix ? { socket: `${parent}/socket` } : {};
    const fileServer = await serveDirectory(path, { ...options, ...socket });
    try {
      await run({ ...fileServer, parent });
    } finally {
      await fileServer.server.close();
    }
    assertEquals(fileServer.errors, []);
    if (!isLeftover) assertEquals(await countTemporary(path), 0);
  });
}

/** Runs with a file server at `/` that allows everything. */
export function withWritable(
  run: (server: Fixture) => Promise<void>,
  options: FixtureOptions = {},
): Promise<void> {
  const settings = { allowsDelete: true, ...options.settings };
  return withFileServer(run, { ...options, isAtRoot: true, settings });
}

/** A clock for which every file is old enough to be cached. The time of an inode cannot be set. */
export const cachingClock = (): number => Date.now() + 4000;

/** Whether the server has a file in its cache: it answers without opening it. */
export async function isCached({ ask, root }: FileServer, name: string): Promise<boolean> {
  const before = root.opened;
  await ask(`GET /files/${name}`);
  return root.opened === before;
}

/** The moment at which old files were changed, and dates beside it. */
export const CHANGED = new Date(Date.UTC(2020, 10, 20, 9, 0, 0, 500));
export const SAME = "Fri, 20 Nov 2020 09:00:00 GMT";
export const EARLIER = "Fri, 20 Nov 2020 08:59:59 GMT";
export const LATER = "Fri, 20 Nov 2020 09:00:01 GMT";

/** Writes a file that was changed at {@linkcode CHANGED}. */
export async function writeOld(path: string, content: string | Uint8Array = "old"): Promise<void> {
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
  await Deno.utime(path, CHANGED, CHANGED);
}

/** Bytes of which no two ranges are alike. */
export function makeBytes(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) % 256);
}

/** The content of the file of {@linkcode withFile}. */
export const BYTES = makeBytes(1000);

/** Runs with a server on a directory with the old file `a`. */
export async function withFile(run: (server: FileServer) => Promise<void>): Promise<void> {
  await withFileServer(async (server) => {
    await writeOld(`${server.path}/a`, BYTES);
    await run(server);
  });
}

/** Milliseconds of a tick of the file system's clock: 10 at the most, and some more. */
const TICK = 50;

/** Waits until a change shows in the time of the inode, of which Deno tells whole seconds. */
export async function nextSecond(file: string): Promise<void> {
  const { ctime } = await Deno.stat(file);
  await until(() => Date.now() > ctime!.getTime() + 1000 + TICK);
}

/** The names in the listing of a directory. */
export async function namesIn({ ask }: FileServer, target: string): Promise<string[]> {
  const { status, text } = await ask(`GET ${target}`, { headers: ["Accept: application/json"] });
  assertEquals(status, 200, target);
  return (JSON.parse(text) as { name: string }[]).map(({ name }) => name);
}

/** The entity tag of a file. */
export async function etagOf({ ask }: FileServer, target: string): Promise<string> {
  return (await ask(`GET ${target}`)).fields.get("etag")!;
}

/** How many temporary files are in a directory and below. */
export async function countTemporary(path: string): Promise<number> {
  return (await treeOf(path)).filter((each) => /\.(?:part|deleted)\/?$/.test(each)).length;
}

/** As {@linkcode listTree}, but empty where a directory is removed meanwhile. */
export async function treeOf(path: string): Promise<string[]> {
  return await listTree(path).catch(() => []);
}
