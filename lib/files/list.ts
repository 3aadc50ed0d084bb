// What is in a directory, as data. How it is shown is for others to say.

import type { Root } from "./root.ts";
import { isName } from "./names.ts";
import { join, lstat } from "./paths.ts";

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
  for await (const { name } of Deno.readDir(directory)) {
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
