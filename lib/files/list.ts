// What is in a directory, as data. How it is shown is for others to say.

import type { ResponseFields } from "../http/fields.ts";
// @ts-types="npm:@types/escape-html@1.0.4"
import escapeHtml from "escape-html"; // does just this, without dependencies
import { join, lstat, readDir } from "./fs.ts";
import { isName, type Root } from "./root.ts";

/** Something in a directory that clients may see. */
export interface Entry {
  /** Its name, without a path. */
  readonly name: string;
  /** Links are what they lead to. */
  readonly type: "file" | "directory";
  /** Bytes of a file; null for a directory. */
  readonly size: number | null;
  /** When it was last modified: milliseconds since 1970, UTC. */
  readonly modified: number;
}

/** Entries looked at side by side: enough to keep a disk busy, too few to block the others. */
const CONCURRENCY = 32;

/**
 * The entries of a directory, by name.
 *
 * @param directory The real path of a directory in the root.
 */
export async function listDirectory(root: Root, directory: string): Promise<Entry[]> {
  const names: string[] = [];
  for await (const { name } of readDir(directory)) {
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

/** An entry; null for what leads out of the root, is neither file nor directory, or has gone. */
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

// Listings as people and programs get them: a plain HTML page without script, or JSON.

/** A listing as JSON: an array of objects with name, type, size and modified. */
export function toJson(entries: readonly Entry[]): string {
  const listed = entries.map((entry) => ({
    ...entry,
    modified: new Date(entry.modified).toISOString(),
  }));
  return JSON.stringify(listed) + "\n";
}

/** The fields of a listing as JSON: names are what uploaders choose, and no page. */
export const JSON_FIELDS: ResponseFields = Object.freeze({
  "Content-Type": "application/json",
  "X-Content-Type-Options": "nosniff",
});

/** The fields of a page: nothing but its own style is loaded, and nothing runs. */
export const PAGE_FIELDS: ResponseFields = Object.freeze({
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
});

/**
 * A listing as a page.
 *
 * @param path The path that it is asked for by, decoded.
 * @param isRoot Whether there is no directory above.
 */
export function toHtml(entries: readonly Entry[], path: string, isRoot: boolean): string {
  const title = escapeHtml(`Index of ${path}`);
  const directories = entries.filter(({ type }) => type === "directory");
  const files = entries.filter(({ type }) => type === "file");
  const rows = [...directories, ...files].map(rowOf);
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

/** A link begins with "./", since a name such as `a:b` would be a scheme. */
function rowOf({ name, type, size, modified }: Entry): string {
  const shown = type === "directory" ? `${name}/` : name;
  const target = `./${encodeURIComponent(name)}${type === "directory" ? "/" : ""}`;
  const time = new Date(modified).toISOString().slice(0, 16).replace("T", " ");
  return `<tr><td><a href="${escapeHtml(target)}">${escapeHtml(shown)}</a></td>` +
    `<td>${size ?? ""}</td><td>${time}</td></tr>`;
}
