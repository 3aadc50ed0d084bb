// Files that change while they are sent: never wrong bytes under a right length.

import { assert, assertEquals } from "@std/assert";
import { openFile } from "../../lib/disk/open_file.ts";
import { FileSystem } from "../../lib/disk/file_system.ts";
import { FileContent } from "../../lib/files/file_body.ts";
import { scheduler } from "../../lib/scheduler.ts";
import {
  CHANGED,
  type FileServer,
  makeBytes,
  NEEDS,
  nextSecond,
  withFileServer,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { RawClient, toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";

/** More than the buffers of the two sockets hold, so that the server cannot have read it all. */
const LARGE = 24 * 1024 * 1024;

/** What happens to the file, and whether the old one is delivered all the same. */
const CHANGES: [name: string, isDelivered: boolean, change: (file: string) => Promise<void>][] = [
  ["replaced by rename", true, async (file) => {
    await Deno.writeFile(`${file}.new`, new Uint8Array(LARGE).fill(1));
    await Deno.rename(`${file}.new`, file);
  }],
  ["deleted", true, (file) => Deno.remove(file)],
  ["written into", false, async (file) => {
    using open = await Deno.open(file, { write: true });
    await open.seek(LARGE - 100_000, Deno.SeekMode.Start);
    await open.write(new Uint8Array(10).fill(1));
  }],
  ["written over as a whole", false, (file) => Deno.writeFile(file, new Uint8Array(LARGE).fill(1))],
  ["cut", false, (file) => Deno.truncate(file, 1000)],
  ["cut by its last byte", false, (file) => Deno.truncate(file, LARGE - 1)],
  ["appended to", false, (file) => Deno.writeTextFile(file, "more", { append: true })],
];

/** The Range fields to send it by. */
const ASKED = ["lines=0-", "bytes=1-", "bytes=0-99,1000-"];

interface Delivery {
  readonly announced: number;
  readonly received: number;
  readonly hasChanged: boolean;
}

/** Has a large file of zeros change while it is sent. */
async function deliver(
  { path, port }: FileServer,
  range: string,
  change: (file: string) => Promise<void>,
): Promise<Delivery> {
  await Deno.writeFile(`${path}/large`, new Uint8Array(LARGE));
  await Deno.utime(`${path}/large`, CHANGED, CHANGED);
  using client = await RawClient.connect(port);
  await client.send(request("GET /files/large", `Range: ${range}`, "Connection: close"));
  let text = "";
  while (!text.endsWith("\r\n\r\n")) text += toLatin1(await client.read(1));
  await change(`${path}/large`);
  const announced = Number(/^Content-Length: ([0-9]+)\r$/mi.exec(text)?.[1]);
  return { announced, ...await receive(client, announced) };
}

/** Receives until the connection ends, by pieces: the client joins what it has not given out. */
async function receive(client: RawClient, length: number): Promise<Omit<Delivery, "announced">> {
  let received = 0;
  let hasChanged = false;
  while (received < length) {
    const count = Math.min(65536, length - received);
    const piece = await client.read(count).catch(() => null);
    if (piece === null) break;
    received += piece.length;
    hasChanged ||= piece.includes(1);
  }
  return { received, hasChanged };
}

for (const [name, isDelivered, change] of CHANGES) {
  const outcome = isDelivered ? "sends the old state" : "aborts";
  testWith(
    NEEDS,
    `FileContent ${outcome} when a file is ${name} while it is sent`,
    () =>
      withFileServer(async (fixture) => {
        for (const range of ASKED) {
          const { announced, received, hasChanged } = await deliver(fixture, range, change);
          assert(announced >= LARGE - 1000, range);
          assertEquals(received === announced, isDelivered, `${range}: ${received}/${announced}`);
          if (isDelivered) assertEquals(hasChanged, false, range);
        }
        assertEquals(fixture.errors, []); // It is no fault of the server's.
      }),
  );
}

testWith(
  NEEDS,
  "GET of a small file is 503 when the file is truncated before it is compressed",
  () => {
    let path = "";
    const onOpen = async (name: string) => {
      if (name === "a") await Deno.truncate(`${path}/a`, 10);
    };
    return withFileServer(async ({ ask, ...server }) => {
      path = server.path;
      for (const coding of ["gzip", "br"]) {
        await Deno.writeFile(`${path}/a`, makeBytes(20_000));
        const headers = [`Accept-Encoding: ${coding}`];
        assertEquals((await ask("GET /files/a", { headers })).status, 503, coding);
      }
    }, { onOpen });
  },
);

testWith(
  NEEDS,
  "GET is never 404 when a file is replaced all the time",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a`, "first");
      let isOver = false;
      const replace = (async () => {
        for (let turn = 0; !isOver; turn++) {
          await Deno.writeTextFile(`${path}/next`, "again");
          await Deno.rename(`${path}/next`, `${path}/a`);
        }
      })();
      const statuses = new Set<number>();
      for (let round = 0; round < 200; round++) statuses.add((await ask("GET /files/a")).status);
      isOver = true;
      await replace;
      // 503 is for those who replace from outside, faster than a file can be opened.
      assert(statuses.has(200) && !statuses.has(404), [...statuses].join());
    }),
);

testWith(
  NEEDS,
  "GET is always 200 when uploads replace a file all the time",
  () =>
    withFileServer(async ({ path, port, ask }) => {
      await Deno.writeTextFile(`${path}/a`, "first");
      let isOver = false;
      const replace = async () => {
        using client = await RawClient.connect(port);
        while (!isOver) {
          await client.send(`${request("PUT /files/a", "Content-Length: 5")}again`);
          assertEquals((await client.readResponse()).status, 204);
        }
      };
      const writers = [replace(), replace()];
      for (let round = 0; round < 100; round++) {
        assertEquals((await ask("GET /files/a")).status, 200);
      }
      isOver = true;
      await Promise.all(writers);
    }, { settings: { isDurable: false } }),
);

testWith(
  NEEDS,
  "FileContent aborts when a file is written into and its time set back",
  () =>
    withFileServer(async ({ path, port }) => {
      const file = `${path}/a`;
      await Deno.writeFile(file, new Uint8Array(LARGE));
      const { mtime } = await Deno.stat(file);
      using client = await RawClient.connect(port);
      await client.send(request("GET /files/a"));
      await client.read(100);
      await nextSecond(file);
      await Deno.writeFile(file, new Uint8Array(LARGE).fill(1));
      await Deno.utime(file, mtime!, mtime!);
      assert((await client.readToEnd()).length < LARGE);
    }),
);

testWith(
  NEEDS,
  "FileContent aborts when a file is truncated, compressed or not",
  () =>
    withFileServer(async ({ path, connect }) => {
      const bytes = new Uint8Array(16 * 1024 * 1024);
      for (let at = 0; at < bytes.length; at += 65536) {
        crypto.getRandomValues(bytes.subarray(at, at + 65536));
      }
      for (const coding of ["identity", "gzip"]) {
        await Deno.writeFile(`${path}/large`, bytes);
        using client = await connect();
        await client.send(request("GET /files/large", `Accept-Encoding: ${coding}`));
        await client.read(100);
        await Deno.truncate(`${path}/large`, 1000);
        const received = await client.readToEnd();
        assert(received.length < bytes.length);
        assert(!toLatin1(received.slice(-5)).includes("0\r\n\r\n"));
      }
    }),
);

/** Closes more transfers than there are pairs of buffers, each while its first read is pending. */
const ENDINGS: [name: string, first: number, isWaiting: boolean][] = [
  ["waits for its turn", 0, true],
  ["goes to the beginning of a range", 1, false],
  ["reads", 0, false],
];

for (const [name, first, isWaiting] of ENDINGS) {
  testWith(
    NEEDS,
    `FileContent releases its buffers when it is closed while it ${name}`,
    () =>
      withDirectory(async (path) => {
        const file = `${await Deno.realPath(path)}/large`;
        await Deno.writeFile(file, new Uint8Array(1 << 20));
        const fs = new FileSystem(path);
        const transfer = async () => {
          const open = (await openFile(fs, file, []))!;
          return new FileContent(open, { first, last: open.info.size - 1 });
        };
        for (let count = 0; count < 40; count++) {
          const content = await transfer();
          await scheduler.turn(isWaiting ? 9 : 0);
          const reading = content.read().catch(() => null);
          content.close();
          await reading;
        }
        const content = await transfer();
        assertEquals((await content.read())?.length, 4 * 65_536);
        content.close();
      }),
  );
}
