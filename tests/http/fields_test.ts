import { assertEquals } from "@std/assert";
import { Fields, listMembers } from "../../lib/http/fields.ts";

const fields = new Fields([
  ["Accept", "a"],
  ["Empty", ""],
  ["ACCEPT", "b, c"],
]);

Deno.test("Fields finds lines by names in any case", () => {
  assertEquals(fields.get("accept"), "a, b, c");
  assertEquals(fields.lines("Accept"), ["a", "b, c"]);
  assertEquals(fields.get("accep"), null);
  assertEquals(fields.lines("none"), []);
  assertEquals(fields.size, 3);
});

Deno.test("Fields distinguishes an empty value from none", () => {
  assertEquals([fields.get("empty"), fields.has("empty"), fields.has("none")], [
    "",
    true,
    false,
  ]);
});

Deno.test("Fields reads a field as a list", () => {
  assertEquals(
    ["A", "b", "C", "d"].map((each) => fields.lists("Accept", each)),
    [true, true, true, false],
  );
});

Deno.test("Fields yields its lines in order, with names as sent", () => {
  assertEquals([...fields], [["Accept", "a"], ["Empty", ""], [
    "ACCEPT",
    "b, c",
  ]]);
});

Deno.test("Fields has no names of object properties", () => {
  const odd = new Fields([["__proto__", "x"], ["constructor", "y"]]);
  assertEquals([
    odd.get("__proto__"),
    odd.get("constructor"),
    odd.get("toString"),
  ], ["x", "y", null]);
});

Deno.test("listMembers() removes blanks and empty members, and nothing else", () => {
  assertEquals(listMembers(" a ,\tb,, \u00a0c ,"), ["a", "b", "\u00a0c"]);
  assertEquals(listMembers(""), []);
});
