// GET of a directory: its entries as an HTML page without script, or as JSON.

import { encodeContent } from "../compression.ts";
import type { ResponseFields } from "../http/fields.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { negotiateType, withVary } from "../http/negotiation.ts";
import { join, lstat, notFound, readDir } from "./fs.ts";
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
  const entries = await entriesOf(root, directory);
  const type = negotiateType(request.fields, ["text/html", "application/json"]);
  const [listing, content] = type === "application/json"
    ? [JSON_FIELDS, toJson(entries)]
    : [PAGE_FIELDS, await toHtml(entries, `/${name}`, name === "")];
  return await encodeContent(request, {
    status: 200,
    fields: withVary(listing, "Accept"),
    content,
  });
}

/** The links of a listing are relative to a URL that ends in a slash. */
export function redirectToSlash({ path, query }: HttpRequest): HttpResponse {
  return { status: 308, fields: { "Location": `${path}/${query === null ? "" : `?${query}`}` } };
}

async function entriesOf(root: Root, directory: string): Promise<Entry[]> {
  const names: string[] = [];
  for (const { name } of await readDir(directory)) {
    if (isName(name, root.showsHidden)) names.push(name);
  }
  names.sort();
  const entries: (Entry | null)[] = [];
  for (let at = 0; at < names.length; at += CONCURRENCY) {
    const batch = names.slice(at, at + CONCURRENCY);
    entries.push(...await Promise.all(batch.map((name) => entryOf(root, directory, name))));
  }
  return entries.filter((entry) => entry !== null);
}

/** Null for a link that leads outside, other kinds of files, and what was just removed. */
async function entryOf(root: Root, directory: string, name: string): Promise<Entry | null> {
  const path = join(directory, name);
  let info = await lstat(path);
  if (info?.isSymlink) {
    const real = await root.resolve(path);
    info = real === null ? null : await lstat(real);
  }
  if (info === null || !(info.isFile || info.isDirectory)) return null;
  return {
    name,
    type: info.isFile ? "file" : "directory",
    size: info.isFile ? info.size : null,
    modified: info.mtime?.getTime() ?? 0,
  };
}

function toJson(entries: readonly Entry[]): string {
  const listed = entries.map((entry) => ({
    ...entry,
    modified: new Date(entry.modified).toISOString(),
  }));
  return JSON.stringify(listed) + "\n";
}

/** The page of the directory at a decoded path; the root has no link to the directory above. */
async function toHtml(entries: readonly Entry[], path: string, isRoot: boolean): Promise<string> {
  // @ts-types="npm:@types/escape-html@1.0.4" -- loaded on demand: does just this, alone
  const { default: escapeHtml } = await import("escape-html");
  const title = escapeHtml(`Index of ${path}`);
  const directories = entries.filter(({ type }) => type === "directory");
  const files = entries.filter(({ type }) => type === "file");
  const rows = [...directories, ...files].map((entry) => rowOf(entry, escapeHtml));
  if (!isRoot) rows.unshift('<tr><td><a href="../">../</a></td><td></td><td></td></tr>');
  return `<!DOCTYPE html>
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
${rows.join("\n")}
</tbody>
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
