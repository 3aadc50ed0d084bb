// docs/conformance.md names the tests that show what it says. Each of them exists, as a wire case or
// as the title of a test, and no line is too wide for a terminal.

import { assert, assertEquals } from "@std/assert";
import { testWith } from "./support/needs.ts";
import { wireCases } from "./wire/cases.ts";

const DOCUMENT = new URL("../docs/conformance.md", import.meta.url);
const TESTS = new URL("./", import.meta.url);

/** Columns of a line at most. */
const MAX_WIDTH = 160;

/** Fewer names would mean that the entries were not found. */
const LEAST_NAMES = 200;

/** The tests that each entry of the document names in backticks in its last line. */
function namesIn(markdown: string): Set<string> {
  const names = new Set<string>();
  // An entry is a requirement, what is done, and the tests.
  for (const entry of markdown.split(/^(?=- \*\*|#)/m)) {
    if (!entry.startsWith("- **")) continue;
    const text = entry.replaceAll(/\n {4}/g, " ");
    const last = text.trimEnd().split("\n").at(-1)!;
    assert(/^ {2}- (?:shown by `.*`|no test)$/.test(last), `no tests are named by: ${text}`);
    for (const [, name] of last.matchAll(/`([^`]+)`/g)) names.add(name!);
  }
  return names;
}

/** A name as the document has it, with escapes for what is not printable: `\r\n`, `\xc3`. */
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

testWith(
  ["read"],
  "docs/conformance.md has no line that is too wide for a terminal",
  async () => {
    const lines = (await Deno.readTextFile(DOCUMENT)).split("\n");
    assertEquals(lines.filter((line) => line.length > MAX_WIDTH), []);
  },
);
