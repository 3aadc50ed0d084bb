import { assert, assertEquals } from "@std/assert";
import { STATUS_CODES } from "node:http";
import { reasonPhrase } from "../../lib/http/status.ts";

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
