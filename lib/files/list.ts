// GET of a directory: its entries, or what a search finds below it, as a page without script, as JSON
// or as plain text.

import { encodeContent } from "../compression.ts";
import { collect, type Content, pieces } from "../http/content.ts";
import type { ResponseFields } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { negotiateType, withVary } from "../http/negotiation.ts";
import { scheduler } from "../scheduler.ts";
import { sleep } from "../server/deadlines.ts";
import { Listing } from "./listing.ts";
import { FileContent } from "./file_body.ts";
import { isName, type Root } from "./root.ts";
import { Search } from "./search.ts";
import type { FileSettings } from "./settings.ts";
import { compareNames, entryComparison, partOf, sortOrderOf } from "./sort.ts";
import type { Cut, Entry, ListingPage, ListingView, SortOrder } from "./view.ts";

/** Milliseconds that many names may take to read. After that, the response begins without them. */
const SCAN_WAIT = 50;

/** Characters of a piece of a large listing, and milliseconds to wait for more of them. */
const PIECE = 32_768;
const PIECE_WAIT = 20;

/** Names come from uploaders: JSON and text must not be taken for a page. */
const JSON_FIELDS: ResponseFields = Object.freeze({
  "Content-Type": "application/json",
  "X-Content-Type-Options": "nosniff",
});
const TEXT_FIELDS: ResponseFields = Object.freeze({
  "Content-Type": "text/plain; charset=utf-8",
  "X-Content-Type-Options": "nosniff",
});

/** The page loads nothing, and runs no script. */
const PAGE: ListingPage = Object.freeze({
  fields: Object.freeze({
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy":
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
  }),
  render: toHtml,
});

const TYPES = ["text/html", "application/json", "text/plain"] as const;

/** Clients that show text to a person. Others without a preference follow links: `wget -r`, rclone. */
const TERMINALS = /^(?:curl|HTTPie|xh)\//;

/** The listing of a directory. @throws {StatusError} 400 for a malformed query, 503 for too many. */
export async function listDirectory(
  root: Root,
  request: HttpRequest,
  { path, name }: { readonly path: string; readonly name: string },
  settings: FileSettings,
): Promise<HttpResponse> {
  const { client } = request;
  const { listsAsText = false, page = PAGE, isReadOnly, allowsDelete } = settings;
  const canWrite = !isReadOnly && (settings.mayWrite?.(request, name) ?? true);
  const parameters = new URLSearchParams(request.query ?? "");
  const order = sortOrderOf(parameters);
  const readmeName = parameters.get("readme") ?? "README.md";
  const query = parameters.get("q") || null;
  const isTerminal = listsAsText && TERMINALS.test(request.fields.get("User-Agent") ?? "");
  const type = negotiateType(request.fields, isTerminal ? [TYPES[2], ...TYPES] : TYPES);
  const part = partOf(parameters, type === "text/html" ? page.limit : undefined);
  const source = query === null
    ? new Listing(root, path, client)
    : new Search(root, { directory: path, text: query, client });
  try {
    const entries = source instanceof Search
      ? found(source, order)
      : await begin(source, (listing) =>
        listing.entries(order ?? BY_NAME, type === "application/json", part));
    const view: ListingView = {
      ...placeOf(request, name),
      order,
      query,
      entries,
      part,
      total: () => source instanceof Listing ? source.total : null,
      cut: () => source instanceof Search ? source.cut : null,
      readme: async () =>
        query === null && (settings.mayRead?.(request, `${name}${readmeName}`) ?? true)
          ? await readme(root, client, [name, readmeName])
          : null,
      canWrite,
      canDelete: canWrite && allowsDelete,
    };
    const [fields, text] = type === "application/json"
      ? [JSON_FIELDS, toJson(view)]
      : type === "text/plain"
      ? [TEXT_FIELDS, toText(view)]
      : [page.fields, page.render(view, request)];
    const isWhole = source instanceof Listing && !source.isLarge;
    return await encodeContent(request, {
      status: 200,
      fields: withVary(listsAsText ? withVary(fields, "User-Agent") : fields, "Accept"),
      content: isWhole ? await wholeOf(text) : new ListingContent(source, text),
    });
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Bytes of a README.md that is shown: more is a book. */
const MAX_README = 32_768;

/** Milliseconds to render as many. */
const README_COST = 4;

async function readme(
  root: Root,
  client: string,
  [directory, file]: readonly [string, string],
): Promise<string | null> {
  if (!isName(file, root.showsHidden)) return null;
  const open = await root.openFile(`${directory}${file}`).catch(() => null);
  if (open === null) return null;
  try {
    if (open.info.size > MAX_README) return null;
    const bytes = await collect(new FileContent(open), MAX_README);
    const cost = README_COST * bytes.length / MAX_README;
    if (!scheduler.take(cost)) await scheduler.turn(cost, client);
    return new TextDecoder().decode(bytes);
  } catch {
    return null; // It is not what the request is about.
  } finally {
    open.close();
  }
}

/** The links of a listing are relative to a URL that ends in a slash. */
export function redirectToSlash({ path, query }: HttpRequest): HttpResponse {
  return { status: 308, fields: { "Location": `${path}/${query === null ? "" : `?${query}`}` } };
}

function placeOf(
  { path }: HttpRequest,
  name: string,
): Pick<ListingView, "base" | "segments"> {
  const segments = name === "" ? [] : name.slice(0, -1).split("/");
  const base = path.split("/").slice(0, -1 - segments.length).join("/");
  return { base: `${base}/`, segments };
}

const BY_NAME: SortOrder = Object.freeze({ key: "name", isDescending: false });

/**
 * The entries of a directory. Of a large one that takes long to read, the names are read while the
 * response is sent.
 */
async function begin(
  listing: Listing,
  entriesOf: (listing: Listing) => AsyncIterable<readonly Entry[]>,
): Promise<AsyncIterable<readonly Entry[]>> {
  let isScanned = false;
  const scanning = listing.scan().then(() => void (isScanned = true));
  await sleep(SCAN_WAIT, scanning);
  await Promise.race([scanning, listing.largeness]);
  if (isScanned) return entriesOf(listing);
  scanning.catch(() => {}); // The iteration throws it.
  return async function* () {
    await scanning;
    yield* entriesOf(listing);
  }();
}

/** What a search finds, as it comes, or in an order that was asked for. */
async function* found(
  search: Search,
  order: SortOrder | null,
): AsyncGenerator<readonly Entry[]> {
  if (order === null) return yield* search.entries();
  const entries = (await Array.fromAsync(search.entries())).flat();
  const compare = order.key === "name"
    ? (one: Entry, other: Entry) => compareNames(one.name, other.name)
    : entryComparison(order);
  entries.sort(compare);
  yield order.key === "name" && order.isDescending ? entries.reverse() : entries;
}

async function wholeOf(text: AsyncIterable<string>): Promise<string> {
  return (await Array.fromAsync(text)).join("");
}

/** A listing that is made while it is sent. */
class ListingContent implements Content {
  readonly length = null;
  readonly #source: Listing | Search;
  readonly #pieces: AsyncIterator<string>;
  #next: Promise<IteratorResult<string>> | null = null;
  readonly #encoder = new TextEncoder();

  /** @param source Is closed together with this. */
  constructor(source: Listing | Search, text: AsyncIterable<string>) {
    this.#source = source;
    this.#pieces = text[Symbol.asyncIterator]();
  }

  async read(): Promise<Uint8Array | null> {
    let text = "";
    while (text.length < PIECE) {
      const next = this.#next ??= this.#pieces.next();
      if (text !== "" && !await isSettled(next, PIECE_WAIT)) break;
      const { done, value } = await next;
      if (done) break;
      this.#next = null;
      text += value;
    }
    return text === "" ? null : this.#encoder.encode(text);
  }

  close(): void {
    this.#source.close();
    this.#pieces.return?.().catch(() => {}); // read() has thrown it already.
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return pieces(this);
  }
}

async function isSettled(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let isSettled = false;
  const settle = () => void (isSettled = true);
  await sleep(milliseconds, promise.then(settle, settle));
  return isSettled;
}

/** An array of the entries of a directory; of a search, an object that says whether it was cut. */
async function* toJson({ query, entries, cut }: ListingView): AsyncGenerator<string> {
  const isSearch = query !== null;
  if (isSearch) yield '{"entries":';
  let separator = "[";
  for await (const batch of entries) {
    const listed = batch.map((entry) =>
      JSON.stringify({ ...entry, modified: new Date(entry.modified).toISOString() })
    );
    if (listed.length === 0) continue;
    yield separator + listed.join(",");
    separator = ",";
  }
  const end = separator === "[" ? "[]" : "]";
  yield isSearch ? `${end},"cut":${JSON.stringify(cut())}}\n` : `${end}\n`;
}

/** Of control characters and the like, which would change what a terminal shows. */
// deno-lint-ignore no-control-regex -- it is about them
const UNPRINTABLE = /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** A name a line, as `ls -p` writes them to a terminal. */
async function* toText({ entries, cut }: ListingView): AsyncGenerator<string> {
  for await (const batch of entries) {
    yield batch.map(({ name, type }) =>
      `${name.replace(UNPRINTABLE, "?")}${type === "directory" ? "/" : ""}\n`
    ).join("");
  }
  const reason = cut();
  if (reason !== null) yield `(${CUT_SENTENCES[reason]})\n`;
}

/** What a person is told about a search that has not found everything. */
const CUT_SENTENCES: Readonly<Record<Cut, string>> = Object.freeze({
  results: "There are more results: search for a longer text.",
  time: "The search took too long and has ended early.",
  unreadable: "Some folders could not be read.",
});

/** The page of a directory; that of the served one has no link to the directory above. */
async function* toHtml(view: ListingView): AsyncGenerator<string> {
  // @ts-types="npm:@types/escape-html@1.0.4" -- loaded on demand: does just this, alone
  const { default: escapeHtml } = await import("escape-html");
  const { segments, entries, cut } = view;
  const title = escapeHtml(`Index of /${segments.map((each) => `${each}/`).join("")}`);
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
  if (segments.length > 0) yield '<tr><td><a href="../">../</a></td><td></td><td></td></tr>\n';
  for await (const batch of entries) {
    yield batch.map((entry) => `${rowOf(entry, escapeHtml)}\n`).join("");
  }
  const reason = cut();
  yield `</tbody>
</table>
${reason === null ? "" : `<p>${CUT_SENTENCES[reason]}</p>\n`}</body>
</html>
`;
}

/** A link begins with "./", since the name `a:b` alone would have the scheme `a`. */
function rowOf(
  { name, type, size, modified }: Entry,
  escapeHtml: (text: string) => string,
): string {
  const shown = type === "directory" ? `${name}/` : name;
  const path = name.includes("/")
    ? name.split("/").map(encodeURIComponent).join("/")
    : encodeURIComponent(name);
  const target = `./${path}${type === "directory" ? "/" : ""}`;
  const time = new Date(modified).toISOString().slice(0, 16).replace("T", " ");
  return `<tr><td><a href="${escapeHtml(target)}">${escapeHtml(shown)}</a></td>` +
    `<td>${size ?? ""}</td><td>${time}</td></tr>`;
}
