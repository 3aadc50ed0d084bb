// The rules of ARCHITECTURE.md: imports only go down its floors, every file stands there, and the
// folders with the most files have few imports among them.

import { assert, assertEquals } from "@std/assert";
import { withStateDiagram } from "../docs/state_diagram.ts";
import { testWith } from "./support/needs.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Folders that must not become a web, and the imports that a file may have from its own folder. */
const DENSE_FOLDERS = ["lib/server/", "lib/files/"];
const MAX_INNER_IMPORTS = 3;

/** Packages that the product may use; the tests have more. */
const PACKAGES = [
  "@std/cli/parse-args",
  "content-disposition",
  "escape-html",
  "fastest-levenshtein",
  "hash-wasm",
  "ipaddr.js",
  "lru-cache",
  "markdown-it",
  "mime",
  "node:buffer",
  "node:crypto",
  "node:fs",
  "node:fs/promises",
  "node:process",
  "node:zlib",
  "node:stream",
  "structured-headers",
  "uqr",
  "ws",
];

async function sources(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(`${ROOT}${folder}`)) {
    const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory && folder !== ".") paths.push(...await sources(path));
    if (entry.isFile && path.endsWith(".ts")) paths.push(path);
  }
  return paths;
}

/** The floors from top to bottom: files, and folders that end in a slash. */
async function floors(): Promise<string[]> {
  const document = await Deno.readTextFile(`${ROOT}ARCHITECTURE.md`);
  const [, list = ""] = /^```floors\n([^]*?)^```$/m.exec(document) ?? [];
  return list.split("\n").filter((line) => line !== "");
}

/** Which floor a file is on, counted from the top. */
function floorOf(path: string, all: readonly string[]): number {
  const covers = (floor: string) => floor === path || floor.endsWith("/") && path.startsWith(floor);
  const found = all.filter(covers);
  assertEquals(found.length, 1, `${path} is on ${found.length} floors of ARCHITECTURE.md`);
  return all.findIndex(covers);
}

/** What a module imports: with names, for its effects, or while it runs. */
const IMPORT =
  /^(?:import|export)\b[^;"]*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map(([, named, effect, dynamic]) =>
    named ?? effect ?? dynamic!
  );
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** The modules of the product, and the modules and packages that each of them imports. */
async function importGraph(): Promise<Map<string, string[]>> {
  const graph = new Map<string, string[]>();
  for (const path of [...await sources("."), ...await sources("lib")]) {
    const specifiers = importsOf(await Deno.readTextFile(`${ROOT}${path}`));
    graph.set(path, specifiers.map((each) => each.startsWith(".") ? resolve(path, each) : each));
  }
  assert(graph.size > 20 && graph.has("main.ts"), "The sources were not found");
  return graph;
}

function isModule(path: string): boolean {
  return path.endsWith(".ts");
}

testWith(
  ["read"],
  "each file imports from floors below it, or from its own folder, and never in a circle",
  async () => {
    const all = await floors();
    const graph = await importGraph();
    const upwards: string[] = [];
    for (const [path, imported] of graph) {
      const own = floorOf(path, all);
      for (const target of imported.filter(isModule)) {
        if (floorOf(target, all) < own) upwards.push(`${path} imports ${target}`);
      }
    }
    assertEquals(upwards, [], "these imports go up");
    assertEquals(findCircle(graph), null);
  },
);

testWith(["read"], "the product imports few packages", async () => {
  for (const [path, imported] of await importGraph()) {
    for (const each of imported.filter((each) => !/\.(?:ts|js|css|json)$/.test(each))) {
      assert(PACKAGES.includes(each), `${path} imports ${each}`);
    }
  }
});

testWith(
  ["read"],
  "every file of lib/ stands in ARCHITECTURE.md, and every file that stands there exists",
  async () => {
    const document = await Deno.readTextFile(`${ROOT}ARCHITECTURE.md`);
    const named = [...document.matchAll(/^### `(lib\/[^`]*)`\n([^]*?)(?=^#|$(?![^]))/gm)]
      .flatMap(([, folder, section]) =>
        [...section!.matchAll(/^\| `([^`]+)` +\| \S/gm)].map(([, file]) => `${folder}${file}`)
      );
    assertEquals(named.sort(), (await sources("lib")).sort());
  },
);

testWith(["read"], "lib/server and lib/files have few imports among their files", async () => {
  const graph = [...await importGraph()];
  const counts = DENSE_FOLDERS.map((folder) => {
    const files = graph.filter(([path]) => path.startsWith(folder));
    const inner = files.flatMap(([, imported]) =>
      imported.filter((target) => target.startsWith(folder))
    );
    return [folder, inner.length / files.length] as const;
  });
  assertEquals(counts.filter(([, count]) => count > MAX_INNER_IMPORTS), []);
});

function findCircle(graph: ReadonlyMap<string, string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] | null => {
    if (way.includes(path)) return [...way, path];
    if (done.has(path)) return null;
    for (const target of graph.get(path) ?? []) {
      const circle = visit(target, [...way, path]);
      if (circle !== null) return circle;
    }
    done.add(path);
    return null;
  };
  for (const path of graph.keys()) {
    const circle = visit(path, []);
    if (circle !== null) return circle;
  }
  return null;
}

testWith(
  ["read"],
  "deno.json and .ci/run name the commands that the README names",
  async () => {
    const readme = await Deno.readTextFile(`${ROOT}README.md`);
    const ci = await Deno.readTextFile(`${ROOT}.ci/run`);
    const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    const command = "npx --yes deno@2.9.6 task test";
    assert(readme.includes(command) && ci.includes(command));
    assert(readme.includes("./your_program.sh --directory"));
    assert("test" in tasks);
  },
);

testWith(["read"], "the documents name tasks that there are", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const missing = new Set<string>();
  for (const path of await documents()) {
    const text = await Deno.readTextFile(`${ROOT}${path}`);
    for (const [, task] of text.matchAll(/\bdeno task ([a-z][a-z:-]*)/g)) {
      if (!(task! in tasks)) missing.add(`${task}, in ${path}`);
    }
  }
  assertEquals([...missing], []);
});

testWith(
  ["read"],
  "ARCHITECTURE.md has the states of a connection as the table has them",
  async () => {
    const document = await Deno.readTextFile(`${ROOT}ARCHITECTURE.md`);
    const plain = (text: string) => text.replaceAll(/[ -]+/g, " "); // Formatting pads the table.
    assertEquals(plain(document), plain(withStateDiagram(document)), "run deno task diagram");
  },
);

testWith(["read"], "links between the documents lead to files that there are", async () => {
  const broken: string[] = [];
  for (const path of await documents()) {
    const text = await Deno.readTextFile(`${ROOT}${path}`);
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const isThere = await Deno.stat(new URL(target!, `file://${ROOT}${path}`)).then(
        () => true,
        () => false,
      );
      if (!isThere) broken.push(`${target}, in ${path}`);
    }
  }
  assertEquals(broken, []);
});

async function documents(): Promise<string[]> {
  const paths: string[] = [];
  for (const folder of ["", "docs/", "docs/decisions/"]) {
    for await (const { name } of Deno.readDir(`${ROOT}${folder}`)) {
      if (name.endsWith(".md")) paths.push(`${folder}${name}`);
    }
  }
  return paths;
}
