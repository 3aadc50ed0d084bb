// Files that are open in a worker. Deno closes a file on the thread of the event loop, also a
// duplicate after each asynchronous call, and on a network file system the close waits for the
// server: the event loop of the worker may stand still.

type Method = "read" | "write" | "stat" | "sync" | "seek" | "tryLock";

interface Command {
  readonly id: number;
  readonly file: number;
  readonly method: "open" | "close" | Method;
  // deno-lint-ignore no-explicit-any
  readonly args: any[];
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly code: unknown };
}

/** What the worker runs. It is sent as text, and so can use nothing of this module. */
function serveFiles(): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Command>) => void;
    postMessage(reply: Reply, transfer?: Transferable[]): void;
  };
  const files = new Map<number, Deno.FsFile>();
  const call = async ({ file, method, args }: Command): Promise<unknown> => {
    if (method === "open") return void files.set(file, await Deno.open(args[0], args[1]));
    const open = files.get(file)!;
    if (method === "close") {
      files.delete(file);
      return open?.close();
    }
    if (method !== "read") return await (open[method] as (...args: unknown[]) => unknown)(...args);
    const buffer = new Uint8Array(args[0]);
    const count = await open.read(buffer);
    return count === null ? null : buffer.subarray(0, count);
  };
  scope.onmessage = async ({ data }) => {
    try {
      const value = await call(data);
      const transfer = value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : [];
      scope.postMessage({ id: data.id, value }, transfer);
    } catch (error) {
      const { name, message, code } = error as Error & { code?: unknown };
      scope.postMessage({ id: data.id, error: { name, message, code } });
    }
  };
}

/** A data URL needs no permission to read it, and no file in a compiled program. */
const SOURCE = `data:text/javascript,${encodeURIComponent(`(${serveFiles})();`)}`;

/** Milliseconds without open files after which the worker ends: it would keep a program running. */
const IDLE_TIMEOUT = 1000;

/** A worker that has files open, while there are any. */
export class FileWorker {
  #worker: Worker | null = null;
  #lastId = 0;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #files = new Set<number>();
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  /** Opens a file as `Deno.open` does. */
  async open(path: string, options: Deno.OpenOptions): Promise<RemoteFile> {
    const file = ++this.#lastId;
    this.#files.add(file);
    try {
      await this.send(file, "open", [path, options]);
    } catch (error) {
      this.#remove(file);
      throw error;
    }
    return new RemoteFile(this, file);
  }

  /** Has the worker call a method of a file. */
  send(
    file: number,
    method: Command["method"],
    args: unknown[],
    transfer: Transferable[] = [],
  ): Promise<unknown> {
    const id = ++this.#lastId;
    const reply = Promise.withResolvers<unknown>();
    this.#waiting.set(id, reply);
    this.#start().postMessage({ id, file, method, args } satisfies Command, transfer);
    return reply.promise;
  }

  /** Closes a file when the worker gets to it. */
  close(file: number): void {
    if (this.#worker === null || !this.#files.has(file)) return;
    this.send(file, "close", []).catch(() => {}).finally(() => this.#remove(file));
  }

  /** Ends the worker, and with it all files. */
  terminate(): void {
    clearTimeout(this.#idleTimer);
    this.#worker?.terminate();
    this.#worker = null;
    this.#files.clear();
    for (const reply of this.#waiting.values()) reply.reject(new Error("The file is closed"));
    this.#waiting.clear();
  }

  #remove(file: number): void {
    this.#files.delete(file);
    if (this.#files.size > 0 || this.#worker === null) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.terminate(), IDLE_TIMEOUT);
  }

  #start(): Worker {
    clearTimeout(this.#idleTimer);
    if (this.#worker !== null) return this.#worker;
    const worker = this.#worker = new Worker(SOURCE, { type: "module", name: "files" });
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault(); // Deno would end the program.
      this.terminate();
    };
    return worker;
  }

  #receive({ id, value, error }: Reply): void {
    const reply = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) reply?.resolve(value);
    else reply?.reject(toError(error));
  }
}

/** The class of an error is not sent between isolates, and its properties neither. */
function toError({ name, message, code }: NonNullable<Reply["error"]>): Error {
  const known = (Deno.errors as unknown as Record<string, ErrorConstructor>)[name] ?? Error;
  return code === undefined ? new known(message) : Object.assign(new known(message), { code });
}

/** A file that is open in a {@linkcode FileWorker}, with the asynchronous methods of `FsFile`. */
export class RemoteFile implements Disposable {
  readonly #worker: FileWorker;
  readonly #id: number;

  /** Only {@linkcode FileWorker.open} makes them. */
  constructor(worker: FileWorker, id: number) {
    this.#worker = worker;
    this.#id = id;
  }

  /** The next bytes, `length` at most, or null at the end. */
  async read(length: number): Promise<Uint8Array | null> {
    return await this.#call("read", [length]) as Uint8Array | null;
  }

  /** Copies the bytes: they may change at once. */
  async write(bytes: Uint8Array): Promise<number> {
    const copy = bytes.slice();
    return await this.#call("write", [copy], [copy.buffer]) as number;
  }

  async stat(): Promise<Deno.FileInfo> {
    return await this.#call("stat", []) as Deno.FileInfo;
  }

  async sync(): Promise<void> {
    await this.#call("sync", []);
  }

  async seek(offset: number, whence: Deno.SeekMode): Promise<number> {
    return await this.#call("seek", [offset, whence]) as number;
  }

  async tryLock(isExclusive: boolean): Promise<boolean> {
    return await this.#call("tryLock", [isExclusive]) as boolean;
  }

  /** A second call has no effect. */
  close(): void {
    this.#worker.close(this.#id);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #call(method: Method, args: unknown[], transfer: Transferable[] = []): Promise<unknown> {
    return this.#worker.send(this.#id, method, args, transfer);
  }
}
