// docs/conformance.md names the tests that show what it says: every one of them exists, as a
// wire case or as the title of a test.

import { assert, assertEquals } from "@std/assert";
import { testWith } from "./support/needs.ts";
import { wireCases } from "./wire/cases.ts";

const DOCUMENT = new URL("../docs/conformance.md", import.meta.url);
const TESTS = new URL("./", import.meta.url);

/** So few names would mean that the tables were not found. */
const LEAST_NAMES = 60;

/** The names in backticks in the last column of the document's tables. */
function namesIn(markdown: string): Set<string> {
  const names = new Set<string>();
  for (const row of markdown.matchAll(/^\|.*\|$/gm)) {
    const lastColumn = row[0].split("|").at(-2)!;
    for (const [, name] of lastColumn.matchAll(/`([^`]+)`/g)) names.add(name!);
  }
  return names;
}

/** Control characters and what is beyond ASCII cannot stand in a table: `\r\n`, `\xc3`. */
function printable(name: string): string {
  const letters: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };
  return name.replace(
    /[^\x20-\x7e]/g,
    (octet) => letters[octet] ?? `\\x${octet.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

async function testFiles(folder: URL): Promise<URL[]> {
  const files: URL[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...await testFiles(new URL(`${name}/`, folder)));
    if (isFile && name.endsWith("_test.ts")) files.push(new URL(name, folder));
  }
  return files;
}

/** A call that registers a test, what it needs if it says so, and the title in quotes. */
const REGISTRATION =
  /\b(Deno\.test|test[A-Z]\w*|stage)\(\s*(?:(?:\[[^\]]*\]|[A-Z_]+),\s*)?"((?:[^"\\\n]|\\.)*)"/g;

function titlesIn(source: string): string[] {
  return [...source.matchAll(REGISTRATION)].map(([, register, quoted]) => {
    const title = quoted!.replace(/\\(["\\])/g, "$1");
    return register === "stage" ? `stage ${title}` : title;
  });
}

testWith(
  ["read"],
  "docs/conformance.md names wire cases and tests that exist",
  async () => {
    const known = new Set(wireCases.map(({ name }) => printable(name)));
    for (const file of await testFiles(TESTS)) {
      for (const title of titlesIn(await Deno.readTextFile(file))) known.add(title);
    }
    const names = namesIn(await Deno.readTextFile(DOCUMENT));
    assertEquals([...names].filter((name) => !known.has(name)), [], "these do not exist");
    assert(names.size >= LEAST_NAMES, `only ${names.size} names were found`);
  },
);
