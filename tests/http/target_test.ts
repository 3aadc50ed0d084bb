import { assertEquals, assertThrows } from "@std/assert";
import { StatusError } from "../../lib/http/status.ts";
import { decodePath, parseTarget } from "../../lib/http/target.ts";

Deno.test("parseTarget() says what is wrong with an escape", () => {
  const malformed = ["/%", "/%a", "/%zz", "/a%2", "/%%41", "/%ff%z"];
  const notUtf8 = ["/%ff", "/%abc", "/%c3", "/%c3%28", "/%ed%a0%80"];
  for (const path of malformed) {
    assertThrows(() => parseTarget("GET", path), StatusError, "is no percent-encoding", path);
  }
  for (const path of notUtf8) {
    assertThrows(() => parseTarget("GET", path), StatusError, "is not UTF-8", path);
  }
  assertEquals(decodePath("/%c3%a9%2F"), "/é/");
});
