import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { toBytes } from "@std/streams/to-bytes";
import { DYNAMIC_CODINGS, encodeContent } from "../lib/compression.ts";
import { type Coding, negotiateCoding } from "../lib/http/negotiation.ts";
import { type Content, fromStream, toStream } from "../lib/http/content.ts";
import { Fields } from "../lib/http/fields.ts";
import type { HttpResponse } from "../lib/http/message.ts";

const accepting = (value: string) => new Fields([["Accept-Encoding", value]]);

/** RFC 9110 section 12.5.3. */
const PREFERENCES: [accepted: string, coding: Coding | null][] = [
  ["gzip", "gzip"],
  ["GZip", "gzip"],
  ["x-gzip", "gzip"],
  ["gzip, deflate, br, zstd", "gzip"],
  ["deflate, gzip;q=1.0, *;q=0.5", "gzip"],
  ["gzip;q=0.001", "gzip"],
  ["gzip ; q=0.5", "gzip"],
  ["gzip;Q=0.5", "gzip"],
  ["*", "gzip"],
  ["*;q=0.1", "gzip"],
  ["gzip, identity", "gzip"],
  ["gzip;q=0.5, identity;q=0.5", "gzip"],
  ["identity;q=0, *", "gzip"],
  [" , gzip, ,", "gzip"],
  ["", null],
  ["identity", null],
  ["deflate", null],
  ["gzip;q=0", null],
  ["gzip;q=0.000", null],
  ["*;q=0", null],
  ["*;q=0, gzip;q=0", null],
  ["identity;q=0", null],
  ["gzip;q=0.5, identity", null],
  ["identity;q=1, gzip;q=0.9", null],
  ["gzip;q=2", null],
  ["gzip;q=1.1", null],
  ["gzip;q=0.1234", null],
  ["gzip;q=", null],
  ["gzip;q", null],
  ["gzip;level=9", null],
  ["gzipped", null],
  ["gzip deflate", null],
  ["br", "br"],
  ["BR;q=0.9", "br"],
  ["br, gzip", "gzip"],
  ["br, gzip;q=0.9", "br"],
  ["br;q=0.9, gzip;q=0.9", "gzip"],
  ["*, gzip;q=0.5", "br"],
  ["gzip;q=0, *", "br"],
  ["gzip;q=0, br;q=0, *", null],
  ["br, identity;q=0.5", "br"],
];

Deno.test("negotiateCoding() weighs codings as RFC 9110 section 12.5.3 says", () => {
  for (const [accepted, coding] of PREFERENCES) {
    assertEquals(negotiateCoding(accepting(accepted), DYNAMIC_CODINGS), coding, accepted);
  }
  assertEquals(negotiateCoding(new Fields(), DYNAMIC_CODINGS), null);
  const lines = new Fields([["accept-encoding", "x"], ["Accept-Encoding", "gzip"]]);
  assertEquals(negotiateCoding(lines, DYNAMIC_CODINGS), "gzip");
  assertEquals(negotiateCoding(accepting("gzip, br"), ["br", "gzip"]), "br");
  assertEquals(negotiateCoding(accepting("gzip"), []), null);
});

Deno.test("encodeContent() does not change a response without content, or with a coding", async () => {
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

Deno.test("encodeContent() adds Vary also to an uncompressed response", async () => {
  const response = { status: 200, fields: { "Vary": "Origin" }, content: "x" };
  const { fields, content } = await encodeContent(
    { fields: accepting("zstd") },
    response,
  );
  assertEquals({ fields, content }, {
    fields: { "Vary": "Origin, Accept-Encoding" },
    content: "x",
  });
});

/** A content of this length, in small pieces, that counts how often it is closed. */
function source(
  length: number,
  declared: number | null,
): Content & { closings: number } {
  let missing = length;
  const content = {
    length: declared,
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

Deno.test("encodeContent() compresses short content at once and long content while it is sent", async () => {
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

  for (const length of [200_000, null]) {
    const long = await encodeContent(request, {
      status: 200,
      content: source(200_000, length),
    });
    const content = long.content as Content;
    assertEquals(content.length, null);
    assertEquals((await decode(toStream(content))).length, 200_000);
  }
});

Deno.test("encodeContent() leaves compressors to other clients when one has many", async () => {
  const encode = async (client: string) => {
    const request = { fields: accepting("gzip"), client };
    return await encodeContent(request, { status: 200, content: source(200_000, null) });
  };
  const isCoded = ({ fields }: HttpResponse) => fields?.["Content-Encoding"] === "gzip";
  const many = await Promise.all(Array.from({ length: 100 }, () => encode("slow")));
  const other = await encode("other");
  for (const { content } of [...many, other]) (content as Content).close();
  assertEquals([many.filter(isCoded).length, isCoded(other)], [16, true]);
  const again = await encode("slow");
  (again.content as Content).close();
  assert(isCoded(again), "Closed content frees its compressor");
});

Deno.test("encodeContent() does not let content of 64 KiB queue up", async () => {
  const content = crypto.getRandomValues(new Uint8Array(65_536));
  const encode = (client: string) =>
    encodeContent({ fields: accepting("br"), client }, { status: 200, content });
  const responses = await Promise.all(Array.from({ length: 100 }, (_, at) => encode(`${at}`)));
  const coded = responses.filter(({ fields }) => fields?.["Content-Encoding"] === "br");
  assertEquals(coded.length, 8);
});

Deno.test("encodeContent() closes its source when the compressed content is closed", async () => {
  const content = source(10_000_000, null);
  const { content: coded } = await encodeContent(
    { fields: accepting("gzip") },
    { status: 200, content },
  );
  await (coded as Content).read();
  (coded as Content).close();
  assertEquals(content.closings, 1);
});

Deno.test("encodeContent() closes its source at the end, and after an error", async () => {
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
    async () =>
      await encodeContent({ fields: accepting("gzip") }, { status: 200, content: failing }),
    Error,
    "gone",
  );
  assertEquals(closings, 1);
});

Deno.test("encodeContent() finds fields by names in any case", async () => {
  const request = { fields: accepting("gzip") };
  const coded = { status: 200, fields: { "content-encoding": "br" }, content: "x" };
  assertEquals(await encodeContent(request, coded), coded);
  const { fields } = await encodeContent(request, {
    status: 200,
    fields: { "vary": "Origin" },
    content: "x",
  });
  assertEquals(fields, {
    "Content-Type": "text/plain; charset=utf-8",
    "vary": "Origin, Accept-Encoding",
    "Content-Encoding": "gzip",
  });
});

Deno.test("toStream() skips empty pieces", async () => {
  const stream = ReadableStream.from([new Uint8Array(0), Uint8Array.of(1), new Uint8Array(0)]);
  assertEquals(await toBytes(toStream(fromStream(stream))), Uint8Array.of(1));
});
