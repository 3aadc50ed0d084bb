// What `deno task compile` embeds in the binary: the entry points that the task names, and all that
// they import.

import { assert, assertEquals } from "@std/assert";

/** The root of the repository, with a trailing slash. */
export const ROOT: string = new URL("../../", import.meta.url).pathname;

/** The arguments that the task gives to `deno`. */
export async function compileArguments(): Promise<readonly string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [program, ...args] = (tasks.compile as string).split(" ");
  assertEquals([program, args[0]], ["deno", "compile"]);
  return args;
}

/** Paths of files relative to the root, and names of npm packages: imported, and needed by those. */
export interface Embedded {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
  readonly dependencies: ReadonlySet<string>;
}

/** Lists the modules of each entry point: main.ts, and what `--include` adds. */
export async function embedded(): Promise<Embedded> {
  const args = await compileArguments();
  const entries = args.filter((_, index) =>
    index === args.length - 1 || args[index - 1] === "--include"
  );
  const files = new Set<string>();
  const packages = new Set<string>();
  const dependencies = new Set<string>();
  for (const entry of entries) {
    const { modules, npmPackages } = await graphOf(entry);
    const addDependencies = (id: string) => {
      for (const each of npmPackages[id]?.dependencies ?? []) {
        dependencies.add(nameOf(each));
        addDependencies(each);
      }
    };
    for (const { specifier, local, npmPackage, error } of modules) {
      assert(error === undefined, `${specifier}: ${error}`);
      if (npmPackage !== undefined) {
        packages.add(nameOf(npmPackage));
        addDependencies(npmPackage);
      }
      if (!specifier.startsWith("file:")) continue;
      assert(local !== undefined && local.startsWith(ROOT), `${specifier} is from elsewhere`);
      files.add(local.slice(ROOT.length));
    }
  }
  return { files, packages, dependencies };
}

/** The name of a package, without its version. */
function nameOf(id: string): string {
  return id.replace(/@[^@]*$/, "");
}

interface Module {
  readonly specifier: string;
  readonly local?: string;
  readonly npmPackage?: string;
  readonly error?: string;
}

interface Graph {
  readonly modules: readonly Module[];
  /** By name and version, as their dependencies are. */
  readonly npmPackages: Readonly<Record<string, { readonly dependencies: readonly string[] }>>;
}

async function graphOf(entry: string): Promise<Graph> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
