// Small files that were asked for lately, held in memory so that they need not be opened, checked
// and read again. Before each use one look at the file tells whether it is still the same one in
// the same state: what was replaced, written into, cut or deleted is never sent.

import type { HttpResponse } from "../http/message.ts";
import type { Validators } from "../http/preconditions.ts";
import { isSameState } from "./paths.ts";
import type { QuickLooks } from "./quick_looks.ts";

/** Octets of a file that is held, at most: what is larger is read while it is sent. */
export const LARGEST_HELD = 128 * 1024;

/** Octets held at most: the pages and pictures of a site, and little beside a server's memory. */
const MOST_OCTETS = 32 * 1024 * 1024;

/** What an entry costs beside its octets. */
const ENTRY_COST = 1024;

/**
 * Milliseconds for which a file must have been left alone. The system tells times in ticks: of two
 * changes within one, the second would not be noticed.
 */
const SETTLED_AFTER = 3000;

/** A file in memory. */
export interface HeldFile {
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

/** The files held for one directory, by the names that clients give. */
export class HeldFiles {
  /** The ones that came first come first. */
  readonly #files = new Map<string, HeldFile>();
  /** The names that have been asked for since. */
  readonly #used = new Set<string>();
  readonly #looks: QuickLooks;
  readonly #clock: () => number;
  #octets = 0;

  /**
   * @param looks What allows synchronous looks at the files.
   * @param clock Tells the time: milliseconds since 1970.
   */
  constructor(looks: QuickLooks, clock: () => number = Date.now) {
    this.#looks = looks;
    this.#clock = clock;
  }

  /**
   * A file as it is at this moment, or null where it has to be read.
   *
   * Bought: 400 us of CPU a request become 12.
   */
  find(name: string): HeldFile | null {
    const held = this.#files.get(name);
    if (held === undefined || !this.#looks.areAllowed) return null;
    if (this.#looks.take(() => isStillThere(name, held))) {
      this.#used.add(name);
      return held;
    }
    this.#drop(name, held);
    return null;
  }

  /**
   * Whether a file can be held: not if it is too large, if it was changed so lately that it may
   * change unnoticed, or where it could not be looked at before each use. To be asked before it is
   * read: what was read may grow old while it waits.
   */
  mayHold({ size, mtime, ctime }: Deno.FileInfo): boolean {
    const changed = Math.max(mtime?.getTime() ?? Infinity, ctime?.getTime() ?? Infinity);
    const isSettled = this.#clock() - changed >= SETTLED_AFTER;
    return size <= LARGEST_HELD && isSettled && this.#looks.areAllowed;
  }

  /** Holds a file that {@linkcode mayHold} has allowed. */
  hold(name: string, held: HeldFile): void {
    const before = this.#files.get(name);
    if (before !== undefined) this.#drop(name, before);
    this.#add(name, held);
    if (this.#octets > MOST_OCTETS) this.#makeRoom();
  }

  /** Those that were used since the last time they might have gone get another turn. */
  #makeRoom(): void {
    for (const [name, held] of this.#files) {
      if (this.#octets <= MOST_OCTETS) return;
      const wasUsed = this.#used.delete(name);
      this.#drop(name, held);
      if (wasUsed) this.#add(name, held);
    }
  }

  #add(name: string, held: HeldFile): void {
    this.#files.set(name, held);
    this.#octets += held.info.size + ENTRY_COST;
  }

  #drop(name: string, held: HeldFile): void {
    this.#files.delete(name);
    this.#used.delete(name);
    this.#octets -= held.info.size + ENTRY_COST;
  }
}

/** A folder on the way may have become a link; right in the directory there is none. */
function isStillThere(name: string, { path, info }: HeldFile): boolean {
  try {
    if (name.includes("/") && Deno.realPathSync(path) !== path) return false;
    return isSameState(Deno.lstatSync(path), info);
  } catch {
    return false; // Whoever reads it now finds out why.
  }
}
