// Sequences of heads on one connection: the parser gives the same events for a head whatever heads
// came before it, and however the octets are cut into reads.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { DEFAULT_MESSAGE_LIMITS, type MessageLimits } from "../../lib/http/limits.ts";
import type { RequestHead } from "../../lib/http/message.ts";
import { RequestParser } from "../../lib/http/parser.ts";
import { StatusError } from "../../lib/http/status.ts";
import { fromLatin1, toLatin1 } from "../support/raw_client.ts";

/** A message: its head, which may have empty lines before it, and its content as sent. */
interface Message {
  readonly head: string;
  readonly content: string;
}

/** Records the events of one parser, with all properties of a head. */
class Recorder {
  readonly events: unknown[] = [];
  readonly #parser: RequestParser;

  constructor(limits: MessageLimits) {
    this.#parser = new RequestParser(limits);
  }

  /** Parses octets. Returns whether the parser has found no error. */
  parse(octets: Uint8Array): boolean {
    try {
      this.#parser.push(octets);
      for (let event = this.#parser.next(); event !== null; event = this.#parser.next()) {
        if (event.type === "head") {
          this.events.push({ ...plain(event.head), line: this.#parser.requestLine });
        } else if (event.type === "content") this.#addContent(toLatin1(event.data));
        else this.events.push("end");
      }
      return true;
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.events.push([error.status, error.message, this.#parser.requestLine]);
      return false;
    }
  }

  /** Joins the pieces of one content: they depend on how it was cut. */
  #addContent(text: string): void {
    const last = this.events.at(-1);
    if (typeof last === "string" && last !== "end") {
      this.events[this.events.length - 1] = last + text;
    } else {
      this.events.push(` ${text}`);
    }
  }
}

const plain = (head: RequestHead) => ({ ...head, fields: [...head.fields] });

/** The events of messages, each parsed by a parser of its own, up to the first error. */
function parseApart(messages: readonly Message[], limits: MessageLimits): unknown[] {
  const events: unknown[] = [];
  for (const { head, content } of messages) {
    const recorder = new Recorder(limits);
    const goesOn = recorder.parse(fromLatin1(head + content));
    events.push(...recorder.events);
    if (!goesOn) break;
  }
  return events;
}

/** The events of octets that one parser receives in pieces, up to the first error. */
function parseTogether(pieces: Iterable<Uint8Array>, limits: MessageLimits): unknown[] {
  const recorder = new Recorder(limits);
  for (const piece of pieces) {
    if (!recorder.parse(piece)) break;
  }
  return recorder.events;
}

const octetsOf = (messages: readonly Message[]): Uint8Array =>
  fromLatin1(messages.map(({ head, content }) => head + content).join(""));

/** The most places at which octets are cut in two. */
const MAX_SPLITS = 97;

function checkSplits(messages: readonly Message[], limits = DEFAULT_MESSAGE_LIMITS): void {
  const expected = parseApart(messages, limits);
  const octets = octetsOf(messages);
  assertEquals(parseTogether([octets], limits), expected, "whole");
  const each = messages.map((message) => octetsOf([message]));
  assertEquals(parseTogether(each, limits), expected, "one by one");
  const single = Array.from(octets, (octet) => Uint8Array.of(octet));
  assertEquals(parseTogether(single, limits), expected, "octet by octet");
  const step = Math.ceil(octets.length / MAX_SPLITS);
  for (let at = 1; at < octets.length; at += step) {
    const pieces = [octets.subarray(0, at), octets.subarray(at)];
    assertEquals(parseTogether(pieces, limits), expected, `split at ${at}`);
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

/** Valid messages, of so few parts that most of them repeat. */
const valid = fc.tuple(
  fc.constantFrom(...REQUEST_LINES),
  fc.constantFrom(...SECTIONS),
  fc.constantFrom("", "", "", "\r\n", "\r\n\r\n"),
).filter(([line, [fields]]) => !(line.endsWith("1.0") && fields.includes("Transfer"))).map((
  [line, [fields, content], before],
): Message => ({ head: `${before}${line}\r\n${fields}\r\n`, content }));

/** A change of one octet of a head: it is replaced, removed or doubled. */
const change = fc.tuple(
  fc.nat(),
  fc.nat(2),
  fc.constantFrom(..."\0\t\r\n :;,/019aAhHxX\x7f\x80\xff"),
);

function mutate(
  { head, content }: Message,
  [place, kind, octet]: [number, number, string],
): Message {
  // One change in three is near the end.
  const at = place % 3 === 0 ? head.length - 1 - place % 7 : place % head.length;
  const instead = [octet, "", head[at]! + head[at]!][kind]!;
  return { head: head.slice(0, at) + instead + head.slice(at + 1), content };
}

/** A few messages in any order, and one more that differs from the last in one octet. */
const sequences = fc.tuple(
  fc.array(valid, { minLength: 1, maxLength: 3 }),
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

Deno.test("RequestParser parses a head the same, whatever heads came before it", () => {
  fc.assert(
    fc.property(
      sequences,
      limits,
      fc.array(fc.nat(), { maxLength: 6 }),
      (messages, limits, places) => {
        const expected = parseApart(messages, limits);
        const octets = octetsOf(messages);
        assertEquals(parseTogether([octets], limits), expected);
        const cuts = places.map((place) => place % (octets.length + 1)).sort((a, b) => a - b);
        const pieces = [0, ...cuts].map((start, index) => octets.slice(start, cuts[index]));
        assertEquals(parseTogether(pieces, limits), expected);
      },
    ),
    { numRuns: 2500 },
  );
});

const head = (line: string, ...lines: string[]): string => [line, ...lines, "", ""].join("\r\n");
const bare = (text: string): Message => ({ head: text, content: "" });
const A = head("GET /a HTTP/1.1", "Host: h", "X: 1");

/** Sequences of heads by what is special about the last of them. */
const SEQUENCES: [name: string, messages: Message[]][] = [
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
  ["has empty lines before it each time", Array(4).fill(bare("\r\n" + A))],
  ["has too many empty lines before it", [A, A, "\r\n".repeat(5) + A].map(bare)],
  ["has no fields", Array(4).fill(bare("GET / HTTP/1.0\r\n\r\n"))],
  ["has no fields where others had", [A, A, "GET /a HTTP/1.0\r\n\r\n", A].map(bare)],
  [
    "has content",
    Array(4).fill({
      head: head("POST /a HTTP/1.1", "Host: h", "Content-Length: 4"),
      content: "GET ",
    }),
  ],
  [
    "has the octets of another head as content",
    Array(4).fill({
      head: head("POST /a HTTP/1.1", "Host: h", `Content-Length: ${A.length}`),
      content: A,
    }),
  ],
  [
    "has chunks and trailers that look like its fields",
    Array(4).fill({
      head: head("POST /a HTTP/1.1", "Host: h", "Transfer-Encoding: chunked"),
      content: "1\r\nx\r\n0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    }),
  ],
  ["is about 2048 octets long", [A, A, ...large(2048), ...large(2047), A].map(bare)],
  ["is Latin-1", Array(4).fill(bare(head("GET /a HTTP/1.1", "Host: h", "X: \x80\xe9\xff")))],
  [
    "has an ASCII octet in the place of a Latin-1 one",
    [..."\xe9\xe9iiii\xe9"].map((octet) => bare(head("GET /a HTTP/1.1", "Host: h", `X: ${octet}`))),
  ],
];

/** Heads of about this length. */
function large(length: number): string[] {
  const heads = [-1, 0, 1, 1, 0, 0, -1].map((more) => {
    const start = "GET /a HTTP/1.1\r\nHost: h\r\nX: ";
    return `${start}${"x".repeat(length + more - start.length - 4)}\r\n\r\n`;
  });
  return [...heads, ...heads.map((each) => each.replace("/a", "/b"))];
}

for (const [name, messages] of SEQUENCES) {
  Deno.test(`RequestParser parses the same a head that ${name}`, () => {
    checkSplits(messages);
  });
}

Deno.test("RequestParser applies its limits to a repeated head", () => {
  const content = { head: head("POST / HTTP/1.1", "Host: h", "Content-Length: 3"), content: "abc" };
  for (const requestLine of [14, 15, 16, 80]) {
    for (const fieldSection of [27, 28, 29, 80]) {
      const limits = { ...DEFAULT_MESSAGE_LIMITS, requestLine, fieldSection };
      checkSplits([content, content, content], limits);
      checkSplits([content, content, { ...content, head: "\r\n" + content.head }], limits);
    }
  }
  const small = { ...DEFAULT_MESSAGE_LIMITS, content: 2 };
  assert(!JSON.stringify(parseApart([content], small)).includes("abc"));
});

Deno.test("RequestParser parses a repeated head that arrives in two reads", () => {
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

Deno.test("RequestParser refuses the end of a connection within a repeated head", () => {
  for (let at = 1; at < A.length; at++) {
    const parser = new RequestParser();
    parser.push(fromLatin1(A + A + A.slice(0, at)));
    for (let event = parser.next(); event !== null;) event = parser.next();
    parser.finish();
    assertThrows(() => parser.next(), StatusError, "ended within");
  }
});

Deno.test("RequestParser gives fields that cannot be changed", () => {
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
