// What the file cache gains on a hit, and what it costs on a miss: `deno bench -A` of this file.

import { FileCache } from "../../lib/files/cache.ts";
import { FileSystem } from "../../lib/disk/file_system.ts";
import { handlersOf } from "../../lib/files/handlers.ts";
import { Root } from "../../lib/files/root.ts";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { type HttpRequest, ParsedRequest } from "../../lib/http/message.ts";
import { headWith } from "../support/exchange.ts";
import { until } from "../support/wait.ts";

const directory = Deno.makeTempDirSync({ prefix: "wireserve-bench-" });
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
Deno.mkdirSync(`${directory}/d`);
for (const name of ["a", "d/a"]) Deno.writeFileSync(`${directory}/${name}`, new Uint8Array(1024));

/** Its calls are timed but never slow: on a busy machine a cooldown would turn hits into misses. */
class SteadyRoot extends Root {
  override readonly fs: FileSystem = new FileSystem(this.path, () => 0 * performance.now());
}

const root = new SteadyRoot(directory);
await until(() => root.fs.policy.isAllowed);

/** Clocks for which every file is old enough for the cache, or none. */
const [LATE, EARLY] = [() => Date.now() + 4000, () => -Infinity];

const cache = new FileCache(root.fs, LATE);
for (const name of ["a", "d/a"]) {
  const path = `${directory}/${name}`;
  const response = { status: 200, content: new Uint8Array(1024) };
  const validators = { etag: '"x"', lastModified: 0 };
  const info = Deno.lstatSync(path);
  if (!cache.isCacheable(info)) throw new Error("The file cannot be cached");
  cache.put(name, { path, info, isNegotiated: true }, null, { source: null, validators, response });
}

Deno.bench("hit: find() of a cached file", { group: "find", baseline: true }, () => {
  if (cache.find("a") === null) throw new Error("It is not cached");
});

Deno.bench("hit: find() of a cached file in a directory", { group: "find" }, () => {
  if (cache.find("d/a") === null) throw new Error("It is not cached");
});

Deno.bench("miss: find() of an absent name", { group: "find" }, () => {
  if (cache.find("none") !== null) throw new Error("It is cached");
});

/** What browsers accept. */
const BROWSER: [string, string][] = [["Accept-Encoding", "gzip, deflate, br"]];

function requestOf(name: string, lines: [string, string][] = []): HttpRequest {
  const path = `/files/${name}`;
  const parsed = new ParsedRequest({ ...headWith(lines), path });
  return Object.assign(parsed, { parameters: { name } });
}

function bench(
  title: string,
  name: string,
  clock: () => number,
  { isBaseline = false, lines }: { isBaseline?: boolean; lines?: [string, string][] } = {},
): void {
  const read = handlersOf(root, DEFAULT_FILE_SETTINGS, clock).read!;
  Deno.bench(title, { group: "GET", baseline: isBaseline }, async () => {
    const { content } = await read(requestOf(name, lines));
    if (!(content instanceof Uint8Array)) throw new Error("No file");
  });
}

bench("hit: GET of a cached file of 1 KiB", "a", LATE, { isBaseline: true });
bench("hit: the same, compressed", "a", LATE, { lines: BROWSER });
bench("miss: the same, compressed for each request", "a", EARLY, { lines: BROWSER });
bench("miss: GET of a file of 1 KiB that is read", "a", EARLY);
bench("miss: GET of a file in a directory that is read", "d/a", EARLY);

const absent = handlersOf(root, DEFAULT_FILE_SETTINGS, LATE).read!;
Deno.bench("miss: GET of an absent name", { group: "GET" }, async () => {
  await Promise.resolve(absent(requestOf("none"))).catch(() => {});
});

/** Each name is read once, into a cache that has none of them. */
const FILES = 64;
for (let file = 0; file < FILES; file++) {
  Deno.writeFileSync(`${directory}/first${file}`, new Uint8Array(1024));
}
for (const [title, clock] of [["cached", LATE], ["not cached", EARLY]] as const) {
  Deno.bench(`first read of ${FILES} files that are ${title}`, { group: "first" }, async () => {
    const read = handlersOf(root, DEFAULT_FILE_SETTINGS, clock).read!;
    for (let file = 0; file < FILES; file++) await read(requestOf(`first${file}`));
  });
}
