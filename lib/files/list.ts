// GET of a directory: its entries as an HTML page without script, or as JSON.

import { encodeContent } from "../compression.ts";
import { type Content, pieces } from "../http/content.ts";
import type { ResponseFields } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { negotiateType, withVary } from "../http/negotiation.ts";
import { StatusError } from "../http/status.ts";
import { scheduler, Slots } from "../scheduler.ts";
import { notFound } from "../disk/errors.ts";
import { join, readDir } from "../disk/file_system.ts";
import { isName, type Root } from "./root.ts";

/** An entry that clients may see. A link counts as what it leads to. */
interface Entry {
  readonly name: string;
  readonly type: "file" | "directory";
  /** Bytes of a file; null for a directory. */
  readonly size: number | null;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Entries read at the same time: enough to keep a disk busy, too few to block other requests. */
const CONCURRENCY = 32;

/** Entries of a listing that is made as a whole, so that it has a Content-Length. */
const MAX_WHOLE = 1000;

/** Listings of more entries at one time: each has the names in memory while its client reads. */
const largeListings = new Slots(16);

/** Names that are sorted, or merged, without giving way. */
const SORTED_AT_ONCE = 2048;

/** Milliseconds to read a name, to make a batch of entries, and to sort or merge so many names. */
const NAME_COST = 0.01;
const BATCH_COST = 0.4;
const SORT_COST = 1;

/** Characters of a piece of a large listing. */
const PIECE = 32_768;

/** Names come from uploaders: JSON must not be taken for a page. */
const JSON_FIELDS: ResponseFields = Object.freeze({
  "Content-Type": "application/json",
  "X-Content-Type-Options": "nosniff",
});

/** The page loads nothing, and runs no script. */
const PAGE_FIELDS: ResponseFields = Object.freeze({
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
});

/** The listing of a directory, or the redirect to its URL with a slash. @throws {StatusError} 404 */
export async function listDirectory(
  root: Root,
  request: HttpRequest,
  name: string,
): Promise<HttpResponse> {
  const directory = await root.findDirectory(name.replace(/(?<=.)\/$/, ""));
  if (directory === null) throw notFound();
  if (name !== "" && !name.endsWith("/")) return redirectToSlash(request);
  const listing = new Listing(root, directory, request.client);
  try {
    await listing.scan();
    const type = negotiateType(request.fields, ["text/html", "application/json"]);
    const [fields, page] = type === "application/json"
      ? [JSON_FIELDS, toJson(listing)]
      : [PAGE_FIELDS, toHtml(listing, `/${name}`, name === "")];
    return await encodeContent(request, {
      status: 200,
      fields: withVary(fields, "Accept"),
      content: listing.isLarge ? new ListingContent(listing, page) : await wholeOf(page),
    });
  } catch (error) {
    listing.close();
    throw error;
  }
}

/** The links of a listing are relative to a URL that ends in a slash. */
export function redirectToSlash({ path, query }: HttpRequest): HttpResponse {
  return { status: 308, fields: { "Location": `${path}/${query === null ? "" : `?${query}`}` } };
}

/** One directory while it is listed. Its names are read first, the rest while it is sent. */
class Listing {
  readonly #root: Root;
  readonly #directory: string;
  readonly #client: string;
  #directories: string[] = [];
  #files: string[] = [];
  #hasSlot = false;

  /** Has to be closed. */
  constructor(root: Root, directory: string, client: string) {
    this.#root = root;
    this.#directory = directory;
    this.#client = client;
  }

  get isLarge(): boolean {
    return this.#hasSlot;
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
      if (!isName(name, this.#root.showsHidden)) continue;
      if (isFile) this.#files.push(name);
      else if (isDirectory) this.#directories.push(name);
      else if (isSymlink) links.push(name);
      if (++count > MAX_WHOLE && !this.#hasSlot) this.#takeSlot();
    }
    return links;
  }

  #takeSlot(): void {
    if (!largeListings.isFreeFor(this.#client)) {
      const message = "Too many large directories are being listed: try again.";
      throw new StatusError(503, message, { "Retry-After": "1" });
    }
    largeListings.acquire(this.#client);
    this.#hasSlot = true;
  }

  close(): void {
    if (this.#hasSlot) largeListings.release(this.#client);
    this.#hasSlot = false;
  }

  /** All entries by name, in batches. */
  async *byName(): AsyncGenerator<Entry[]> {
    yield* this.#entriesOf(await this.#sort([...this.#directories, ...this.#files]));
  }

  /** The directories, then the files, each by name, in batches. */
  async *byType(): AsyncGenerator<Entry[]> {
    yield* this.#entriesOf(await this.#sort(this.#directories));
    yield* this.#entriesOf(await this.#sort(this.#files));
  }

  async *#entriesOf(names: readonly string[]): AsyncGenerator<Entry[]> {
    for (let at = 0; at < names.length; at += CONCURRENCY) {
      if (!scheduler.take(BATCH_COST)) await scheduler.turn(BATCH_COST, this.#client);
      const batch = names.slice(at, at + CONCURRENCY);
      const entries = await Promise.all(
        batch.map((name) => entryOf(this.#root, this.#directory, name)),
      );
      yield entries.filter((entry) => entry !== null);
    }
  }

  /** Sorts as `toSorted` does, in steps. */
  async #sort(names: readonly string[]): Promise<readonly string[]> {
    let runs: (readonly string[])[] = [];
    for (let at = 0; at < names.length; at += SORTED_AT_ONCE) {
      if (!scheduler.take(SORT_COST)) await scheduler.turn(SORT_COST, this.#client);
      runs.push(names.slice(at, at + SORTED_AT_ONCE).sort());
    }
    while (runs.length > 1) {
      const merged: (readonly string[])[] = [];
      for (let at = 0; at < runs.length; at += 2) {
        merged.push(await this.#merge(runs[at]!, runs[at + 1] ?? []));
      }
      runs = merged;
    }
    return runs[0] ?? [];
  }

  async #merge(one: readonly string[], other: readonly string[]): Promise<readonly string[]> {
    const merged: string[] = [];
    for (let [at, otherAt] = [0, 0]; at < one.length || otherAt < other.length;) {
      if (merged.length % SORTED_AT_ONCE === 0 && !scheduler.take(SORT_COST)) {
        await scheduler.turn(SORT_COST, this.#client);
      }
      const isOne = otherAt === other.length || at < one.length && one[at]! <= other[otherAt]!;
      merged.push(isOne ? one[at++]! : other[otherAt++]!);
    }
    return merged;
  }
}

async function wholeOf(pieces: AsyncGenerator<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

/** A listing that is made while it is sent. */
class ListingContent implements Content {
  readonly length = null;
  readonly #listing: Listing;
  readonly #pieces: AsyncGenerator<string>;
  readonly #encoder = new TextEncoder();

  /** @param listing Is closed together with this. */
  constructor(listing: Listing, pieces: AsyncGenerator<string>) {
    this.#listing = listing;
    this.#pieces = pieces;
  }

  async read(): Promise<Uint8Array | null> {
    let text = "";
    while (text.length < PIECE) {
      const { done, value } = await this.#pieces.next();
      if (done) break;
      text += value;
    }
    return text === "" ? null : this.#encoder.encode(text);
  }

  close(): void {
    this.#listing.close();
    this.#pieces.return(undefined).catch(() => {}); // read() has thrown it already.
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

/** Null for a link that leads outside, other kinds of files, and what was just removed. */
async function entryOf(root: Root, directory: string, name: string): Promise<Entry | null> {
  const path = join(directory, name);
  let info = await root.fs.lstat(path);
  if (info?.isSymlink) {
    const real = await root.resolve(path);
    info = real === null ? null : await root.fs.lstat(real);
  }
  if (info === null || !(info.isFile || info.isDirectory)) return null;
  return {
    name,
    type: info.isFile ? "file" : "directory",
    size: info.isFile ? info.size : null,
    modified: info.mtime?.getTime() ?? 0,
  };
}

async function* toJson(listing: Listing): AsyncGenerator<string> {
  let separator = "[";
  for await (const entries of listing.byName()) {
    const listed = entries.map((entry) =>
      JSON.stringify({ ...entry, modified: new Date(entry.modified).toISOString() })
    );
    if (listed.length === 0) continue;
    yield separator + listed.join(",");
    separator = ",";
  }
  yield separator === "[" ? "[]\n" : "]\n";
}

/** The page of the directory at a decoded path; the root has no link to the directory above. */
async function* toHtml(listing: Listing, path: string, isRoot: boolean): AsyncGenerator<string> {
  // @ts-types="npm:@types/escape-html@1.0.4" -- loaded on demand: does just this, alone
  const { default: escapeHtml } = await import("escape-html");
  const title = escapeHtml(`Index of ${path}`);
  yield `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: 0.25rem 0.5rem; text-align: left; }
td:first-child { overflow-wrap: anywhere; }
td:nth-child(n + 2) { font-variant-numeric: tabular-nums; white-space: nowrap; }
td:nth-child(2), th:nth-child(2) { text-align: right; }
</style>
</head>
<body>
<h1>${title}</h1>
<table>
<thead><tr><th>Name</th><th>Size</th><th>Modified (UTC)</th></tr></thead>
<tbody>
`;
  if (!isRoot) yield '<tr><td><a href="../">../</a></td><td></td><td></td></tr>\n';
  for await (const entries of listing.byType()) {
    yield entries.map((entry) => `${rowOf(entry, escapeHtml)}\n`).join("");
  }
  yield `</tbody>
</table>
</body>
</html>
`;
}

/** A link begins with "./", since the name `a:b` alone would have the scheme `a`. */
function rowOf(
  { name, type, size, modified }: Entry,
  escapeHtml: (text: string) => string,
): string {
  const shown = type === "directory" ? `${name}/` : name;
  const target = `./${encodeURIComponent(name)}${type === "directory" ? "/" : ""}`;
  const time = new Date(modified).toISOString().slice(0, 16).replace("T", " ");
  return `<tr><td><a href="${escapeHtml(target)}">${escapeHtml(shown)}</a></td>` +
    `<td>${size ?? ""}</td><td>${time}</td></tr>`;
}
