// The house: imports only go down its floors, and the protocol is pure. The rules are those of
// README.md, "How the code is laid out".

import { assert, assertEquals } from "@std/assert";
import { testWith } from "./support/needs.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** The floors from the ground up: a file may import from its own floor and from those below. */
const FLOORS = [
  ["lib/http"],
  ["lib/server"],
  ["lib/trusted_proxies.ts", "lib/compression.ts"],
  ["lib/files"],
  ["lib/access_log"],
  ["lib", "lib/options"],
  ["lib/admin"],
  ["lib/program"],
  ["."],
];

/** Packages that the product may use; the tests have more. */
const PACKAGES = [
  "@std/cli/parse-args",
  "content-disposition",
  "escape-html",
  "ipaddr.js",
  "mime",
  "node:crypto",
  "node:fs",
  "node:fs/promises",
  "node:process",
  "structured-headers",
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

function floorOf(path: string): number {
  const folder = path.slice(0, Math.max(0, path.lastIndexOf("/"))) || ".";
  const own = FLOORS.findIndex((entries) => entries.includes(path));
  if (own >= 0) return own;
  const floor = FLOORS.findIndex((entries) => entries.includes(folder));
  assert(floor >= 0, `${path} is on no floor`);
  return floor;
}

function importsOf(text: string): string[] {
  return [
    ...text.matchAll(
      /^(?:import|export)\b[^;]*?\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/gm,
    ),
  ]
    .map(([, named, dynamic]) => named ?? dynamic!);
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

testWith(
  ["read"],
  "imports go down the floors, or along them, and never round in a circle",
  async () => {
    const graph = new Map<string, string[]>();
    for (const path of [...await sources("."), ...await sources("lib")]) {
      const text = await Deno.readTextFile(`${ROOT}${path}`);
      const local: string[] = [];
      for (const specifier of importsOf(text)) {
        if (!specifier.startsWith(".")) {
          assert(PACKAGES.includes(specifier), `${path} imports ${specifier}`);
        } else if (specifier.endsWith(".ts")) {
          local.push(resolve(path, specifier));
        }
      }
      for (const target of local) {
        assert(
          floorOf(target) <= floorOf(path),
          `${path} imports ${target}, a floor up`,
        );
      }
      graph.set(path, local);
    }
    assert(
      graph.size > 20 && graph.has("main.ts"),
      "The sources were not found",
    );
    assertEquals(findCircle(graph), null);
  },
);

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
  "lib/http is pure: it knows neither Deno nor the clock",
  async () => {
    for (const path of await sources("lib/http")) {
      const code = (await Deno.readTextFile(`${ROOT}${path}`)).replaceAll(
        /^ *(\/\/|\*|\/\*\*).*$/gm,
        "",
      );
      const impure =
        /\bDeno\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bsetTimeout\b|\bfetch\b/
          .exec(code);
      assertEquals(impure?.[0], undefined, path);
    }
  },
);

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
