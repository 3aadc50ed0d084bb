import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ALL_FLAGS, defaultOf, FLAGS, GROUPS } from "../../lib/options/flags.ts";
import { helpText } from "../../lib/options/help.ts";

Deno.test("FLAGS name flags and groups that are there, and no letter twice", () => {
  const letters = ALL_FLAGS.flatMap(([, { short }]) => short ?? []);
  assertEquals(letters.length, new Set(letters).size);
  for (const [name, { needs = [], excludes = [], value }] of ALL_FLAGS) {
    assertMatch(name, /^[a-z]+(-[a-z]+)*$/);
    for (const other of [...needs, ...excludes]) assert(other in FLAGS, `${name}: ${other}`);
    assert(!(value?.default !== undefined && value.absent !== undefined), name);
  }
  assertEquals(new Set(ALL_FLAGS.map(([, { group }]) => group)), new Set(GROUPS));
});

Deno.test("helpText() fits a terminal", () => {
  for (const line of helpText().split("\n")) assertMatch(line, /^.{0,80}$/);
});

Deno.test("helpText() shows every flag, with its value and its default", () => {
  const text = helpText().replaceAll(/\s+/g, " ");
  for (const [name, flag] of ALL_FLAGS) {
    const { short, value, help } = flag;
    const form = `${short === undefined ? "" : `-${short}, `}--${name}`;
    const standard = defaultOf(flag);
    const line = `${form}${value === undefined ? "" : ` ${value.name}`} ${help}` +
      (standard === null ? "" : ` (default ${standard})`);
    assertStringIncludes(text, line);
  }
});
