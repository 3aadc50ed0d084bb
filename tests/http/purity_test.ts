// lib/http is a pure function of its octets: it uses neither Deno nor a clock, and its modules
// have no state that one request could leave for the next.

import { assert, assertEquals } from "@std/assert";
import { testWith } from "../support/needs.ts";

const FOLDER = new URL("../../lib/http/", import.meta.url);

async function sources(): Promise<[name: string, code: string][]> {
  const files: [string, string][] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    files.push([name, withoutComments(await Deno.readTextFile(new URL(name, FOLDER)))]);
  }
  assert(files.length > 10, "lib/http was not found");
  return files;
}

function withoutComments(source: string): string {
  return source.replaceAll(/^ *(\/\/|\*|\/\*\*).*$/gm, "");
}

/** What can be written to. `Fields`, `readonly` arrays and frozen objects are not. */
const MUTABLE = /^(?:new (?:Map|Set|WeakMap|WeakSet|Array)\b|\[|\{)/;
const READONLY_TYPE = /^(?:Readonly\w*<|readonly )|(?:\)|\])\[\] as const$/;

/**
 * The bindings of a module that are mutable state: `let`, `var`, and a `const` whose value is a
 * collection or an object literal without a readonly type. `deno fmt` writes declarations of a
 * module at the start of a line and indents everything else.
 */
function stateOf(code: string): string[] {
  const names: string[] = [];
  for (const [, kind, rest] of code.matchAll(/^(?:export )?(let|var|const) ([^]*?);$/gm)) {
    const [, name, type = "", value] = /^(\w+)(?:: ([^]*?))?(?: = ([^]*))?$/.exec(rest!) ?? [];
    const isReadonly = READONLY_TYPE.test(type) || value?.endsWith("as const");
    if (kind !== "const" || (MUTABLE.test(value ?? "") && !isReadonly)) names.push(name ?? rest!);
  }
  return names;
}

testWith(["read"], "lib/http uses neither Deno nor a clock", async () => {
  const impure = /\bDeno\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bsetTimeout\b|\bfetch\b/;
  for (const [name, code] of await sources()) {
    assertEquals(impure.exec(code)?.[0], undefined, name);
  }
});

testWith(["read"], "lib/http has no mutable state in its modules", async () => {
  for (const [name, code] of await sources()) assertEquals(stateOf(code), [], name);
});

Deno.test("stateOf() finds module-level bindings that can be written to", () => {
  const cases: [code: string, names: string[]][] = [
    ['let last = "";', ["last"]],
    ["export var count = 0;", ["count"]],
    ["let first;", ["first"]],
    ["const lines = new Map<string, string>();", ["lines"]],
    ["const heads = new WeakMap<object, string>();", ["heads"]],
    ["const names: Set<string> = new Set();", ["names"]],
    ["const endings: string[] = [];", ["endings"]],
    ["const memo: { last: string } = {\n  last: 0,\n};", ["memo"]],
    ["const byName: Record<string, string> = {};", ["byName"]],
    ['const NAMES: ReadonlySet<string> = new Set(["a"]);', []],
    ["const NONE: readonly string[] = [];", []],
    ['const PHRASES: Readonly<Record<number, string>> = {\n  200: "OK",\n};', []],
    ['const METHODS = [\n  "GET",\n] as const;', []],
    ['const END = Object.freeze({ type: "end" });', []],
    ["const A = 1,\n  B = 2;", []],
    ["function f() {\n  let at = 0;\n  const found = new Map();\n}", []],
  ];
  for (const [code, names] of cases) assertEquals(stateOf(code), names, code);
});
