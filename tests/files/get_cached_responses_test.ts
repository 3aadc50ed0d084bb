// A cached file is answered as one that is read: one table, two servers on one directory, of which
// only one caches.

import { assert, assertEquals } from "@std/assert";
import {
  cachingClock,
  EARLIER,
  type FileServer,
  isCached,
  LATER,
  makeBytes,
  NEEDS,
  SAME,
  serveDirectory,
  withFileServer,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import type { RawResponse } from "../support/raw_client.ts";

/** Files: text, one whose ending says that it is compressed, one in a directory, one of no bytes. */
const NAMES = ["a.txt", "b.png", "d/caf%C3%A9%20c", "empty"];

/** Field lines that a request may have; `ETAG` stands for the file's entity tag. */
const CONDITIONS: readonly string[][] = [
  [],
  ["If-None-Match: ETAG"],
  ["If-None-Match: W/ETAG"],
  ["If-None-Match: *"],
  ['If-None-Match: "x", ETAG'],
  ['If-None-Match: "x"'],
  [`If-Modified-Since: ${SAME}`],
  [`If-Modified-Since: ${LATER}`],
  [`If-Modified-Since: ${EARLIER}`],
  ["If-Modified-Since: yesterday"],
  ["If-Match: ETAG"],
  ["If-Match: W/ETAG"],
  ['If-Match: "x"'],
  ["If-Match: *"],
  [`If-Unmodified-Since: ${SAME}`],
  [`If-Unmodified-Since: ${EARLIER}`],
  ["If-Match: ETAG", "If-None-Match: ETAG"],
  ['If-Match: "x"', "If-None-Match: ETAG"],
  ['If-None-Match: "x"', `If-Modified-Since: ${SAME}`],
];

const RANGES: readonly string[][] = [
  ["Range: bytes=0-9"],
  ["Range: bytes=0-"],
  ["Range: bytes=-5"],
  ["Range: bytes=9999-"],
  ["Range: lines=0-"],
  ["Range: bytes=0-9", "If-Range: ETAG"],
  ["Range: bytes=0-9", 'If-Range: "x"'],
  ["Range: bytes=0-9", "If-None-Match: ETAG"],
];

const CODINGS = [
  "identity",
  "gzip",
  "br",
  "gzip, br",
  "*",
  "deflate",
  "identity;q=0",
  "gzip;q=0",
  "",
];

/** All that is asked about one file. */
function* requests(name: string): Generator<[requestLine: string, lines: string[]]> {
  for (const method of ["GET", "HEAD"]) {
    const requestLine = `${method} /files/${name}`;
    for (const lines of [...CONDITIONS, ...RANGES]) yield [requestLine, lines];
    for (const coding of CODINGS) {
      const line = `Accept-Encoding: ${coding}`;
      for (const lines of [[], ["If-None-Match: ETAG"], ["Range: bytes=0-9"]]) {
        yield [requestLine, [line, ...lines]];
      }
    }
    for (const query of ["?download", "?", "?x=y"]) yield [requestLine + query, []];
  }
}

/** All of a response but the moment it was sent. */
function comparable({ statusLine, fields, text }: RawResponse): unknown {
  return { statusLine, fields: [...fields].filter(([name]) => name !== "date"), text };
}

/** Asks both servers everything about one file. */
async function compare(
  cached: FileServer,
  read: FileServer,
  name: string,
  state: string,
): Promise<void> {
  const etag = (await cached.ask(`GET /files/${name}`)).fields.get("etag")!;
  for (const [requestLine, templates] of requests(name)) {
    const lines = templates.map((line) => line.replace("ETAG", etag));
    const [one, other] = [
      await cached.ask(requestLine, { headers: lines }),
      await read.ask(requestLine, { headers: lines }),
    ];
    assertEquals(
      comparable(one),
      comparable(other),
      `${state}: ${requestLine} ${lines.join("; ")}`,
    );
  }
  assert(await isCached(cached, name), name);
  assert(!await isCached(read, name), name);
}

testWith(
  NEEDS,
  "GET of a cached file answers as GET of one that is read",
  () =>
    withFileServer(async (cached) => {
      const { path } = cached;
      await Deno.mkdir(`${path}/d`);
      for (const name of NAMES) {
        await writeOld(`${path}/${decodeURI(name)}`, name === "empty" ? "" : makeBytes(500));
      }
      const read = await serveDirectory(path, { clock: () => -Infinity });
      try {
        for (const name of NAMES) await compare(cached, read, name, "nothing beside");
        await writeOld(`${path}/a.txt.gz`, "precompressed gzip");
        await writeOld(`${path}/a.txt.br`, "precompressed brotli");
        await compare(cached, read, "a.txt", "precompressed codings beside");
        await Deno.remove(`${path}/a.txt.br`);
        await compare(cached, read, "a.txt", "one of them gone");
      } finally {
        await read.server.close();
      }
    }, { clock: cachingClock }),
);
