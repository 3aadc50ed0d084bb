import { assertEquals } from "@std/assert";
import { Fields, listMembers } from "../../lib/http/fields.ts";

const fields = new Fields([
  ["Accept", "a"],
  ["Empty", ""],
  ["ACCEPT", "b, c"],
]);

Deno.test("Fields finds lines whatever the case of their name", () => {
  assertEquals(fields.get("accept"), "a, b, c");
  assertEquals(fields.lines("Accept"), ["a", "b, c"]);
  assertEquals(fields.get("accep"), null);
  assertEquals(fields.lines("none"), []);
  assertEquals(fields.size, 3);
});

Deno.test("Fields tells an empty value from none", () => {
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

Deno.test("Fields gives its lines in order, names as sent", () => {
  assertEquals([...fields], [["Accept", "a"], ["Empty", ""], [
    "ACCEPT",
    "b, c",
  ]]);
});

Deno.test("Fields is not fooled by the names of object properties", () => {
  const odd = new Fields([["__proto__", "x"], ["constructor", "y"]]);
  assertEquals([
    odd.get("__proto__"),
    odd.get("constructor"),
    odd.get("toString"),
  ], ["x", "y", null]);
});

Deno.test("listMembers() drops blanks and empty members, and nothing else", () => {
  assertEquals(listMembers(" a ,\tb,, \u00a0c ,"), ["a", "b", "\u00a0c"]);
  assertEquals(listMembers(""), []);
});
