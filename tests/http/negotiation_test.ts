// Negotiation of media types against RFC 9110 section 12.5.1, as a table.

import { assert, assertEquals } from "@std/assert";
import { negotiateType } from "../../lib/http/negotiation.ts";
import { Fields } from "../../lib/http/fields.ts";

const HTML = "text/html";
const JSON_TYPE = "application/json";
const OFFERED = [HTML, JSON_TYPE] as const;

type Case = readonly [accept: string, type: typeof OFFERED[number]];

function check(cases: readonly Case[]): void {
  for (const [accept, type] of cases) {
    assertEquals(negotiateType(new Fields([["Accept", accept]]), OFFERED), type, accept);
  }
}

Deno.test("negotiateType() chooses the type with the highest weight", () =>
  check([
    [HTML, HTML],
    [JSON_TYPE, JSON_TYPE],
    ["Application/JSON", JSON_TYPE],
    ["text/html, application/json", HTML],
    ["application/json, text/html", HTML],
    ["application/json;q=0.9, text/html;q=0.8", JSON_TYPE],
    ["application/json;q=0.8, text/html;q=0.9", HTML],
    ["application/json;q=0.001, text/html;q=0", JSON_TYPE],
    ["application/json;q=1.000, text/html;q=0.999", JSON_TYPE],
    ["text/html ; q=0.1 ,\tapplication/json ; Q=0.2", JSON_TYPE],
    [", application/json,, ", JSON_TYPE],
    ["application/json;charset=utf-8", JSON_TYPE],
    ["application/json;charset=utf-8;q=0.1, text/html;q=0.2", HTML],
    ["image/png, application/json;q=0.1", JSON_TYPE],
    [
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", // a browser
      HTML,
    ],
  ]));

Deno.test("negotiateType() goes by the most specific range", () =>
  check([
    ["application/*", JSON_TYPE],
    ["text/*", HTML],
    ["text/html;q=0, */*", JSON_TYPE],
    ["*/*, text/html;q=0.5", JSON_TYPE],
    ["text/*;q=0.1, */*;q=0.2", JSON_TYPE],
    ["text/html;q=0.1, text/*, */*;q=0.2", JSON_TYPE],
    ["*/*;q=0.1, application/*;q=0.2", JSON_TYPE],
    ["application/json;q=0.1, application/*, text/*;q=0.2", HTML],
    ["text/html;q=0.5, application/json", JSON_TYPE],
  ]));

Deno.test("negotiateType() takes the first if the client has no preference, or accepts none", () => {
  assertEquals(negotiateType(new Fields(), OFFERED), HTML);
  assertEquals(negotiateType(new Fields([["Accept", JSON_TYPE]]), [HTML]), HTML);
  check([
    ["", HTML],
    ["*/*", HTML],
    ["*/*;q=0.1", HTML],
    ["image/png", HTML],
    ["text/html;q=0", HTML],
    ["text/html;q=0, application/json;q=0", HTML],
    ["*/*;q=0", HTML],
    ["json", HTML],
    ["text/htm, application/jso", HTML],
    ["*/json", HTML],
  ]);
});

Deno.test("negotiateType() reads several lines as one list", () => {
  const fields = new Fields([["Accept", "text/html;q=0.5"], ["Accept", JSON_TYPE]]);
  assertEquals(negotiateType(fields, OFFERED), JSON_TYPE);
});

Deno.test("negotiateType() ignores members with a malformed weight", () =>
  check([
    ["application/json;q=1.5, text/html", HTML],
    ["application/json;q=2, text/html;q=0.5", HTML],
    ["application/json;q=, text/html;q=0.5", HTML],
    ["application/json;q=0.1234, text/html;q=0.5", HTML],
    ["application/json;q=-1, text/html;q=0.5", HTML],
  ]));

Deno.test("negotiateType() does not match a range with parameters to a type without them", () =>
  check([
    ["text/html;level=1;q=0.1, text/html;q=0.9, application/json;q=0.5", HTML],
    ["application/json;q=0.1, text/html;q=0.5, application/json;v=2", HTML],
  ]));

Deno.test("negotiateType() does not end a member within a quoted parameter", () =>
  check([
    ['application/json;x="a,b";q=0.1, text/html;q=0.5', HTML],
    ['image/png;x=",application/json,", text/html;q=0.5', HTML],
  ]));

Deno.test("negotiateType() extends an unterminated quoted parameter to the end of the list", () =>
  check([
    ['text/html;q=0.5, image/png;x="a, application/json', HTML],
    ['text/html;q=0.5, image/png;x="a\\", application/json', HTML],
    ['text/html;q=0.5, image/png;x="a\\', HTML],
  ]));

Deno.test("negotiateType() reads a list of any length in linear time", () => {
  for (
    const list of [`"${'\\"'.repeat(1 << 16)}`, `"${'\\"'.repeat(1 << 16)}\\`, '"'.repeat(1 << 17)]
  ) {
    const start = performance.now();
    assertEquals(negotiateType(new Fields([["Accept", list]]), OFFERED), HTML);
    assert(performance.now() - start < 5000);
  }
});
