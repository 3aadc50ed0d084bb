// JSON as content of requests and responses.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Content, NO_CONTENT, pieces } from "../../lib/http/content.ts";
import { Fields } from "../../lib/http/fields.ts";
import { json, readJson } from "../../lib/http/json.ts";
import { StatusError } from "../../lib/http/status.ts";

Deno.test("json() gives a response with a value, its type and further fields", () => {
  assertEquals(json({ a: [1, "\u00e9"] }, { status: 201, fields: { "Location": "/1" } }), {
    status: 201,
    fields: { "Content-Type": "application/json", "Location": "/1" },
    content: '{"a":[1,"\u00e9"]}',
  });
  assertEquals(json(null).content, "null");
  assertEquals(json(1, { fields: { "Content-Type": "application/problem+json" } }).fields, {
    "Content-Type": "application/problem+json",
  });
  for (const value of [undefined, () => {}, 1n]) assertThrows(() => json(value), TypeError);
});

function requestWith(type: string | null, text: string | Uint8Array) {
  let piece: Uint8Array | null = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const content: Content = {
    ...NO_CONTENT,
    read() {
      const next = piece;
      piece = null;
      return Promise.resolve(next);
    },
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return { fields: new Fields(type === null ? [] : [["content-type", type]]), content };
}

const TYPES: readonly [type: string | null, isJson: boolean][] = [
  ["application/json", true],
  ["Application/JSON; charset=utf-8", true],
  ["application/problem+json", true],
  ["application/json ;charset=utf-8", true],
  ["application/jsonp", false],
  ["text/plain", false],
  ["text/plain; a=application/json", false],
  ["", false],
  [null, false],
];

for (const [type, isJson] of TYPES) {
  Deno.test(`readJson() ${isJson ? "reads" : "refuses"} the type ${type}`, async () => {
    const read = readJson(requestWith(type, '{"a":1}'));
    if (isJson) assertEquals(await read, { a: 1 });
    else assertEquals((await assertRejects(() => read, StatusError)).status, 415);
  });
}

const BROKEN: readonly [content: string | Uint8Array, status: number][] = [
  ["", 400],
  ["{", 400],
  ["[1] 2", 400],
  [new Uint8Array([0x22, 0xff, 0x22]), 400],
  [`"${"a".repeat(99)}"`, 413],
];

for (const [content, status] of BROKEN) {
  Deno.test(`readJson() refuses ${JSON.stringify(content)} with ${status}`, async () => {
    const read = () => readJson(requestWith("application/json", content), 100);
    assertEquals((await assertRejects(read, StatusError)).status, status);
  });
}
