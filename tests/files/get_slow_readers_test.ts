// Many slow readers of one cached file: each gets its own responses, even where others disconnect or
// the file is replaced meanwhile.

import { assert, assertEquals } from "@std/assert";
import {
  cachingClock,
  type FileServer,
  makeBytes,
  NEEDS,
  withFileServer,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { type RawClient, type RawResponse, toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { until } from "../support/wait.ts";

/** Sizes of one file and the other in its place: both too large to be copied behind a head. */
const [SIZE, NEXT_SIZE] = [100_000, 70_001];

/** Times that a reader asks for everything: more unread data than a socket buffers. */
const ROUNDS = 4;
const READERS = 6;
const LEAVERS = 3;

/** What a reader asks for: the request, the status, and what is said of the connection. */
const SERIES: readonly (readonly [request: string, status: number, connection?: string])[] = [
  ["GET /files/large HTTP/1.1", 200],
  ["HEAD /files/large HTTP/1.1", 200],
  ["GET /files/large HTTP/1.0\r\nConnection: keep-alive", 200, "keep-alive"],
  ["GET /files/large HTTP/1.1\r\nIf-None-Match: *", 304],
  ["GET /files/large HTTP/1.1\r\nRange: bytes=1-2", 206],
  ["GET /files/small HTTP/1.1", 200],
  ["GET /files/absent HTTP/1.1", 404],
  ["GET /files/large HTTP/1.1", 200],
];
const LAST = ["GET /files/large HTTP/1.1\r\nConnection: close", 200, "close"] as const;
const ALL = [...Array.from({ length: ROUNDS }, () => SERIES).flat(), LAST];
const PIPELINE = ALL.map(([request]) => `${request}\r\nHost: h\r\n\r\n`).join("");

/** The entity tag of the large file as it is now, once it is cached. */
async function cacheLarge({ connect }: FileServer): Promise<string> {
  using client = await connect();
  await client.send(request("GET /files/large", "Connection: close"));
  const { fields } = await client.readResponse();
  assertEquals(await client.readToEnd(), new Uint8Array(0));
  return fields.get("etag")!;
}

/** Reads all that was asked for, and returns the entity tag of the last response. */
async function readAll(
  client: RawClient,
  contents: ReadonlyMap<string, string>,
): Promise<string> {
  let last = "";
  for (const [request, status, connection] of ALL) {
    const [method, target] = request.split(" ");
    const response = await client.readResponse(method);
    const { fields } = response;
    assertEquals([response.status, fields.get("connection")], [status, connection], request);
    if (target === "/files/large") checkContent(response, contents, request);
    if (target === "/files/small") assertEquals(response.text, "small");
    last = fields.get("etag") ?? "";
  }
  assertEquals(await client.readToEnd(), new Uint8Array(0));
  return last;
}

/** Whatever the head says of the content is true. */
function checkContent(
  { status, fields, text }: RawResponse,
  contents: ReadonlyMap<string, string>,
  request: string,
): void {
  const content = contents.get(fields.get("etag")!)!;
  if (status === 206) return assertEquals(text, content.slice(1, 3));
  if (status === 304) return;
  assertEquals(fields.get("content-length"), String(content.length), request);
  assert(text === (request.startsWith("HEAD") ? "" : content), request);
}

function connectionOf(id: string): string {
  return id.split("-")[0]!;
}

testWith(
  NEEDS,
  "GET of a cached file sends each slow reader its own head and the file as it was",
  () =>
    withFileServer(async (fixture) => {
      const { path, server, records, connect } = fixture;
      const [before, after] = [makeBytes(SIZE), makeBytes(NEXT_SIZE).reverse()];
      await writeOld(`${path}/large`, before);
      await writeOld(`${path}/small`, "small");
      const contents = new Map([[await cacheLarge(fixture), toLatin1(before)]]);

      const clients = await Promise.all(Array.from({ length: READERS + LEAVERS }, connect));
      await Promise.all(clients.map((client) => client.send(PIPELINE)));
      const busy = () => server.connections.filter(({ state }) => state === "answering");
      await until(() => records.length > 1 && busy().length === clients.length);
      assert(records.length < READERS * ALL.length, "they wait to be read");

      await writeOld(`${path}/next`, after);
      await Deno.rename(`${path}/next`, `${path}/large`);
      const now = await cacheLarge(fixture);
      contents.set(now, toLatin1(after));
      for (const client of clients.splice(READERS)) client.close();
      const last = await Promise.all(clients.map((client) => readAll(client, contents)));
      for (const client of clients) client.close();
      assertEquals(last, Array(READERS).fill(now));

      await until(() => server.connections.length === 0);
      const lost = records.filter(({ isComplete }) => !isComplete);
      // A small response may wait in front of the large one that could not be sent.
      assert(lost.every(({ closeReason }) => closeReason === "client-gone"));
      const ids = new Set(records.map(({ id }) => id));
      assertEquals(ids.size, records.length);
      const ofLost = new Set(lost.map(({ id }) => connectionOf(id)));
      assertEquals(ofLost.size, LEAVERS);
      const others = [...ids].filter((id) => !ofLost.has(connectionOf(id)));
      assertEquals(others.length, 2 + READERS * ALL.length);
      // A Unix socket buffers far less unread data than TCP.
    }, { isUnix: true, clock: cachingClock, limits: { minRate: 0 } }),
);
