import { assertEquals, assertThrows } from "@std/assert";
import type { HttpResponse } from "../../lib/http/message.ts";
import { composeHead, encodeChunk, joinHead, responseFraming } from "../../lib/http/writer.ts";

const DATE = "Fri, 20 Nov 2026 09:00:00 GMT";

const compose = (response: HttpResponse, minor: 0 | 1 = 1, closes = false) =>
  composeHead({ minor }, response, {
    date: DATE,
    framing: { type: "length", length: 3 },
    closes,
  });

Deno.test("composeHead() writes status line, fields, framing and persistence", () => {
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

Deno.test("composeHead() tells an HTTP/1.0 client that the connection persists, others that it does not", () => {
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

Deno.test("composeHead() throws where a field could break out of its line or of the framing", () => {
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

Deno.test("composeHead() throws for a status that a response cannot have", () => {
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
    joinHead("caf\xe9", Uint8Array.of(1)),
    Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 1),
  );
});
