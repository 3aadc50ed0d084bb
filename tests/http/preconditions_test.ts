// Conditional requests against RFC 9110 section 13, as a table.

import { assertEquals } from "@std/assert";
import { formatDate, parseDate } from "../../lib/http/date.ts";
import { Fields } from "../../lib/http/fields.ts";
import {
  evaluatePreconditions,
  isRangeCurrent,
  type Validators,
  type Verdict,
} from "../../lib/http/preconditions.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const CURRENT: Validators = { etag: '"a,b"', lastModified: Date.UTC(2026, 10, 20, 9, 0, 0, 500) };
const SAME = "Fri, 20 Nov 2026 09:00:00 GMT";
const EARLIER = "Fri, 20 Nov 2026 08:59:59 GMT";
const LATER = "Fri, 20 Nov 2026 09:00:01 GMT";

type Lines = [name: string, value: string][];

/** Fields, and the verdicts for GET and for another method if there is a representation. */
const CASES: [lines: Lines, read: Verdict, write: Verdict][] = [
  [[], "holds", "holds"],

  // If-Match: strong comparison (13.1.1)
  [[["If-Match", "*"]], "holds", "holds"],
  [[["If-Match", '"a,b"']], "holds", "holds"],
  [[["If-Match", '"x", "a,b"']], "holds", "holds"],
  [[["If-Match", '"x"'], ["If-Match", '"a,b"']], "holds", "holds"],
  [[["If-Match", ' , "x",, "a,b" ,']], "holds", "holds"],
  [[["If-Match", '"x"']], "failed", "failed"],
  [[["If-Match", '"a"']], "failed", "failed"],
  [[["If-Match", 'W/"a,b"']], "failed", "failed"],
  [[["If-Match", "a,b"]], "failed", "failed"],
  [[["If-Match", '"a,b']], "failed", "failed"],
  [[["If-Match", ""]], "failed", "failed"],

  // If-None-Match: weak comparison (13.1.2)
  [[["If-None-Match", "*"]], "not modified", "failed"],
  [[["If-None-Match", '"a,b"']], "not modified", "failed"],
  [[["If-None-Match", 'W/"a,b"']], "not modified", "failed"],
  [[["If-None-Match", '"x" , W/"a,b"']], "not modified", "failed"],
  [[["If-None-Match", '"x"']], "holds", "holds"],
  [[["If-None-Match", "a,b"]], "holds", "holds"],
  [[["If-None-Match", 'w/"a,b"']], "holds", "holds"],

  // If-Modified-Since: for reading only (13.1.3)
  [[["If-Modified-Since", SAME]], "not modified", "holds"],
  [[["If-Modified-Since", LATER]], "not modified", "holds"],
  [[["If-Modified-Since", EARLIER]], "holds", "holds"],
  [[["If-Modified-Since", "yesterday"]], "holds", "holds"],
  [[["If-Modified-Since", SAME], ["If-Modified-Since", SAME]], "holds", "holds"],

  // If-Unmodified-Since (13.1.4)
  [[["If-Unmodified-Since", SAME]], "holds", "holds"],
  [[["If-Unmodified-Since", LATER]], "holds", "holds"],
  [[["If-Unmodified-Since", EARLIER]], "failed", "failed"],
  [[["If-Unmodified-Since", "yesterday"]], "holds", "holds"],

  // Precedence (13.2.2)
  [[["If-Match", '"a,b"'], ["If-Unmodified-Since", EARLIER]], "holds", "holds"],
  [[["If-None-Match", '"x"'], ["If-Modified-Since", LATER]], "holds", "holds"],
  [[["If-Match", '"x"'], ["If-None-Match", '"a,b"']], "failed", "failed"],
  [[["If-Match", '"a,b"'], ["If-None-Match", '"a,b"']], "not modified", "failed"],
  [[["If-Unmodified-Since", EARLIER], ["If-None-Match", '"a,b"']], "failed", "failed"],
];

Deno.test("evaluatePreconditions() follows RFC 9110 section 13.2.2", () => {
  for (const [lines, read, write] of CASES) {
    const name = JSON.stringify(lines);
    const fields = new Fields(lines);
    assertEquals(evaluatePreconditions("GET", fields, CURRENT, NOW), read, `GET ${name}`);
    assertEquals(evaluatePreconditions("HEAD", fields, CURRENT, NOW), read, `HEAD ${name}`);
    assertEquals(evaluatePreconditions("PUT", fields, CURRENT, NOW), write, `PUT ${name}`);
  }
});

Deno.test("evaluatePreconditions() evaluates conditions without a representation", () => {
  const cases: [name: string, value: string, verdict: Verdict][] = [
    ["If-Match", "*", "failed"],
    ["If-Match", '"a,b"', "failed"],
    ["If-None-Match", "*", "holds"],
    ["If-None-Match", '"a,b"', "holds"],
    ["If-Unmodified-Since", EARLIER, "holds"],
    ["If-Modified-Since", LATER, "holds"],
  ];
  for (const [name, value, verdict] of cases) {
    const fields = new Fields([[name, value]]);
    assertEquals(evaluatePreconditions("PUT", fields, null, NOW), verdict, `${name}: ${value}`);
  }
});

Deno.test("isRangeCurrent() takes a strong tag or the exact date, and nothing else", () => {
  const cases: [value: string, isCurrent: boolean][] = [
    ['"a,b"', true],
    [SAME, true],
    ['"x"', false],
    ['W/"a,b"', false],
    [EARLIER, false],
    [LATER, false],
    ["a,b", false],
    ["", false],
  ];
  for (const [value, isCurrent] of cases) {
    const fields = new Fields([["If-Range", value]]);
    assertEquals(isRangeCurrent(fields, CURRENT, NOW), isCurrent, value);
  }
  assertEquals(isRangeCurrent(new Fields(), CURRENT, NOW), true);
  const weak = { ...CURRENT, etag: 'W/"a"' };
  assertEquals(isRangeCurrent(new Fields([["If-Range", 'W/"a"']]), weak, NOW), false);
});

Deno.test("parseDate() takes the three formats of RFC 9110 section 5.6.7, and no other", () => {
  const moment = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (
    const text of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    ]
  ) assertEquals(parseDate(text, NOW), moment, text);
  assertEquals(parseDate("Sunday, 06-Nov-76 08:49:37 GMT", NOW), Date.UTC(2076, 10, 6, 8, 49, 37));
  assertEquals(parseDate("Sunday, 06-Nov-77 08:49:37 GMT", NOW), Date.UTC(1977, 10, 6, 8, 49, 37));
  assertEquals(parseDate(formatDate(moment), NOW), moment);
  assertEquals(parseDate("Sat, 29 Feb 2020 00:00:00 GMT", NOW), Date.UTC(2020, 1, 29));
  assertEquals(parseDate("Sat, 31 Dec 2016 23:59:60 GMT", NOW), Date.UTC(2017, 0, 1));
  for (
    const text of [
      "",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 +0000",
      "sun, 06 nov 1994 08:49:37 gmt",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:00 GMT",
      "Sun, 30 Feb 2020 00:00:00 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "1994-11-06T08:49:37Z",
      "784111777",
      " Sun, 06 Nov 1994 08:49:37 GMT",
    ]
  ) assertEquals(parseDate(text, NOW), null, text);
});
