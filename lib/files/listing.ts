// What is in a folder, as data. How it is shown is for others to say.

import type { Directory } from "./directory.ts";
import { isName } from "./names.ts";
import { join, lookAt } from "./paths.ts";

/** Something in a folder that clients may see. */
export interface Entry {
  /** Its name, without a path. */
  readonly name: string;
  /** Links are what they lead to. */
  readonly type: "file" | "folder";
  /** Octets of a file; null for a folder. */
  readonly size: number | null;
  /** When it was last modified: milliseconds since 1970, UTC. */
  readonly modified: number;
}

/** Entries looked at side by side: enough to keep a disk busy, too few to block the others. */
const AT_A_TIME = 32;

/**
 * The entries of a folder, by name.
 *
 * @param folder The real path of a folder in the directory.
 */
export async function listFolder(directory: Directory, folder: string): Promise<Entry[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (isName(name, directory.showsHidden)) names.push(name);
  }
  names.sort();
  const entries: (Entry | null)[] = [];
  for (let at = 0; at < names.length; at += AT_A_TIME) {
    const batch = names.slice(at, at + AT_A_TIME);
    entries.push(...await Promise.all(batch.map((name) => entryOf(directory, folder, name))));
  }
  return entries.filter((entry) => entry !== null);
}

/** An entry; null for what leads out of the directory, is neither file nor folder, or has gone. */
async function entryOf(directory: Directory, folder: string, name: string): Promise<Entry | null> {
  const path = join(folder, name);
  let info = await lookAt(path);
  if (info?.isSymlink) {
    const real = await directory.resolve(path);
    info = real === null ? null : await lookAt(real);
  }
  if (info === null || !(info.isFile || info.isDirectory)) return null;
  return {
    name,
    type: info.isFile ? "file" : "folder",
    size: info.isFile ? info.size : null,
    modified: info.mtime?.getTime() ?? 0,
  };
}
