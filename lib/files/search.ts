// ?q= : the files and folders below a folder whose names contain a text.

import { scheduler } from "../scheduler.ts";
import { entriesIn } from "./listing.ts";
import { isName, type Root } from "./root.ts";
import { compareNames } from "./sort.ts";
import type { Cut, Entry } from "./view.ts";
import { acquireWalk, type Visited, walk } from "./walk.ts";

/** Names that a search finds at most: more than anyone reads. */
const MAX_RESULTS = 1000;

/** Milliseconds that a search takes at most: a million names that the system has in memory. */
const MAX_TIME = 10_000;

/** Entries that are read, and names that are compared, in one step, and its milliseconds. */
const BATCH = 32;
const FOLDED_AT_ONCE = 512;
const STEP_COST = 0.4;

/** Where and for what to search. */
export interface SearchOptions {
  /** The path of a directory without links. */
  readonly directory: string;
  /** What names have to contain. */
  readonly text: string;
  readonly client: string;
}

/** One search. Has to be closed. */
export class Search {
  readonly #root: Root;
  readonly #options: SearchOptions;
  readonly #slot: Disposable;
  readonly #now: () => number;
  readonly #end: number;
  #cut: Cut | null = null;
  #isClosed = false;

  /** @throws {StatusError} 503 while too many searches are in progress. */
  constructor(root: Root, options: SearchOptions, now: () => number = () => performance.now()) {
    this.#slot = acquireWalk(options.client);
    this.#root = root;
    this.#options = options;
    this.#now = now;
    this.#end = now() + MAX_TIME;
  }

  /** Why the search has ended early, once it has ended; null where it is complete. */
  get cut(): Cut | null {
    return this.#cut;
  }

  /** What is found, directory by directory, those next to the beginning first. */
  async *entries(): AsyncGenerator<readonly Entry[]> {
    const { directory, client } = this.#options;
    let left = MAX_RESULTS;
    const visits = walk(directory, {
      client,
      accepts: (name) => isName(name, this.#root.showsHidden),
      isBreadthFirst: true,
      isOver: () => this.#isOver(),
      onError: () => this.#cut ??= "unreadable",
    });
    for await (const visited of visits) {
      for await (const found of this.#entriesOf(visited)) {
        if (found.length > left) this.#cut = "results";
        yield found.slice(0, left);
        if (this.#cut === "results") return;
        left -= found.length;
      }
      yield []; // What was found before can be sent.
    }
  }

  async *#entriesOf({ name, path, ...visited }: Visited): AsyncGenerator<Entry[]> {
    const names = await this.#filter([visited.directories, visited.files, visited.links].flat());
    // Only what is still in its place is inside.
    if (names.length === 0 || !await this.#root.fs.isDirectoryAt(path)) return;
    for (let at = 0; at < names.length && !this.#isOver(); at += BATCH) {
      await this.#giveWay();
      const batch = names.slice(at, at + BATCH);
      yield (await entriesIn(this.#root, path, batch)).map((entry) =>
        name === "" ? entry : { ...entry, name: `${name}/${entry.name}` }
      );
    }
  }

  /** The names that contain the text, in order. */
  async #filter(names: readonly string[]): Promise<readonly string[]> {
    const searched = fold(this.#options.text);
    const found: string[] = [];
    for (let at = 0; at < names.length; at += FOLDED_AT_ONCE) {
      await this.#giveWay();
      const some = names.slice(at, at + FOLDED_AT_ONCE);
      found.push(...some.filter((name) => fold(name).includes(searched)));
      if (found.length > MAX_RESULTS) break;
    }
    return found.sort(compareNames);
  }

  async #giveWay(): Promise<void> {
    if (!scheduler.take(STEP_COST)) await scheduler.turn(STEP_COST, this.#options.client);
  }

  #isOver(): boolean {
    if (this.#now() > this.#end) this.#cut = "time";
    return this.#isClosed || this.#cut === "time";
  }

  close(): void {
    if (!this.#isClosed) this.#slot[Symbol.dispose]();
    this.#isClosed = true;
  }
}

/** A text without the difference of cases, and of characters that are encoded in two ways. */
export function fold(text: string): string {
  // deno-lint-ignore no-control-regex -- most names are ASCII, where this is all
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}
