// The tables of flags in docs/cli.md have what THE TABLE of flags has.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ALL_FLAGS } from "../../lib/options/flags.ts";
import { testWith } from "../support/needs.ts";

const DOCUMENT = new URL("../../docs/cli.md", import.meta.url).pathname;

testWith(
  ["read"],
  "docs/cli.md has every flag, its value and its default, and no other",
  async () => {
    const document = await Deno.readTextFile(DOCUMENT);
    const section = document.split("\n## Flags\n")[1]!.split("\n## ")[0]!;
    const rows = new Map(
      [...section.matchAll(/^\| `((?:-[a-z], )?--[^`]+)` +\|(.*)$/gm)].map(([, form, rest]) =>
        [form, rest!] as const
      ),
    );
    for (const [name, { short, value }] of ALL_FLAGS) {
      const form = `${short === undefined ? "" : `-${short}, `}--${name}`;
      const key = value === undefined ? form : `${form} ${value.name}`;
      const row = rows.get(key);
      assert(row !== undefined, `there is no row ${key}`);
      assertStringIncludes(row, value?.default ?? "");
      rows.delete(key);
    }
    assertEquals([...rows.keys()], []);
  },
);
