// The entries of one directory as data: its names are read first, the rest while it is sent.

import { join, readDir } from "../disk/file_system.ts";
import { StatusError } from "../http/status.ts";
import { scheduler, Slots } from "../scheduler.ts";
import { sleep } from "../server/deadlines.ts";
import { isName, type Root } from "./root.ts";
import { entryComparison, nameComparison, sortInSteps } from "./sort.ts";
import type { Entry, ListingPart, SortOrder } from "./view.ts";

/** Entries read at the same time: enough to keep a disk busy, too few to block other requests. */
const CONCURRENCY = 32;

/** Entries of a listing that is made as a whole, so that it has a Content-Length. */
const MAX_WHOLE = 1000;

/** Listings of more entries at one time: each has the names in memory while its client reads. */
const largeListings = new Slots(16);

/** Milliseconds that a further one waits for another to end. */
const SLOT_WAIT = 2000;

/** Milliseconds to read a name, to make a batch of entries, and to show one. */
const NAME_COST = 0.005;
const BATCH_COST = 0.2;
const SHOW_COST = 0.15;

/** One directory while it is listed. Has to be closed. */
export class Listing {
  readonly #root: Root;
  readonly #directory: string;
  readonly #client: string;
  #directories: string[] = [];
  #files: string[] = [];
  #hasSlot = false;
  #isClosed = false;
  readonly #largeness = Promise.withResolvers<void>();

  /** @param directory Its path without links. */
  constructor(root: Root, directory: string, client: string) {
    this.#root = root;
    this.#directory = directory;
    this.#client = client;
  }

  /** Whether there are too many entries for a response that is made as a whole. */
  get isLarge(): boolean {
    return this.#hasSlot;
  }

  /** Resolves when it turns out to be large. */
  get largeness(): Promise<void> {
    return this.#largeness.promise;
  }

  /** Reads the names. @throws {StatusError} 503 while too many large directories are listed. */
  async scan(): Promise<void> {
    const links = await readDir(this.#directory, (entries) => this.#readNames(entries));
    for await (const entries of this.#entriesOf(links)) {
      for (const { name, type } of entries) {
        (type === "file" ? this.#files : this.#directories).push(name);
      }
    }
  }

  /** Tells directories from files. Returns the names of links, which lead to either. */
  async #readNames(entries: AsyncIterable<Deno.DirEntry>): Promise<string[]> {
    const links: string[] = [];
    this.#directories = [];
    this.#files = [];
    let count = 0;
    for await (const { name, isFile, isDirectory, isSymlink } of entries) {
      if (!scheduler.take(NAME_COST)) await scheduler.turn(NAME_COST, this.#client);
      if (this.#isClosed) break;
      if (!isName(name, this.#root.showsHidden)) continue;
      if (isFile) this.#files.push(name);
      else if (isDirectory) this.#directories.push(name);
      else if (isSymlink) links.push(name);
      if (++count > MAX_WHOLE && !this.#hasSlot) await this.#takeSlot();
    }
    return links;
  }

  /** Makes this one of the large listings. @throws {StatusError} 503 */
  async #takeSlot(): Promise<void> {
    const end = performance.now() + SLOT_WAIT;
    while (!largeListings.isFreeFor(this.#client)) {
      const left = end - performance.now();
      if (left <= 0) {
        const message = "Too many large directories are being listed: try again.";
        throw new StatusError(503, message, { "Retry-After": "1" });
      }
      await sleep(left, largeListings.released);
    }
    if (this.#isClosed) return;
    largeListings.acquire(this.#client);
    this.#hasSlot = true;
    this.#largeness.resolve();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#hasSlot) largeListings.release(this.#client);
    this.#hasSlot = false;
  }

  /** How many entries there are, once they have been read. */
  get total(): number {
    return this.#directories.length + this.#files.length;
  }

  /**
   * The entries in an order, in batches.
   *
   * @param isMixed Whether directories stand among the files; else they come first.
   */
  async *entries(
    order: SortOrder,
    isMixed: boolean,
    part: ListingPart,
  ): AsyncGenerator<readonly Entry[]> {
    const groups = isMixed
      ? [[...this.#directories, ...this.#files]]
      : [this.#directories, this.#files];
    let { offset, limit } = part;
    for (const names of groups) {
      if (limit > 0 && offset < names.length) yield* this.#sorted(names, order, { offset, limit });
      limit -= Math.max(0, Math.min(limit, names.length - offset));
      offset = Math.max(0, offset - names.length);
    }
  }

  async *#sorted(
    names: readonly string[],
    order: SortOrder,
    { offset, limit }: ListingPart,
  ): AsyncGenerator<readonly Entry[]> {
    const byName = nameComparison(order);
    const end = offset + limit;
    if (byName !== null) {
      const sorted = await sortInSteps(names, byName, this.#client);
      return yield* this.#entriesOf(sorted.slice(offset, end));
    }
    const entries: Entry[] = [];
    for await (const batch of this.#entriesOf(names)) entries.push(...batch);
    const sorted = await sortInSteps(entries, entryComparison(order), this.#client);
    for (const batch of batchesOf(sorted.slice(offset, end))) {
      if (!scheduler.take(SHOW_COST)) await scheduler.turn(SHOW_COST, this.#client);
      yield batch;
    }
  }

  async *#entriesOf(names: readonly string[]): AsyncGenerator<Entry[]> {
    for (const batch of batchesOf(names)) {
      if (!scheduler.take(BATCH_COST)) await scheduler.turn(BATCH_COST, this.#client);
      yield await entriesIn(this.#root, this.#directory, batch);
    }
  }
}

function* batchesOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += CONCURRENCY) yield items.slice(at, at + CONCURRENCY);
}

/** Without links that lead outside, other kinds of files, and what was just removed. */
export async function entriesIn(
  root: Root,
  directory: string,
  names: readonly string[],
): Promise<Entry[]> {
  const paths = names.map((name) => join(directory, name));
  const entries: Entry[] = [];
  for (const [at, info] of (await root.fs.lstatAll(paths)).entries()) {
    const target = info?.isSymlink ? await follow(root, paths[at]!) : info;
    if (target === null || !(target.isFile || target.isDirectory)) continue;
    entries.push({
      name: names[at]!,
      type: target.isFile ? "file" : "directory",
      size: target.isFile ? target.size : null,
      modified: target.mtime?.getTime() ?? 0,
    });
  }
  return entries;
}

async function follow(root: Root, link: string): Promise<Deno.FileInfo | null> {
  const real = await root.resolve(link);
  return real === null ? null : await root.fs.lstat(real);
}
