// What a listing consists of, for all who make one or show one.

import type { ResponseFields } from "../http/fields.ts";
import type { HttpRequest } from "../http/message.ts";

/** An entry that clients may see. A link counts as what it leads to. */
export interface Entry {
  /** Of what a search has found, with the directories on the way: `a/b`. */
  readonly name: string;
  readonly type: "file" | "directory";
  /** Bytes of a file; null for a directory. */
  readonly size: number | null;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** What a listing can be sorted by. */
export type SortKey = "name" | "size" | "modified" | "type";

/** The order of a listing. */
export interface SortOrder {
  readonly key: SortKey;
  readonly isDescending: boolean;
}

/** A part of a listing: how many entries to leave out, and how many there are at most after them. */
export interface ListingPart {
  readonly offset: number;
  readonly limit: number;
}

/** Why a search has not found everything: too many results, too little time, or what is unreadable. */
export type Cut = "results" | "time" | "unreadable";

/** What a page of a folder is made from. */
export interface ListingView {
  /** The path of the served directory in URLs, escaped, with a slash at its end. */
  readonly base: string;
  /** The names of the directories from there to the listed one, which is the last. */
  readonly segments: readonly string[];
  /** The order that was asked for, or null: then directories come first, and names ascend. */
  readonly order: SortOrder | null;
  /** The text of a search, or null for the listing of one directory. */
  readonly query: string | null;
  /** In batches, each for less than a millisecond of work. */
  readonly entries: AsyncIterable<readonly Entry[]>;
  /** The part of the listing that was asked for; all by default. */
  readonly part: ListingPart;
  /** How many entries the directory has in all; null for a search, and before the first entry. */
  readonly total: () => number | null;
  /** Why a search has ended early, or null; known after the last entry. */
  readonly cut: () => Cut | null;
  /**
   * The text of the README.md of the directory, or of the file that was asked for in its place; null
   * without one. Asked for by pages alone.
   */
  readonly readme: () => Promise<string | null>;
  /** Whether clients may upload files and create folders. */
  readonly canWrite: boolean;
  /** Whether clients may delete, rename and move. */
  readonly canDelete: boolean;
}

/** Makes the page of a folder, piece by piece. */
export interface ListingPage {
  readonly fields: ResponseFields;
  /** Entries of a directory on one page, unless the query says otherwise. All by default. */
  readonly limit?: number;
  readonly render: (view: ListingView, request: HttpRequest) => AsyncIterable<string>;
}
