// The README's tables of flags say what THE TABLE of flags says.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ALL_FLAGS } from "../../lib/options/flags.ts";
import { testWith } from "../support/needs.ts";

const README = new URL("../../README.md", import.meta.url).pathname;

testWith(
  ["read"],
  "the README has every flag, its value and its default, and no other",
  async () => {
    const readme = await Deno.readTextFile(README);
    const section = readme.split("\n## Flags\n")[1]!.split("\n## ")[0]!;
    const rows = new Map(
      [...section.matchAll(/^\| `((?:-[a-z], )?--[^`]+)` +\|(.*)$/gm)].map(([, form, rest]) =>
        [form, rest!] as const
      ),
    );
    for (const [name, { short, value }] of ALL_FLAGS) {
      const form = `${short === undefined ? "" : `-${short}, `}--${name}`;
      const key = value === undefined ? form : `${form} ${value.name}`;
      const row = rows.get(key);
      assertStringIncludes(row ?? `no row ${key}`, value?.default ?? "");
      rows.delete(key);
    }
    assertEquals([...rows.keys()], []);
  },
);
