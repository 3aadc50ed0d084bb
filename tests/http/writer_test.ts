import { assertEquals, assertThrows } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import type { HttpResponse } from "../../lib/http/message.ts";
import {
  encodeChunk,
  HeadComposer,
  joinHead,
  responseFraming,
  writeLatin1,
} from "../../lib/http/writer.ts";
import { toLatin1 } from "../support/raw_client.ts";

const DATE = "Fri, 20 Nov 2026 09:00:00 GMT";

const compose = (response: HttpResponse, minorVersion: 0 | 1 = 1, closes = false) =>
  toLatin1(joinHead(
    composer.compose({ minorVersion }, response, {
      date: DATE,
      framing: { type: "length", length: 3 },
      closes,
    }),
    new Uint8Array(0),
  ));

/** One for all tests: what it makes never depends on what it has made before. */
const composer = new HeadComposer();

Deno.test("HeadComposer.compose() writes status line, fields, framing and persistence", () => {
  assertEquals(
    compose({
      status: 200,
      fields: { "Content-Type": "text/plain", "Link": ["<a>", "<b>"] },
    }),
    `HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nContent-Type: text/plain\r\nLink: <a>\r\nLink: <b>\r\n` +
      "Content-Length: 3\r\n\r\n",
  );
  assertEquals(
    compose({ status: 299, isDateless: true }),
    "HTTP/1.1 299 \r\nContent-Length: 3\r\n\r\n",
  );
});

Deno.test("HeadComposer.compose() tells an HTTP/1.0 client that the connection persists, others that it does not", () => {
  const lastField = (head: string) => head.split("\r\n").at(-3);
  assertEquals(
    lastField(compose({ status: 200 }, 0)),
    "Connection: keep-alive",
  );
  assertEquals(
    lastField(compose({ status: 200 }, 0, true)),
    "Connection: close",
  );
  assertEquals(
    lastField(compose({ status: 200 }, 1, true)),
    "Connection: close",
  );
  assertEquals(lastField(compose({ status: 200 }, 1)), "Content-Length: 3");
});

Deno.test("HeadComposer.compose() throws where a field could break out of its line or of the framing", () => {
  const bad: Record<string, string>[] = [
    { "X-A": "a\r\nSet-Cookie: b" },
    { "X-A": "a\n" },
    { "X-A": "a\0" },
    { "X-A": "\u0100" },
    { "X-A\r\nX-B": "a" },
    { "X A": "a" },
    { "": "a" },
    { "Content-Length": "3" },
    { "content-length": "3" },
    { "Transfer-Encoding": "chunked" },
    { "Connection": "close" },
    { "Keep-Alive": "timeout=5" },
    { "Date": DATE },
  ];
  for (const fields of bad) {
    assertThrows(
      () => compose({ status: 200, fields }),
      TypeError,
      "",
      JSON.stringify(fields),
    );
  }
});

Deno.test("HeadComposer.compose() throws for a status that a response cannot have", () => {
  for (const status of [0, 99, 100, 101, 199, 600, 1000, 200.5, NaN, -200]) {
    assertThrows(() => compose({ status }), TypeError);
  }
});

Deno.test("responseFraming() never chunks towards HTTP/1.0, and gives 204 and 304 no length", () => {
  assertEquals(responseFraming(1, 200, 3), { type: "length", length: 3 });
  assertEquals(responseFraming(0, 200, 3), { type: "length", length: 3 });
  assertEquals(responseFraming(1, 200, null), { type: "chunked" });
  assertEquals(responseFraming(0, 200, null), { type: "until close" });
  for (const status of [204, 304]) {
    assertEquals(responseFraming(1, status, 0), { type: "none" });
    assertEquals(responseFraming(1, status, null), { type: "none" });
  }
});

Deno.test("encodeChunk() and joinHead() lay octets out as the grammar has them", () => {
  const data = new TextEncoder().encode("0123456789abcdef");
  assertEquals(
    new TextDecoder().decode(encodeChunk(data)),
    "10\r\n0123456789abcdef\r\n",
  );
  assertEquals(
    joinHead({ shared: Uint8Array.of(0x63), own: "af\xe9" }, Uint8Array.of(1)),
    Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 1),
  );
});

/** A field line by the rules, or null for what must not be sent. */
function lineOf(name: string, value: string): string | null {
  const isOwn = /^(connection|content-length|date|keep-alive|transfer-encoding)$/i.test(name);
  const isSound = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\t -~\x80-\xff]*$/.test(value);
  return isOwn || !isSound ? null : `${name}: ${value}\r\n`;
}

Deno.test("HeadComposer.compose() writes each field as if it had written none before", () => {
  const names = fc.constantFrom(
    ..."X-A x-a X-B Vary Date dAtE Connection CONNECTION content-length Keep-Alive keep-alivE"
      .split(" "),
    "transfer-ENCODING",
    "__proto__",
    "constructor",
    "X A",
    "X-A:",
    "X-A\r\nX-B",
    "",
    "\xe9",
  );
  const values = fc.oneof(
    fc.constantFrom("a", "b", "", "a\r\nX-B: c", "a\n", "a\r", "a\0", "\u0100", "\xe9", " a "),
    fc.constantFrom("l".repeat(256), "m".repeat(257), "l".repeat(255) + "\n", "\ud800"),
    fc.string({ maxLength: 3 }),
  );
  const lines = fc.array(fc.tuple(names, fc.oneof(values, fc.array(values, { maxLength: 3 }))), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.array(lines, { maxLength: 5 }), (responses) => {
      for (const lines of responses) {
        const fields: Record<string, string | string[]> = Object.fromEntries(lines);
        const expected = Object.entries(fields)
          .flatMap(([name, value]) => [value].flat().map((each) => lineOf(name, each)));
        const send = () => compose({ status: 200, fields, isDateless: true });
        if (expected.includes(null)) assertThrows(send, TypeError);
        else {
          const head = `HTTP/1.1 200 OK\r\n${expected.join("")}Content-Length: 3\r\n\r\n`;
          assertEquals(send(), head);
          const frozen = Object.freeze(fields);
          assertEquals([send(), send()], [head, head]);
          for (const value of Object.values(frozen)) Object.freeze(value);
          assertEquals([send(), send()], [head, head]);
          const other = compose({ status: 404, fields: frozen });
          assertEquals(other, head.replace("200 OK", `404 Not Found\r\nDate: ${DATE}`));
          assertEquals(send(), head);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("writeLatin1() writes each character as one octet and nothing behind them", () => {
  for (
    const text of ["", "a", "\xe9", "a".repeat(100), `${"a".repeat(99)}\xe9`, "\xff".repeat(100)]
  ) {
    const into = new Uint8Array(text.length + 4).fill(7);
    writeLatin1(text, into, 2);
    const octets = Array.from(text, (character) => character.charCodeAt(0));
    assertEquals([...into], [7, 7, ...octets, 7, 7]);
  }
});
