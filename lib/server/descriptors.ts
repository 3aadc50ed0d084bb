// File descriptors. Each connection needs one, and so do files, the log and every thread. Without a
// free one Deno ends the whole process in places that no `catch` reaches: in the first stack trace
// that leads through a file, and in the start of a worker. So accepting ends before that.

/** The part of the process's file descriptors that one server may use. */
export interface DescriptorShare {
  /** Its part of them, above 0 and at most 1. */
  readonly part: number;
  /** How many of those that are free now will be used for something else: default 0. */
  readonly claimed?: number | undefined;
  /** Whether it may use the reserve, too, as a listener for monitoring has to. Default false. */
  readonly usesReserve?: boolean | undefined;
}

/** The device is there in every container, and opening it has no effect. */
const NULL_DEVICE = "/dev/null";

/** Descriptors for the log, certificates and listeners: at most this, and a fifth of few. */
const MAX_RESERVE = 32;
const RESERVE_PART = 1 / 5;

/** Files for each connection, most of which have none open, and at most for all of them. */
const FILES_PART = 1 / 5;
const MAX_FILES = 512;

/** Connections for which room is found at once, at the start and later: a millisecond, and eight. */
const FIRST_STEP = 48;
const MAX_STEP = 256;

/** Connections for which room is found when the limit is asked for: the usual 1,024 is found then. */
const LOOK_AHEAD = 1024;

/** Milliseconds until a limit that has been reached is explored again. */
const MAX_AGE = 10_000;

/** Open files that are closed for a moment in which descriptors have to be free. */
const SPARE_FILES = 2;

/**
 * How many connections a server may have. The limit of the process is found by opening files, as
 * many as the next connections need: all up to a limit of a million would take seconds, and where
 * the system says what the limit is, Deno wants a permission to read it.
 *
 * Without the permission to read `/dev/null`, the limit is found when accepting fails.
 */
export class DescriptorBudget {
  readonly #part: number;
  readonly #canProbe = canProbe();
  readonly #spare: Deno.FsFile[] = [];
  /** The most connections as far as the limit has been explored. */
  #limit: number;
  /** Whether the limit of the process has been reached in that. */
  #isFinal = false;
  #hasLookedAhead = false;
  #exploredAt = 0;
  /** How many connections may be accepted before {@linkcode hasRoom} checks the reserve again. */
  #unchecked = 0;
  readonly #usesReserve: boolean;
  #reserve = 0;

  /** Explores the limit as far as the first connections need it. */
  constructor({ part, claimed = 0, usesReserve = false }: DescriptorShare = { part: 1 }) {
    this.#part = part;
    this.#usesReserve = usesReserve;
    this.#limit = this.#canProbe ? 0 : Infinity;
    if (!this.#canProbe) return;
    this.#spare = openFiles(SPARE_FILES);
    this.#explore(0, FIRST_STEP * part, claimed);
  }

  /** The most connections that descriptors allow, or Infinity as long as no limit is known. */
  get limit(): number {
    return this.#isFinal ? this.#limit : Infinity;
  }

  /** Explores the limit once for some more connections. Ten milliseconds. */
  lookAhead(connections: number): void {
    if (this.#isFinal || !this.#canProbe || this.#hasLookedAhead) return;
    this.#hasLookedAhead = true;
    const step = Math.max(0, LOOK_AHEAD * this.#part - connections);
    if (connections + step > this.#limit) this.#explore(connections, step, 0);
  }

  /** Whether a server with so many connections may accept another one. */
  hasRoom(connections: number): boolean {
    if (connections >= this.#limit && (!this.#isFinal || this.#isOutdated)) {
      if (!this.#canProbe) return this.#forget();
      const step = Math.max(connections, FIRST_STEP * this.#part);
      this.#explore(connections, Math.min(step, MAX_STEP * this.#part), 0);
    }
    return connections < this.#limit && this.#hasReserve();
  }

  /** Files or other programs may have used more descriptors at that time than they do now. */
  get #isOutdated(): boolean {
    return performance.now() - this.#exploredAt > MAX_AGE;
  }

  #forget(): boolean {
    this.#isFinal = false;
    this.#limit = Infinity;
    return true;
  }

  /**
   * Whether the reserve is free. Connections are not all that takes descriptors: more of them than
   * expected may have a file open, and Deno keeps the descriptor of a TLS handshake that was given
   * up until the client leaves.
   */
  #hasReserve(): boolean {
    if (!this.#isFinal || !this.#canProbe || this.#unchecked-- > 0) return true;
    const isFree = countFree(this.#reserve) === this.#reserve;
    this.#unchecked = isFree ? this.#reserve >> 1 : 0;
    return isFree;
  }

  /** Other servers with a part of the limit are expected to have connections in proportion. */
  #explore(connections: number, step: number, claimed: number): void {
    const used = connections / this.#part;
    const wanted = withFiles((connections + step) / this.#part) + MAX_RESERVE - used + claimed;
    const free = countFree(Math.ceil(wanted));
    const all = Math.max(0, used + free - claimed);
    this.#isFinal = free < wanted;
    this.#exploredAt = performance.now();
    const reserve = Math.min(MAX_RESERVE, Math.ceil(all * RESERVE_PART));
    this.#reserve = this.#usesReserve ? 1 : reserve;
    this.#limit = Math.max(1, Math.floor(withoutFiles(all - reserve) * this.#part));
  }

  /** Accepting has failed because there is no descriptor left. */
  fail(connections: number): void {
    this.#isFinal = true;
    this.#exploredAt = performance.now();
    this.#limit = Math.max(1, Math.min(this.#limit, connections - MAX_RESERVE / 2));
  }

  /** Runs what may make a stack trace, for which Deno opens files. Some descriptors are free then. */
  withFree<T>(run: () => T): T {
    for (const file of this.#spare.splice(0)) file.close();
    try {
      return run();
    } finally {
      if (this.#canProbe) this.#spare.push(...openFiles(SPARE_FILES));
    }
  }

  /** To be called once, when the server is closed. */
  release(): void {
    for (const file of this.#spare.splice(0)) file.close();
  }
}

/** Descriptors for connections and the files of some of them, and the other way round. */
function withFiles(connections: number): number {
  return connections + Math.min(connections * FILES_PART, MAX_FILES);
}

function withoutFiles(descriptors: number): number {
  return Math.max(descriptors / (1 + FILES_PART), descriptors - MAX_FILES);
}

function canProbe(): boolean {
  return Deno.permissions.querySync({ name: "read", path: NULL_DEVICE }).state === "granted";
}

/** As many files as are possible, up to a number. */
function openFiles(count: number): Deno.FsFile[] {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < count) files.push(Deno.openSync(NULL_DEVICE));
  } catch {
    // The others are in use.
  }
  return files;
}

/** How many descriptors are free, up to a number. For a moment all of these are in use. */
function countFree(most: number): number {
  const files = openFiles(most);
  for (const file of files) file.close();
  return files.length;
}

/** Whether so many descriptors are free. True without the permission to find out. */
export function hasFreeDescriptors(count: number): boolean {
  return !canProbe() || countFree(count) === count;
}

/** Whether an error says that the process, or the system, has no file descriptor left. */
export function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EMFILE" || error.code === "ENFILE");
}
