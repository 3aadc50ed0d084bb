// What the wire cases do not check of the parser's events: authority, query, persistence,
// expectations, and the sentences of errors.

import { assertEquals, assertThrows } from "@std/assert";
import type { RequestHead } from "../../lib/http/message.ts";
import { RequestParser } from "../../lib/http/parser.ts";
import { StatusError } from "../../lib/http/status.ts";
import { fromLatin1 } from "../support/raw_client.ts";

function headOf(sent: string): RequestHead {
  const parser = new RequestParser();
  parser.push(fromLatin1(sent));
  const event = parser.next();
  if (event?.type !== "head") throw new Error("No head");
  return event.head;
}

Deno.test("RequestParser prefers the authority of the target to that of Host", () => {
  const authority = (line: string) => headOf(`${line}\r\nHost: field:1\r\n\r\n`).authority;
  assertEquals(authority("GET http://target:2/a HTTP/1.1"), "target:2");
  assertEquals(authority("GET /a HTTP/1.1"), "field:1");
  assertEquals(authority("OPTIONS * HTTP/1.1"), "field:1");
  assertEquals(headOf("GET /a HTTP/1.0\r\n\r\n").authority, null);
});

Deno.test("RequestParser splits path and query at the first question mark", () => {
  const parts = (target: string) => {
    const { path, query } = headOf(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    return [path, query];
  };
  assertEquals(parts("/a"), ["/a", null]);
  assertEquals(parts("/a?"), ["/a", ""]);
  assertEquals(parts("/a?b=%zz?c"), ["/a", "b=%zz?c"]);
  assertEquals(parts("http://h?a"), ["/", "a"]);
});

Deno.test("RequestParser finds persistence, expectation and version", () => {
  const features = (version: string, lines: string) => {
    const { minorVersion, isPersistent, expectsContinue } = headOf(
      `GET /a HTTP/${version}\r\nHost: h\r\n${lines}\r\n`,
    );
    return [minorVersion, isPersistent, expectsContinue];
  };
  assertEquals(features("1.1", ""), [1, true, false]);
  assertEquals(features("1.9", "Connection: close\r\nExpect: 100-continue\r\n"), [1, false, true]);
  assertEquals(features("1.0", "Expect: 100-continue\r\n"), [0, false, false]);
  assertEquals(features("1.0", "Connection: keep-alive\r\n"), [0, true, false]);
  assertEquals(features("1.1", "Expect: ,\r\n"), [1, true, false]);
});

Deno.test("RequestParser names the versions that it speaks", () => {
  assertThrows(
    () => headOf("GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
    StatusError,
    "HTTP/1.1 and HTTP/1.0",
  );
});

Deno.test("RequestParser throws its error again at every later call", () => {
  const parser = new RequestParser();
  parser.push(fromLatin1("BAD\r\n"));
  assertThrows(() => parser.next(), StatusError);
  parser.push(fromLatin1("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  assertThrows(() => parser.next(), StatusError);
});
