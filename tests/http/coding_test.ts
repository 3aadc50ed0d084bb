import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { toBytes } from "@std/streams/to-bytes";
import { encodeContent, prefersGzip } from "../../lib/http/coding.ts";
import { type Content, fromStream, toStream } from "../../lib/http/content.ts";
import { Fields } from "../../lib/http/fields.ts";

const accepting = (value: string) => new Fields([["Accept-Encoding", value]]);

/** RFC 9110 section 12.5.3. */
const PREFERENCES: [accepted: string, isGzip: boolean][] = [
  ["gzip", true],
  ["GZip", true],
  ["x-gzip", true],
  ["gzip, deflate, br, zstd", true],
  ["deflate, gzip;q=1.0, *;q=0.5", true],
  ["gzip;q=0.001", true],
  ["gzip ; q=0.5", true],
  ["gzip;Q=0.5", true],
  ["*", true],
  ["*;q=0.1", true],
  ["gzip, identity", true],
  ["gzip;q=0.5, identity;q=0.5", true],
  ["identity;q=0, *", true],
  [" , gzip, ,", true],
  ["", false],
  ["identity", false],
  ["deflate", false],
  ["gzip;q=0", false],
  ["gzip;q=0.000", false],
  ["gzip;q=0, *", false],
  ["*;q=0", false],
  ["*;q=0, gzip;q=0", false],
  ["identity;q=0", false],
  ["gzip;q=0.5, identity", false],
  ["gzip;q=0.5, *", false],
  ["identity;q=1, gzip;q=0.9", false],
  ["gzip;q=2", false],
  ["gzip;q=1.1", false],
  ["gzip;q=0.1234", false],
  ["gzip;q=", false],
  ["gzip;q", false],
  ["gzip;level=9", false],
  ["gzipped", false],
  ["gzip deflate", false],
];

Deno.test("prefersGzip() weighs codings as RFC 9110 section 12.5.3 says", () => {
  for (const [accepted, isGzip] of PREFERENCES) {
    assertEquals(prefersGzip(accepting(accepted)), isGzip, accepted);
  }
  assertEquals(prefersGzip(new Fields()), false);
  const lines = new Fields([["accept-encoding", "br"], [
    "Accept-Encoding",
    "gzip",
  ]]);
  assertEquals(prefersGzip(lines), true);
});

Deno.test("encodeContent() leaves a response without content, or coded already, as it is", async () => {
  const request = { fields: accepting("gzip") };
  const empty = { status: 204 };
  assertEquals(await encodeContent(request, empty), empty);
  const coded = {
    status: 200,
    fields: { "Content-Encoding": "br" },
    content: "x",
  };
  assertEquals(await encodeContent(request, coded), coded);
});

Deno.test("encodeContent() tells of the choice also where it was not taken", async () => {
  const response = { status: 200, fields: { "Vary": "Origin" }, content: "x" };
  const { fields, content } = await encodeContent(
    { fields: accepting("br") },
    response,
  );
  assertEquals({ fields, content }, {
    fields: { "Vary": "Origin, Accept-Encoding" },
    content: "x",
  });
});

/** A content of so many octets, in small pieces, that counts how often it is closed. */
function source(
  length: number,
  told: number | null,
): Content & { closings: number } {
  let missing = length;
  const content = {
    length: told,
    closings: 0,
    read(): Promise<Uint8Array | null> {
      const piece = new Uint8Array(Math.min(missing, 1000)).fill(97);
      missing -= piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece);
    },
    close(): void {
      content.closings++;
    },
    [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
      throw new Error("not used");
    },
  };
  return content;
}

Deno.test("encodeContent() codes a short content whole and a long one on its way", async () => {
  const request = { fields: accepting("gzip") };
  const decode = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) =>
    toBytes(stream.pipeThrough(new DecompressionStream("gzip")));

  const short = await encodeContent(request, {
    status: 200,
    content: source(2500, 2500),
  });
  assertInstanceOf(short.content, Uint8Array);
  assertEquals(
    (await decode(new Blob([short.content.slice()]).stream())).length,
    2500,
  );

  for (const told of [200_000, null]) {
    const long = await encodeContent(request, {
      status: 200,
      content: source(200_000, told),
    });
    const content = long.content as Content;
    assertEquals(content.length, null);
    assertEquals((await decode(toStream(content))).length, 200_000);
  }
});

Deno.test("encodeContent() closes what it codes when the coded content is closed", async () => {
  const content = source(10_000_000, null);
  const { content: coded } = await encodeContent(
    { fields: accepting("gzip") },
    { status: 200, content },
  );
  await (coded as Content).read();
  (coded as Content).close();
  await new Promise((resolve) => setTimeout(resolve));
  assert(content.closings > 0);
});

Deno.test("encodeContent() closes what it codes at its end, and where it fails", async () => {
  for (const length of [1000, 200_000]) {
    const content = source(length, null);
    const { content: coded } = await encodeContent({ fields: accepting("gzip") }, {
      status: 200,
      content,
    });
    await toBytes(toStream(coded as Content));
    assertEquals(content.closings, 1);
  }
  const failing = { ...source(0, 10), read: () => Promise.reject(new Error("gone")) };
  let closings = 0;
  failing.close = () => closings++;
  await assertRejects(
    () => encodeContent({ fields: accepting("gzip") }, { status: 200, content: failing }),
    Error,
    "gone",
  );
  assertEquals(closings, 1);
});

Deno.test("encodeContent() finds fields whatever the case of their names", async () => {
  const request = { fields: accepting("gzip") };
  const coded = { status: 200, fields: { "content-encoding": "br" }, content: "x" };
  assertEquals(await encodeContent(request, coded), coded);
  const { fields } = await encodeContent(request, {
    status: 200,
    fields: { "vary": "Origin" },
    content: "x",
  });
  assertEquals(fields, { "vary": "Origin, Accept-Encoding", "Content-Encoding": "gzip" });
});

Deno.test("toStream() passes over empty pieces", async () => {
  const stream = ReadableStream.from([new Uint8Array(0), Uint8Array.of(1), new Uint8Array(0)]);
  assertEquals(await toBytes(toStream(fromStream(stream))), Uint8Array.of(1));
});
