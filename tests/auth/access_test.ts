import { assertEquals } from "@std/assert";
import { Access, type Mode, type Rule, segmentsOf } from "../../lib/auth/access.ts";

function rule(text: string): Rule {
  const [user, mode, path] = text.split(":");
  return { user: user!, mode: mode as Mode, path: segmentsOf(path!) };
}

const RULES = [
  "alice:ro:/",
  "alice:rw:/in",
  "alice:none:/in/secret",
  "bob:rw:/bob",
  "*:ro:/public",
  "*:none:/private",
].map(rule);

/** A user, a name, what is allowed there, and in all of it. */
const CASES: [user: string | null, name: string, here: Mode, deep: Mode][] = [
  ["alice", "", "ro", "none"],
  ["alice", "a", "ro", "ro"],
  ["alice", "in", "rw", "none"],
  ["alice", "in/", "rw", "none"],
  ["alice", "/in//x", "rw", "rw"],
  ["alice", "inner", "ro", "ro"],
  ["alice", "in/secret", "none", "none"],
  ["alice", "in/secret/x", "none", "none"],
  ["alice", "in/SECRET/x", "none", "none"], // the same on some disks
  ["alice", "IN/x", "ro", "ro"], // and not allowed more where it is not
  ["alice", "in/secret.txt", "rw", "rw"],
  ["bob", "", "none", "none"],
  ["bob", "bob/x", "rw", "rw"],
  ["bob", "public/x", "none", "none"],
  ["carol", "x", "rw", "rw"],
  ["carol", "private/x", "none", "none"],
  ["carol", "", "rw", "none"],
  [null, "x", "none", "none"],
  [null, "public/x", "ro", "ro"],
  [null, "PUBLIC/x", "none", "none"],
  ["*", "x", "rw", "rw"],
];

Deno.test("modeOf() follows the rule with the longest path, and allows the least", () => {
  const access = new Access(RULES, "all");
  for (const [user, name, here, deep] of CASES) {
    assertEquals(access.modeOf(user, name, false), here, `${user} ${name}`);
    assertEquals(access.modeOf(user, name, true), deep, `${user} ${name}, deep`);
  }
});

Deno.test("modeOf() lets all read where a password is needed to write", () => {
  const access = new Access([rule("*:none:/private")], "write");
  assertEquals(access.modeOf(null, "a", false), "ro");
  assertEquals(access.modeOf(null, "private/a", false), "none");
  assertEquals(access.modeOf(null, "", true), "none");
  assertEquals(new Access([], "all").modeOf(null, "a", false), "none");
  assertEquals(new Access([], "all").modeOf("a", "a", true), "rw");
});
