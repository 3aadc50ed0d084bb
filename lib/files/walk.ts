// Everything below a directory, one directory after another. Links are not followed, so there are no
// circles and nothing is outside.

import { nullIfNotFound } from "../disk/errors.ts";
import { join, readDir } from "../disk/file_system.ts";
import { scheduler } from "../scheduler.ts";

/** What is in one directory. */
export interface Visited {
  /** The directory's name, below the one where the walk began: `a/b`, and empty for that one. */
  readonly name: string;
  readonly path: string;
  /** How many directories above it are part of the walk. */
  readonly depth: number;
  readonly files: readonly string[];
  readonly directories: readonly string[];
  readonly links: readonly string[];
  /** How many pipes, sockets and devices there are. */
  readonly others: number;
}

/** How to walk. */
export interface WalkOptions {
  /** For whom. */
  readonly client: string;
  /** Whether a name is part of the walk; by default each is. */
  readonly accepts?: (name: string) => boolean;
  /** Whether what is next to the beginning comes first. By default each directory is completed. */
  readonly isBreadthFirst?: boolean;
  /** Whether to stop, asked between any two names. */
  readonly isOver?: () => boolean;
  /** Handles the error of a directory that cannot be read. By default the walk ends with it. */
  readonly onError?: (error: unknown) => void;
}

/** Milliseconds to read a name. */
const NAME_COST = 0.005;

/** Walks through a directory, whose path has no links. What is removed meanwhile is left out. */
export async function* walk(path: string, options: WalkOptions): AsyncGenerator<Visited> {
  const { isBreadthFirst = false, isOver = () => false, onError } = options;
  const pending = [{ name: "", path, depth: 0 }];
  let first = 0; // Of those that a walk in breadth has not visited.
  const take = () => isBreadthFirst ? pending[first++] : pending.pop();
  for (let next = take(); next !== undefined && !isOver(); next = take()) {
    let visited: Visited | null = null;
    try {
      visited = await readDir(next.path, (entries) => visit(next!, entries, options))
        .catch(nullIfNotFound);
    } catch (error) {
      if (onError === undefined) throw error;
      onError(error);
    }
    if (visited === null) continue;
    yield visited;
    const { name, depth } = next;
    const below = visited.directories.map((each) => ({
      name: name === "" ? each : `${name}/${each}`,
      path: join(visited.path, each),
      depth: depth + 1,
    }));
    for (const each of isBreadthFirst ? below : below.reverse()) pending.push(each);
  }
}

async function visit(
  { name, path, depth }: { name: string; path: string; depth: number },
  entries: AsyncIterable<Deno.DirEntry>,
  { client, accepts = () => true, isOver = () => false }: WalkOptions,
): Promise<Visited> {
  const [files, directories, links]: string[][] = [[], [], []];
  let others = 0;
  for await (const entry of entries) {
    if (!scheduler.take(NAME_COST)) await scheduler.turn(NAME_COST, client);
    if (isOver()) break;
    if (!accepts(entry.name)) continue;
    if (entry.isFile) files!.push(entry.name);
    else if (entry.isDirectory) directories!.push(entry.name);
    else if (entry.isSymlink) links!.push(entry.name);
    else others++;
  }
  return {
    name,
    path,
    depth,
    files: files!.sort(),
    directories: directories!.sort(),
    links: links!.sort(),
    others,
  };
}

/** How much is below a directory. */
export interface Count {
  /** Files, links and everything else that is no directory. */
  readonly files: number;
  readonly directories: number;
}

/** Counts everything below a directory, hidden names as well. */
export async function countBelow(path: string, client: string): Promise<Count> {
  let [files, directories] = [0, 0];
  for await (const visited of walk(path, { client })) {
    files += visited.files.length + visited.links.length + visited.others;
    directories += visited.directories.length;
  }
  return { files, directories };
}
