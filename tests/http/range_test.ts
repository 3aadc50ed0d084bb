// Range requests against RFC 9110 section 14, as a table.

import { assert, assertEquals } from "@std/assert";
import { contentRange, layOutRanges, selectRanges } from "../../lib/http/range.ts";

const LENGTH = 10_000;

/** The ranges that a value selects of 10,000 octets, as "first-last"; null if it is ignored. */
const CASES: [value: string, selected: string[] | null][] = [
  ["bytes=0-0", ["0-0"]],
  ["bytes=0-499", ["0-499"]],
  ["bytes=500-999", ["500-999"]],
  ["bytes=-500", ["9500-9999"]],
  ["bytes=9500-", ["9500-9999"]],
  ["bytes=0-", ["0-9999"]],
  ["bytes=9999-", ["9999-9999"]],
  ["bytes=0-99999", ["0-9999"]],
  ["bytes=-99999", ["0-9999"]],
  ["bytes=0-99999999999999999999", ["0-9999"]],
  ["Bytes=0-0", ["0-0"]],
  ["bytes= 0-0", ["0-0"]],
  ["bytes=0-0,-1", ["0-0", "9999-9999"]],
  ["bytes=0-0 , ,\t-1,", ["0-0", "9999-9999"]],
  ["bytes=-1,0-0", ["0-0", "9999-9999"]],
  ["bytes=0-99,50-149", ["0-149"]],
  ["bytes=0-99,100-199", ["0-199"]],
  ["bytes=0-99,150-199", ["0-199"]],
  ["bytes=0-99,300-399", ["0-99", "300-399"]],
  ["bytes=0-999,100-199", ["0-999"]],
  ["bytes=0-0,20000-", ["0-0"]],

  ["bytes=10000-", []],
  ["bytes=10000-20000", []],
  ["bytes=99999999999999999999-", []],
  ["bytes=-0", []],
  ["bytes=-0,10000-", []],

  ["octets=0-0", null],
  ["0-0", null],
  ["bytes 0-0", null],
  ["bytes=", null],
  ["bytes=,", null],
  ["bytes=-", null],
  ["bytes=a-b", null],
  ["bytes=1-0", null],
  ["bytes=0-0,1-0", null],
  ["bytes=0", null],
  ["bytes=+0-1", null],
  ["bytes=0x0-0x1", null],
  ["bytes=0 - 1", null],
  ["bytes=--1", null],
  ["bytes=0-0-0", null],
  [
    `bytes=${Array.from({ length: 50 }, (_, each) => `${200 * each}-${200 * each}`)}`,
    Array.from({ length: 50 }, (_, each) => `${200 * each}-${200 * each}`),
  ],
  [`bytes=${Array.from({ length: 51 }, () => "0-0")}`, null],
];

Deno.test("selectRanges() follows RFC 9110 section 14", () => {
  for (const [value, selected] of CASES) {
    const ranges = selectRanges(value, LENGTH)?.map(({ first, last }) => `${first}-${last}`);
    assertEquals(ranges ?? null, selected, value);
  }
});

Deno.test("selectRanges() satisfies no range of an empty representation", () => {
  for (const value of ["bytes=0-", "bytes=0-0", "bytes=-1"]) {
    assertEquals(selectRanges(value, 0), []);
  }
});

Deno.test("selectRanges() reads a value of any length in linear time", () => {
  const start = performance.now();
  assertEquals(selectRanges(`bytes=0-1${" ".repeat(1 << 17)}x`, LENGTH), null);
  assert(performance.now() - start < 5000);
});

Deno.test("layOutRanges() computes the length of the whole", () => {
  const ranges = [{ first: 0, last: 4 }, { first: 100, last: 100 }];
  const { type, parts, tail, length } = layOutRanges(ranges, 200, "text/plain", "B");
  const text = parts.map(({ head, range }) => head + "x".repeat(range.last - range.first + 1));
  assertEquals(type, "multipart/byteranges; boundary=B");
  assertEquals(
    text.join("") + tail,
    "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-4/200\r\n\r\nxxxxx" +
      "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 100-100/200\r\n\r\nx\r\n--B--\r\n",
  );
  assertEquals(length, (text.join("") + tail).length);
});

Deno.test("contentRange() formats a range, or the length alone for a 416", () => {
  assertEquals(contentRange({ first: 1, last: 2 }, 3), "bytes 1-2/3");
  assertEquals(contentRange(null, 3), "bytes */3");
});
