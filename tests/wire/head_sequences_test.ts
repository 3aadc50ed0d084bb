// Heads that resemble the last one: what a parser makes of a head never depends on which heads it
// has seen before, however like they are and however they are cut on their way.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from "../../lib/http/limits.ts";
import { RequestParser } from "../../lib/http/parser.ts";
import { StatusError } from "../../lib/http/status.ts";
import { fromLatin1 } from "../support/raw_client.ts";
import { type Message, octetsOf, readApart, readTogether } from "./told_heads.ts";

/** Where octets longer than this are cut, it is at a sample of places. */
const SAMPLES = 97;

function checkEverySplit(messages: readonly Message[], limits = DEFAULT_MESSAGE_LIMITS): void {
  const expected = readApart(messages, limits);
  const octets = octetsOf(messages);
  assertEquals(readTogether([octets], limits), expected, "whole");
  const each = messages.map((message) => octetsOf([message]));
  assertEquals(readTogether(each, limits), expected, "one by one");
  const single = Array.from(octets, (octet) => Uint8Array.of(octet));
  assertEquals(readTogether(single, limits), expected, "octet by octet");
  const step = Math.ceil(octets.length / SAMPLES);
  for (let at = 1; at < octets.length; at += step) {
    const pieces = [octets.subarray(0, at), octets.subarray(at)];
    assertEquals(readTogether(pieces, limits), expected, `split at ${at}`);
  }
}

const REQUEST_LINES = [
  "GET / HTTP/1.1",
  "GET /a?b HTTP/1.1",
  "GET / HTTP/1.0",
  "GET / HTTP/1.9",
  "HEAD / HTTP/1.1",
  "POST /a HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "GET http://other/ HTTP/1.1",
];

const SECTIONS: [fields: string, content: string][] = [
  ["Host: h\r\n", ""],
  ["Host: h\r\nA: b\r\nA: c\r\n", ""],
  ["Host: h\r\nA: caf\xe9\r\n", ""],
  ["host:h\t \r\nConnection: close\r\n", ""],
  ["Host: h\r\nConnection: keep-alive\r\n", ""],
  ["Host: h\r\nContent-Length: 3\r\n", "abc"],
  ["Host: h\r\nContent-Length: 17\r\n", "GET / HTTP/1.1\r\n\r"],
  ["Host: h\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nHost: h\r\n\r\n"],
  ["Host: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", "x"],
  [`Host: h\r\nLong: ${"l".repeat(2100)}\r\n`, ""],
  [`Host: h\r\nLong: ${"m".repeat(300)}\r\n`, ""],
];

/** Heads that go well, each with its content: some of a few, so that most come again. */
const good = fc.tuple(
  fc.constantFrom(...REQUEST_LINES),
  fc.constantFrom(...SECTIONS),
  fc.constantFrom("", "", "", "\r\n", "\r\n\r\n"),
).filter(([line, [fields]]) => !(line.endsWith("1.0") && fields.includes("Transfer"))).map((
  [line, [fields, content], before],
): Message => ({ head: `${before}${line}\r\n${fields}\r\n`, content }));

/** One octet of a head is another one, is left out or doubled. */
const change = fc.tuple(
  fc.nat(),
  fc.nat(2),
  fc.constantFrom(..."\0\t\r\n :;,/019aAhHxX\x7f\x80\xff"),
);

function mutate(
  { head, content }: Message,
  [place, kind, octet]: [number, number, string],
): Message {
  // Whoever looks for mistakes begins at the end as often as anywhere.
  const at = place % 3 === 0 ? head.length - 1 - place % 7 : place % head.length;
  const instead = [octet, "", head[at]! + head[at]!][kind]!;
  return { head: head.slice(0, at) + instead + head.slice(at + 1), content };
}

/** A few heads again and again, and at the end one that is almost the last one. */
const series = fc.tuple(
  fc.array(good, { minLength: 1, maxLength: 3 }),
  fc.array(fc.nat(), { minLength: 2, maxLength: 8 }),
  fc.option(change),
).map(([heads, order, change]): Message[] => {
  const messages = order.map((index) => heads[index % heads.length]!);
  return change === null ? messages : [...messages, mutate(messages.at(-1)!, change)];
});

const limits = fc.constantFrom<MessageLimits>(
  DEFAULT_MESSAGE_LIMITS,
  { ...DEFAULT_MESSAGE_LIMITS, requestLine: 14, fieldSection: 40, fieldCount: 2, content: 3 },
  { ...DEFAULT_MESSAGE_LIMITS, requestLine: 16, fieldSection: 9 },
  { ...DEFAULT_MESSAGE_LIMITS, requestLine: 40, fieldSection: 320, fieldCount: 3, content: 16 },
);

Deno.test("RequestParser makes the same of a head, whatever heads came before it", () => {
  fc.assert(
    fc.property(
      series,
      limits,
      fc.array(fc.nat(), { maxLength: 6 }),
      (messages, limits, places) => {
        const expected = readApart(messages, limits);
        const octets = octetsOf(messages);
        assertEquals(readTogether([octets], limits), expected);
        const cuts = places.map((place) => place % (octets.length + 1)).sort((a, b) => a - b);
        const pieces = [0, ...cuts].map((start, index) => octets.slice(start, cuts[index]));
        assertEquals(readTogether(pieces, limits), expected);
      },
    ),
    { numRuns: 2500 },
  );
});

const head = (line: string, ...lines: string[]): string => [line, ...lines, "", ""].join("\r\n");
const bare = (text: string): Message => ({ head: text, content: "" });
const A = head("GET /a HTTP/1.1", "Host: h", "X: 1");

/** Series of heads by what is special about the last of them. */
const SERIES: [name: string, messages: Message[]][] = [
  ["is the same", [A, A, A, A].map(bare)],
  ["has another request line", [A, A, A.replace("/a", "/b"), A, A.replace("GET", "PUT")].map(bare)],
  ["has another last octet", [A, A, A.slice(0, -1) + "\t"].map(bare)],
  ["has another last value", [A, A, A.replace("X: 1", "X: 2"), A].map(bare)],
  ["has a bare CR at its end", [A, A, A.slice(0, -2) + "\rG"].map(bare)],
  [
    "has another minor version",
    [A, A, A.replace("1.1", "1.0"), A, A.replace("1.1", "1.2")].map(bare),
  ],
  ["has another major version", [A, A, A.replace("1.1", "2.1")].map(bare)],
  ["has another first octet", [A, A, "P" + A.slice(1)].map(bare)],
  ["is longer at its end", [A, A, head("GET /a HTTP/1.1", "Host: h", "X: 1", "Y: 2"), A].map(bare)],
  ["is shorter at its end", [A, A, head("GET /a HTTP/1.1", "Host: h"), A].map(bare)],
  ["is longer at its start", [A, A, "X" + A, "X" + A, A].map(bare)],
  ["is shorter at its start", [A, A, A.slice(1), A].map(bare)],
  ["is shorter in its field section", [A, A, head("GET /a HTTP/1.1", "X: 1")].map(bare)],
  ["has fields but no Host, as 1.0 may", [
    bare(head("GET / HTTP/1.0", "X: 1")),
    bare(head("GET / HTTP/1.0", "X: 1")),
    bare(head("GET / HTTP/1.1", "X: 1")),
  ]],
  ["has empty lines before it", [A, A, "\r\n" + A, "\r\n\r\n" + A, "\r\n" + A, A].map(bare)],
  ["has empty lines before it from the first on", Array(4).fill(bare("\r\n" + A))],
  ["has too many empty lines before it", [A, A, "\r\n".repeat(5) + A].map(bare)],
  ["has no fields", Array(4).fill(bare("GET / HTTP/1.0\r\n\r\n"))],
  ["has no fields where others had", [A, A, "GET /a HTTP/1.0\r\n\r\n", A].map(bare)],
  [
    "brings content",
    Array(4).fill({
      head: head("POST /a HTTP/1.1", "Host: h", "Content-Length: 4"),
      content: "GET ",
    }),
  ],
  [
    "brings its own octets as content",
    Array(4).fill({
      head: head("POST /a HTTP/1.1", "Host: h", `Content-Length: ${A.length}`),
      content: A,
    }),
  ],
  [
    "brings chunks and trailers that look like its fields",
    Array(4).fill({
      head: head("POST /a HTTP/1.1", "Host: h", "Transfer-Encoding: chunked"),
      content: "1\r\nx\r\n0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    }),
  ],
  ["is larger than what is remembered", [A, A, ...large(2048), ...large(2047), A].map(bare)],
  ["is Latin-1", Array(4).fill(bare(head("GET /a HTTP/1.1", "Host: h", "X: \x80\xe9\xff")))],
  [
    "has an ASCII octet in the place of a Latin-1 one",
    [..."\xe9\xe9iiii\xe9"].map((octet) => bare(head("GET /a HTTP/1.1", "Host: h", `X: ${octet}`))),
  ],
];

/** Heads about as long as what is remembered at most. */
function large(length: number): string[] {
  const heads = [-1, 0, 1, 1, 0, 0, -1].map((more) => {
    const start = "GET /a HTTP/1.1\r\nHost: h\r\nX: ";
    return `${start}${"x".repeat(length + more - start.length - 4)}\r\n\r\n`;
  });
  return [...heads, ...heads.map((each) => each.replace("/a", "/b"))];
}

for (const [name, messages] of SERIES) {
  Deno.test(`RequestParser makes the same of a head that ${name}`, () => {
    checkEverySplit(messages);
  });
}

Deno.test("RequestParser holds a head that it knows against limits all the same", () => {
  const content = { head: head("POST / HTTP/1.1", "Host: h", "Content-Length: 3"), content: "abc" };
  for (const requestLine of [14, 15, 16, 80]) {
    for (const fieldSection of [27, 28, 29, 80]) {
      const limits = { ...DEFAULT_MESSAGE_LIMITS, requestLine, fieldSection };
      checkEverySplit([content, content, content], limits);
      checkEverySplit([content, content, { ...content, head: "\r\n" + content.head }], limits);
    }
  }
  const small = { ...DEFAULT_MESSAGE_LIMITS, content: 2 };
  assert(!JSON.stringify(readApart([content], small)).includes("abc"));
});

Deno.test("RequestParser finds a third head that is the same and arrives in two reads", () => {
  for (let at = 1; at < A.length; at++) {
    const parser = new RequestParser();
    for (const piece of [A, A, A.slice(0, at)]) parser.push(fromLatin1(piece));
    for (const type of ["head", "end", "head", "end"]) assertEquals(parser.next()?.type, type);
    assertEquals(parser.next(), null, `cut at ${at}`);
    parser.push(fromLatin1(A.slice(at)));
    const event = parser.next();
    assert(event?.type === "head" && event.head.fields.get("x") === "1", `cut at ${at}`);
    assertEquals(parser.requestLine, "GET /a HTTP/1.1");
  }
});

Deno.test("RequestParser ends within a head that it knows as within any", () => {
  for (let at = 1; at < A.length; at++) {
    const parser = new RequestParser();
    parser.push(fromLatin1(A + A + A.slice(0, at)));
    for (let event = parser.next(); event !== null;) event = parser.next();
    parser.finish();
    assertThrows(() => parser.next(), StatusError, "ended within");
  }
});

Deno.test("RequestParser gives fields that cannot be changed from outside", () => {
  const parser = new RequestParser();
  parser.push(fromLatin1(A));
  const event = parser.next();
  assert(event?.type === "head");
  const { fields } = event.head;
  fields.lines("X").push("2");
  for (const line of fields) (line as [string, string])[1] = "changed";
  assertEquals([...fields], [["Host", "h"], ["X", "1"]]);
  assertEquals(fields.get("X"), "1");
});
