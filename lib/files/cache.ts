// Small files that were asked for lately, cached in memory so that they need not be opened, checked
// and read again. Before each use one look at the file tells whether it is still the same one in
// the same state: what was replaced, written into, cut or deleted is never sent.

import type { HttpResponse } from "../http/message.ts";
import type { Validators } from "../http/preconditions.ts";
import { isSameState, type SyncFilePolicy } from "./fs.ts";

/** Bytes of a file that is cached, at most: what is larger is read while it is sent. */
export const MAX_CACHED_SIZE = 128 * 1024;

/** Bytes cached at most: the pages and pictures of a site, and little beside a server's memory. */
const MAX_CACHE_SIZE = 32 * 1024 * 1024;

/** What an entry costs beside its bytes. */
const ENTRY_COST = 1024;

/**
 * Milliseconds for which a file must have been left alone. The system tells times in ticks: of two
 * changes within one, the second would not be noticed.
 */
const QUIESCENT_AFTER = 3000;

/** A file in memory. */
export interface CachedFile {
  /** Its path, in which there is no link. */
  readonly path: string;
  /** What the system said of it when it was read. */
  readonly info: Deno.FileInfo;
  /** Whether it would be sent in a coding to who accepts one. */
  readonly isCodable: boolean;
  readonly validators: Validators;
  /** The response that sends all of it. */
  readonly response: HttpResponse & { readonly content: Uint8Array };
}

/** The files cached for one directory, by the names that clients give. */
export class FileCache {
  /** The ones that came first come first. */
  readonly #files = new Map<string, CachedFile>();
  /** The names that have been asked for since. */
  readonly #used = new Set<string>();
  readonly #policy: SyncFilePolicy;
  readonly #clock: () => number;
  #bytes = 0;

  /**
   * @param policy What allows synchronous policy at the files.
   * @param clock Tells the time: milliseconds since 1970.
   */
  constructor(policy: SyncFilePolicy, clock: () => number = Date.now) {
    this.#policy = policy;
    this.#clock = clock;
  }

  /**
   * A file as it is at this moment, or null where it has to be read.
   *
   * Bought: 400 us of CPU a request become 12.
   */
  find(name: string): CachedFile | null {
    const cached = this.#files.get(name);
    if (cached === undefined || !this.#policy.isAllowed) return null;
    if (this.#policy.take(() => isUnchanged(name, cached))) {
      this.#used.add(name);
      return cached;
    }
    this.#drop(name, cached);
    return null;
  }

  /**
   * Whether a file can be cached: not if it is too large, if it was changed so lately that it may
   * change unnoticed, or where it could not be looked at before each use. To be asked before it is
   * read: what was read may grow old while it waits.
   */
  isCacheable({ size, mtime, ctime }: Deno.FileInfo): boolean {
    const changed = Math.max(mtime?.getTime() ?? Infinity, ctime?.getTime() ?? Infinity);
    const isQuiescent = this.#clock() - changed >= QUIESCENT_AFTER;
    return size <= MAX_CACHED_SIZE && isQuiescent && this.#policy.isAllowed;
  }

  /** Holds a file that {@linkcode isCacheable} has allowed. */
  put(name: string, cached: CachedFile): void {
    const before = this.#files.get(name);
    if (before !== undefined) this.#drop(name, before);
    this.#add(name, cached);
    if (this.#bytes > MAX_CACHE_SIZE) this.#makeRoom();
  }

  /** Those that were used since the last time they might have gone get another turn. */
  #makeRoom(): void {
    for (const [name, cached] of this.#files) {
      if (this.#bytes <= MAX_CACHE_SIZE) return;
      const wasUsed = this.#used.delete(name);
      this.#drop(name, cached);
      if (wasUsed) this.#add(name, cached);
    }
  }

  #add(name: string, cached: CachedFile): void {
    this.#files.set(name, cached);
    this.#bytes += cached.info.size + ENTRY_COST;
  }

  #drop(name: string, cached: CachedFile): void {
    this.#files.delete(name);
    this.#used.delete(name);
    this.#bytes -= cached.info.size + ENTRY_COST;
  }
}

/** A directory on the way may have become a link; right in the directory there is none. */
function isUnchanged(name: string, { path, info }: CachedFile): boolean {
  try {
    if (name.includes("/") && Deno.realPathSync(path) !== path) return false;
    return isSameState(Deno.lstatSync(path), info);
  } catch {
    return false; // Whoever reads it now finds out why.
  }
}
