// Properties of the parser for any octets, beside the cases in the tables.

import { assertEquals } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { DEFAULT_MESSAGE_LIMITS } from "../../lib/http/limits.ts";
import { fromLatin1 } from "../support/raw_client.ts";
import { wireCases } from "./cases.ts";
import { parse } from "./parse.ts";

/** Limits so small that random octets exceed them. */
const LIMITS = {
  ...DEFAULT_MESSAGE_LIMITS,
  requestLine: 64,
  fieldSection: 128,
  fieldCount: 4,
  content: 64,
  chunkOverhead: 16,
};

/** Fragments of messages: random octets alone hardly ever form a request line. */
const fragments = fc.constantFrom(
  ..."GET |POST |/|/a|/%41|*|http://h/| HTTP/1.1| HTTP/1.0|\r\n|\r|\n|Host: h\r\n|Host|:| |\t"
    .split("|"),
  ..."Content-Length: 3\r\n|Content-Length: |Transfer-Encoding: chunked\r\n|chunked|gzip, "
    .split("|"),
  ...'Connection: close\r\n|Expect: 100-continue\r\n|0\r\n\r\n|3\r\nabc\r\n|5;a=b\r\n|abc|5|ff|;a|="b"|,'
    .split("|"),
  "\0",
  "\x7f",
  "\x80",
  "\xff",
  "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
);
const messages = fc.array(fragments, { maxLength: 30 }).map((parts) => fromLatin1(parts.join("")));
const anything = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  messages,
  mutations(),
);

/** Wire cases with a few octets changed, removed or added. */
function mutations(): fc.Arbitrary<Uint8Array> {
  const octets = wireCases.filter(({ sent }) => sent.length < 500).map((
    { sent },
  ) => fromLatin1(sent));
  const change = fc.tuple(
    fc.nat(500),
    fc.nat(1),
    fc.uint8Array({ maxLength: 2 }),
  );
  return fc.tuple(
    fc.constantFrom(...octets),
    fc.array(change, { maxLength: 3 }),
  ).map(
    ([original, changes]) => {
      const list = [...original];
      for (const [at, count, added] of changes) {
        list.splice(at % (list.length + 1), count, ...added);
      }
      return Uint8Array.from(list);
    },
  );
}

function cut(octets: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (octets.length + 1)).sort((
    a,
    b,
  ) => a - b);
  return [0, ...sorted].map((start, index) => octets.slice(start, sorted[index] ?? octets.length));
}

Deno.test("RequestParser gives the same events, and no error but StatusError, for any octets and splits", () => {
  fc.assert(
    fc.property(
      anything,
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.boolean(),
      (octets, places, isEnded) => {
        const whole = parse([octets], isEnded, LIMITS);
        assertEquals(parse(cut(octets, places), isEnded, LIMITS), whole);
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("RequestParser finds each request of any well-formed series", () => {
  const content = fc.uint8Array({ maxLength: 40 });
  const series = fc.array(
    fc.tuple(content, fc.array(fc.integer({ min: 1, max: 9 })), fc.boolean()),
    {
      maxLength: 6,
    },
  );
  fc.assert(
    fc.property(
      series,
      fc.array(fc.nat(), { maxLength: 8 }),
      (requests, places) => {
        const sent = requests.map(([octets, sizes, isChunked]) => {
          const text = String.fromCharCode(...octets);
          return "POST /a HTTP/1.1\r\nHost: h\r\n" +
            (isChunked
              ? `Transfer-Encoding: chunked\r\n\r\n${chunks(text, sizes)}`
              : `Content-Length: ${text.length}\r\n\r\n${text}`);
        });
        assertEquals(parse(cut(fromLatin1(sent.join("")), places), true), {
          requests: requests.map(([octets]) => `POST /a ${String.fromCharCode(...octets)}`),
          partial: null,
          refusal: null,
        });
      },
    ),
  );
});

function chunks(text: string, sizes: readonly number[]): string {
  let coded = "";
  let rest = text;
  for (const size of [...sizes, Infinity]) {
    const data = rest.slice(0, size);
    if (data !== "") coded += `${data.length.toString(16)}\r\n${data}\r\n`;
    rest = rest.slice(size);
  }
  return `${coded}0\r\n\r\n`;
}
