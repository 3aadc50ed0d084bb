// Faults in the system calls of another process, by the library that `shim.c` becomes.

/** The calls that can fail. The order is that of `enum call` in `shim.c`. */
export const CALLS = [
  "open",
  "opendir",
  "readdir",
  "lstat",
  "fstat",
  "realpath",
  "read",
  "write",
  "lseek",
  "fsync",
  "flock",
  "dup",
  "rename",
  "link",
  "unlink",
  "mkdir",
  "rmdir",
  "statfs",
] as const;

/** One of the calls that can fail. */
export type Call = typeof CALLS[number];

/** The errors of Linux. */
export const ERRORS = {
  EIO: 5,
  ENOSPC: 28,
  EDQUOT: 122,
  EROFS: 30,
  EACCES: 13,
  ENOENT: 2,
  ELOOP: 40,
  ENAMETOOLONG: 36,
  ESTALE: 116,
  EMFILE: 24,
  ENFILE: 23,
  EINTR: 4,
} as const;

/** One of the errors. */
export type ErrorName = keyof typeof ERRORS;

/** A fault: which calls of one kind fail, and how. */
export interface Fault {
  readonly call: Call;
  readonly error: ErrorName;
  /** The first call of its kind that fails, from 1. */
  readonly first: number;
  /** How many calls in a row fail; `Infinity` for all. */
  readonly times: number;
}

/** Compiles the library in a directory and returns its path. */
export async function compileShim(directory: string): Promise<string> {
  const library = `${directory}/shim.so`;
  const source = new URL("shim.c", import.meta.url).pathname;
  const args = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"];
  const { success, stderr } = await new Deno.Command("cc", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return library;
}

/** Numbers of 32 bits before the counts: call, error, first, times, network, injected. */
const HEADER = 6;

/** Says which calls of a process fail, through a file that both have in memory. */
export class FaultControl {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #isNetwork: boolean;

  /**
   * @param path The file to use.
   * @param isNetwork Whether statfs says that the file system is NFS, so that no call is
   * synchronous.
   */
  constructor(path: string, isNetwork = false) {
    this.#path = path;
    this.#isNetwork = isNetwork;
    this.#file = Deno.openSync(path, { read: true, write: true, create: true });
    this.disarm();
  }

  /** The environment of a process whose calls below a directory can fail. */
  environment(library: string, root: string): Record<string, string> {
    return { LD_PRELOAD: library, FAULTS_CONTROL: this.#path, FAULTS_ROOT: root };
  }

  /** Sets the counts to zero, and the next fault. */
  arm({ call, error, first, times }: Fault): void {
    this.#write([CALLS.indexOf(call), ERRORS[error], first, times === Infinity ? 0 : times]);
  }

  /** Sets the counts to zero. No call fails from now on. */
  disarm(): void {
    this.#write([-1, 0, 0, 0]);
  }

  #write(fault: readonly number[]): void {
    const numbers = new Int32Array(HEADER + CALLS.length);
    numbers.set([...fault, Number(this.#isNetwork)]);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#file.writeSync(new Uint8Array(numbers.buffer));
  }

  #read(): Int32Array {
    const bytes = new Uint8Array(4 * (HEADER + CALLS.length));
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#file.readSync(bytes);
    return new Int32Array(bytes.buffer);
  }

  /** How many calls have failed since the last fault was set. */
  get injected(): number {
    return this.#read()[HEADER - 1]!;
  }

  /** The calls since the counts were zero. */
  counts(): Map<Call, number> {
    const counts = this.#read().subarray(HEADER);
    return new Map(CALLS.map((call, at) => [call, counts[at]!] as const).filter(([, n]) => n > 0));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
