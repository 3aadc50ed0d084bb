// Everything below a directory, one directory after another. Links are not followed, so there are no
// circles and nothing is outside.

import { nullIfNotFound } from "../disk/errors.ts";
import { StatusError } from "../http/status.ts";
import { join, readDir } from "../disk/file_system.ts";
import { scheduler, Slots } from "../scheduler.ts";

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
  /** Whether to stop, asked before each name. */
  readonly isOver?: () => boolean;
  /** Handles the error of a directory that cannot be read. By default the walk ends with it. */
  readonly onError?: (error: unknown) => void;
}

/** Milliseconds to read a name. */
const NAME_COST = 0.01;

/** Walks for searches and counts at one time. */
const walks = new Slots(16);

/** A place among the walks of all clients. @throws {StatusError} 503 while there are too many. */
export function acquireWalk(client: string): Disposable {
  if (!walks.isFreeFor(client)) {
    const message = "Too many folders are being searched: try again.";
    throw new StatusError(503, message, { "Retry-After": "1" });
  }
  walks.acquire(client);
  return { [Symbol.dispose]: () => walks.release(client) };
}

type Place = Pick<Visited, "name" | "path" | "depth">;

/** Walks through a directory, whose path has no links. What is removed meanwhile is left out. */
export async function* walk(path: string, options: WalkOptions): AsyncGenerator<Visited> {
  const { isBreadthFirst = false, isOver = () => false } = options;
  const first = await visit({ name: "", path, depth: 0 }, options);
  if (first === null) return;
  yield first;
  const pending = [{ parent: placeOf(first), directories: first.directories.values() }];
  let begin = 0; // Of those that a walk in breadth has not completed.
  while (begin < pending.length && !isOver()) {
    const { parent, directories } = pending.at(isBreadthFirst ? begin : -1)!;
    const { done, value: child } = directories.next();
    if (done) {
      if (isBreadthFirst) begin++;
      else pending.pop();
      continue;
    }
    const visited = await visit(placeIn(parent, child), options);
    if (visited === null) continue;
    yield visited;
    if (visited.directories.length === 0) continue;
    pending.push({ parent: placeOf(visited), directories: visited.directories.values() });
  }
}

function placeOf({ name, path, depth }: Visited): Place {
  return { name, path, depth };
}

function placeIn({ name, path, depth }: Place, child: string): Place {
  return {
    name: name === "" ? child : `${name}/${child}`,
    path: join(path, child),
    depth: depth + 1,
  };
}

/** Null for a directory that is gone, or whose error was handled. */
async function visit(place: Place, options: WalkOptions): Promise<Visited | null> {
  try {
    const read = (entries: AsyncIterable<Deno.DirEntry>) => readNames(place, entries, options);
    return await readDir(place.path, read).catch(nullIfNotFound);
  } catch (error) {
    if (options.onError === undefined) throw error;
    options.onError(error);
    return null;
  }
}

async function readNames(
  place: Place,
  entries: AsyncIterable<Deno.DirEntry>,
  { client, accepts = () => true, isOver = () => false }: WalkOptions,
): Promise<Visited> {
  const files: string[] = [];
  const directories: string[] = [];
  const links: string[] = [];
  let others = 0;
  for await (const { name, isFile, isDirectory, isSymlink } of entries) {
    if (!scheduler.take(NAME_COST)) await scheduler.turn(NAME_COST, client);
    if (isOver()) break;
    if (!accepts(name)) continue;
    if (isFile) files.push(name);
    else if (isDirectory) directories.push(name);
    else if (isSymlink) links.push(name);
    else others++;
  }
  return { ...place, files, directories, links, others };
}

/** How much is below a directory. */
export interface Count {
  /** Files, links and everything else that is no directory. */
  readonly files: number;
  readonly directories: number;
}

/** Counts everything below a directory, hidden names as well, unless that is no longer needed. */
export async function countBelow(
  path: string,
  client: string,
  isOver: () => boolean = () => false,
): Promise<Count> {
  let [files, directories] = [0, 0];
  for await (const visited of walk(path, { client, isOver })) {
    files += visited.files.length + visited.links.length + visited.others;
    directories += visited.directories.length;
  }
  return { files, directories };
}
