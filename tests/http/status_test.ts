import { assert, assertEquals, assertThrows } from "@std/assert";
import { STATUS_CODES } from "node:http";
import { reasonPhrase, StatusError } from "../../lib/http/status.ts";

/** RFC 9110 gave these two another phrase than the older RFCs that Node follows. */
const RENAMED: Readonly<Record<number, string>> = {
  413: "Content Too Large",
  422: "Unprocessable Content",
};

Deno.test("reasonPhrase() gives the phrase of RFC 9110, or an empty text", () => {
  let count = 0;
  for (let status = 100; status < 600; status++) {
    const phrase = reasonPhrase(status);
    if (phrase === "") continue;
    count++;
    assertEquals(phrase, RENAMED[status] ?? STATUS_CODES[status], `${status}`);
  }
  assert(count > 35, `${count} phrases`);
  assertEquals(reasonPhrase(299), "");
});

for (const status of [0, 200, 399, 600, 404.5, NaN]) {
  Deno.test(`StatusError refuses the status ${status}`, () => {
    assertThrows(() => new StatusError(status, "x"), RangeError, `${status}`);
  });
}
