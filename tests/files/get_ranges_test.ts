// Parts of files, one or several at a time (RFC 9110 section 14), as a client gets them.

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BYTES,
  EARLIER,
  LATER,
  makeBytes,
  NEEDS,
  SAME,
  withFile,
  withFileServer,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { type RawResponse, toLatin1 } from "../support/raw_client.ts";

/** What comes of a Range field: the Content-Range of the 206, or another status. */
const RANGES: [value: string, result: string | 200 | 416][] = [
  ["bytes=0-0", "bytes 0-0/1000"],
  ["bytes=0-9", "bytes 0-9/1000"],
  ["bytes=990-999", "bytes 990-999/1000"],
  ["bytes=999-999", "bytes 999-999/1000"],
  ["bytes=500-", "bytes 500-999/1000"],
  ["bytes=0-", "bytes 0-999/1000"],
  ["bytes=-1", "bytes 999-999/1000"],
  ["bytes=-1000", "bytes 0-999/1000"],
  ["bytes=-1001", "bytes 0-999/1000"],
  ["bytes=990-1000", "bytes 990-999/1000"],
  ["bytes=990-99999999999999999999", "bytes 990-999/1000"],
  ["BYTES=0-0", "bytes 0-0/1000"],
  ["bytes=0-9,5-19", "bytes 0-19/1000"],
  ["bytes=10-19, 0-9", "bytes 0-19/1000"],
  ["bytes=0-9,,20-29", "bytes 0-29/1000"],
  ["bytes=0-9,1000-1009", "bytes 0-9/1000"],
  ["bytes=1000-", 416],
  ["bytes=1000-1000", 416],
  ["bytes=-0", 416],
  ["bytes=2000-3000,1000-", 416],
  ["bytes=9-0", 200],
  ["bytes=0-9,9-0", 200],
  ["bytes=a-b", 200],
  ["bytes=-", 200],
  ["bytes=", 200],
  ["bytes 0-9", 200],
  ["0-9", 200],
  ["lines=0-9", 200],
  ["bytes=+1-9", 200],
  ["bytes=0x1-9", 200],
];

testWith(NEEDS, "GET sends one range", () =>
  withFile(async ({ ask }) => {
    for (const [value, result] of RANGES) {
      const { status, fields, content } = await ask("GET /files/a", {
        headers: [`Range: ${value}`],
      });
      assertEquals(status, typeof result === "string" ? 206 : result, value);
      const [, first, last] = /^bytes (\d+)-(\d+)/.exec(String(result)) ?? [];
      const expectedRange = result === 416 ? "bytes */1000" : result === 200 ? undefined : result;
      assertEquals(fields.get("content-range"), expectedRange, value);
      if (result === 416) continue;
      const expected = first === undefined ? BYTES : BYTES.slice(+first, Number(last) + 1);
      assertEquals(content, expected, value);
      assertEquals(fields.get("accept-ranges"), "bytes", value);
      assertEquals(fields.get("content-length"), String(expected.length), value);
    }
  }));

interface Part {
  readonly range: string | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

/** The parts of a multipart/byteranges content (RFC 9110 section 14.6). */
function partsOf({ fields, text }: RawResponse): Part[] {
  const type = fields.get("content-type")!;
  const [, boundary] = /^multipart\/byteranges; ?boundary="?([^"]+)"?$/.exec(type) ?? [];
  assert(boundary !== undefined, type);
  const [before, ...parts] = `\r\n${text}`.split(`\r\n--${boundary}`);
  assertEquals(before!.trim(), "");
  assertMatch(parts.pop()!, /^--\s*$/);
  return parts.map((part) => {
    const [lines, ...content] = part.split("\r\n\r\n");
    return {
      range: /^Content-Range: (.*)$/mi.exec(lines!)?.[1]?.trim(),
      type: /^Content-Type: (.*)$/mi.exec(lines!)?.[1]?.trim(),
      text: content.join("\r\n\r\n"),
    };
  });
}

/** Several ranges, and those that are sent for them. */
const SEVERAL: [value: string, sent: [first: number, last: number][]][] = [
  ["0-9,500-509", [[0, 9], [500, 509]]],
  ["500-509,0-9", [[0, 9], [500, 509]]],
  ["0-0, -1", [[0, 0], [999, 999]]],
  ["0-99,50-149,400-,-1", [[0, 149], [400, 999]]],
  ["0-9,2000-3000,500-509", [[0, 9], [500, 509]]],
  ["0-0,300-300,600-600,900-5000", [[0, 0], [300, 300], [600, 600], [900, 999]]],
];

testWith(
  NEEDS,
  "GET sends several ranges as multipart/byteranges",
  () =>
    withFile(async ({ ask }) => {
      for (const [value, sent] of SEVERAL) {
        const response = await ask("GET /files/a", { headers: [`Range: bytes=${value}`] });
        assertEquals(response.status, 206, value);
        assertEquals(response.fields.has("content-range"), false, value);
        assertEquals(response.fields.get("content-length"), String(response.content.length), value);
        const expected = sent.map(([first, last]) => ({
          range: `bytes ${first}-${last}/1000`,
          type: "application/octet-stream",
          text: toLatin1(BYTES.slice(first, last + 1)),
        }));
        assertEquals(partsOf(response), expected, value);
      }
    }),
);

testWith(
  NEEDS,
  "GET streams several large ranges",
  () =>
    withFileServer(async ({ path, ask }) => {
      const bytes = makeBytes(400_000);
      await Deno.writeFile(`${path}/a`, bytes);
      const response = await ask("GET /files/a", {
        headers: ["Range: bytes=1-150000,200000-399998"],
      });
      assertEquals(response.status, 206);
      const [one, other, ...none] = partsOf(response);
      assertEquals(none, []);
      assert(one!.text === toLatin1(bytes.slice(1, 150_001)), "the first part");
      assert(other!.text === toLatin1(bytes.slice(200_000, 399_999)), "the second part");
    }),
);

testWith(
  NEEDS,
  "GET sends the whole file when more than 50 or tiny ranges are requested",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.writeFile(`${path}/large`, makeBytes(100_000));
      await Deno.writeFile(`${path}/small`, makeBytes(100));
      const ranges = (count: number) => {
        const each = Array.from({ length: count }, (_, index) => `${index * 1000}-${index * 1000}`);
        return `Range: bytes=${each}`;
      };
      const fifty = await ask("GET /files/large", { headers: [ranges(50)] });
      assertEquals([fifty.status, partsOf(fifty).length], [206, 50]);
      const more = await ask("GET /files/large", { headers: [ranges(51)] });
      assertEquals([more.status, more.content.length], [200, 100_000]);
      const tiny = await ask("GET /files/small", { headers: ["Range: bytes=0-0,99-99"] });
      assertEquals([tiny.status, tiny.content.length], [200, 100]);
      assertEquals(tiny.fields.get("content-type"), "application/octet-stream");
    }),
);

testWith(NEEDS, "HEAD ignores Range", () =>
  withFile(async ({ ask }) => {
    for (const value of ["bytes=0-0", "bytes=0-0,500-", "bytes=1000-"]) {
      const { status, fields } = await ask("HEAD /files/a", { headers: [`Range: ${value}`] });
      assertEquals([status, fields.get("content-length")], [200, "1000"], value);
      assertEquals(fields.has("content-range"), false, value);
    }
  }));

testWith(
  NEEDS,
  "GET is 416 when a range of an empty file is requested",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a`, "");
      for (const value of ["bytes=0-", "bytes=0-0", "bytes=-1"]) {
        const { status, fields } = await ask("GET /files/a", { headers: [`Range: ${value}`] });
        assertEquals([status, fields.get("content-range")], [416, "bytes */0"], value);
      }
      for (const line of ["Range: lines=0-", "Accept-Encoding: gzip"]) {
        const { status, fields, content } = await ask("GET /files/a", { headers: [line] });
        assertEquals([status, content.length, fields.get("content-length")], [200, 0, "0"], line);
        assertEquals(fields.has("content-encoding"), false, line);
      }
    }),
);

testWith(
  NEEDS,
  "GET sends a range only when If-Range names the present state",
  () =>
    withFile(async ({ ask }) => {
      const etag = (await ask("GET /files/a")).fields.get("etag")!;
      const cases: [condition: string, status: number][] = [
        [etag, 206],
        [SAME, 206],
        ["Friday, 20-Nov-20 09:00:00 GMT", 206],
        ["Fri Nov 20 09:00:00 2020", 206],
        [`W/${etag}`, 200],
        ['"stale"', 200],
        [`"stale", ${etag}`, 200],
        [EARLIER, 200],
        [LATER, 200],
        ["*", 200],
        ["", 200],
        ["yesterday", 200],
      ];
      for (const [condition, status] of cases) {
        const lines = ["Range: bytes=0-0", `If-Range: ${condition}`];
        const response = await ask("GET /files/a", { headers: lines });
        assertEquals(response.status, status, condition);
        assertEquals(response.content.length, status === 206 ? 1 : 1000, condition);
      }
      const past = await ask("GET /files/a", {
        headers: ["Range: bytes=1000-", 'If-Range: "stale"'],
      });
      assertEquals([past.status, past.content.length], [200, 1000]);
    }),
);

testWith(NEEDS, "GET does not compress ranges", () =>
  withFile(async ({ path, ask }) => {
    await Deno.writeTextFile(`${path}/a.gz`, "precompressed");
    for (const value of ["bytes=0-9", "bytes=0-9,500-509"]) {
      const { status, fields, content } = await ask("GET /files/a", {
        headers: [`Range: ${value}`, "Accept-Encoding: gzip, br"],
      });
      assertEquals([status, fields.has("content-encoding")], [206, false], value);
      assertEquals(fields.get("etag"), (await ask("GET /files/a")).fields.get("etag"), value);
      assert(toLatin1(content).includes(toLatin1(BYTES.slice(0, 10))), value);
    }
  }));
