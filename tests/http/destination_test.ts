// Destination, Overwrite and Depth (RFC 4918 section 10).

import { assertEquals } from "@std/assert";
import { allowsOverwrite, destinationOf, isDeep } from "../../lib/http/destination.ts";
import { Fields } from "../../lib/http/fields.ts";
import { StatusError } from "../../lib/http/status.ts";

/** What a function returns, or the status that it throws. */
function outcome<T>(run: () => T): T | number {
  try {
    return run();
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    throw error;
  }
}

const DESTINATIONS: readonly [value: string | null, authority: string | null, string | number][] = [
  ["/b", "h", "/b"],
  ["/a%20b/", null, "/a%20b/"],
  ["http://h/b", "h", "/b"],
  ["https://H:443/b", "h", "/b"],
  ["http://h:80/b", "h", "/b"],
  ["http://h/b", "h:80", "/b"],
  ["http://[::1]:8000/b", "[::1]:8000", "/b"],
  ["http://h", "h", "/"],
  ["http://h:81/b", "h", 502],
  ["http://other/b", "h", 502],
  ["http://h/b", null, 502],
  [null, "h", 400],
  ["", "h", 400],
  ["b", "h", 400],
  ["//h/b", "h", 400],
  ["/b?x", "h", 400],
  ["/b#x", "h", 400],
  ["http://h/b?x", "h", 400],
  ["http://u@h/b", "h", 400],
  ["ftp://h/b", "h", 400],
  ["/\xe5", "h", 400],
  ["/a b", "h", 400],
];

Deno.test("destinationOf() takes a path, or a URL on the same authority", () => {
  for (const [value, authority, expected] of DESTINATIONS) {
    const fields = new Fields(value === null ? [] : [["Destination", value]]);
    assertEquals(outcome(() => destinationOf(fields, authority)), expected, String(value));
  }
});

Deno.test("allowsOverwrite() and isDeep() refuse other values than those of RFC 4918", () => {
  const overwrite: [string | null, boolean | number][] = [
    [null, true],
    ["T", true],
    ["F", false],
    ["f", false],
    ["", 400],
    ["true", 400],
    ["T, F", 400],
  ];
  for (const [value, expected] of overwrite) {
    const fields = new Fields(value === null ? [] : [["Overwrite", value]]);
    assertEquals(outcome(() => allowsOverwrite(fields)), expected, String(value));
  }
  const depth: [string | null, boolean | null | number][] = [
    [null, null],
    ["infinity", true],
    ["Infinity", true],
    ["0", 400],
    ["1", 400],
    ["", 400],
  ];
  for (const [value, expected] of depth) {
    const fields = new Fields(value === null ? [] : [["Depth", value]]);
    assertEquals(outcome(() => isDeep(fields)), expected, String(value));
  }
});
