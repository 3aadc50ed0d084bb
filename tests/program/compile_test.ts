// The single binary of `deno task compile`: that it serves, where its base can be downloaded, and
// what is in it, anywhere.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { compileArguments, embedded, ROOT } from "../support/embedded_files.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program, runProgram } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

/** Milliseconds for the download and the compilation. */
const PATIENCE = 120_000;

/** What Deno says where it cannot fetch the part of the binary that is Deno itself. */
const NO_BASE = /Setting up base binary/;

/** Modules of lib/ that are not for the program: the public API, and what writes the manual. */
const NOT_EMBEDDED = ["lib/mod.ts", "lib/options/manual.ts", "lib/options/schema.ts"];

/** What is for programs that import the library, though the program may use some of it. */
const LIBRARY = [
  "lib/fetch/",
  "lib/middleware/",
  "lib/files/mod.ts",
  "lib/http/json.ts",
  "lib/http/mod.ts",
];

/** Compiles as the task would, but to another place; `base` takes the place of the download. */
async function compile(path: string, base?: string): Promise<{ code: number; said: string }> {
  const args = await compileArguments();
  const output = args.indexOf("--output") + 1;
  assertEquals(args[output], "dist/wireserve");
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: args.with(output, path),
    cwd: ROOT,
    env: { NO_COLOR: "1", ...(base === undefined ? {} : { DENORT_BIN: base }) },
    signal: AbortSignal.timeout(PATIENCE),
  }).output();
  return { code, said: new TextDecoder().decode(stderr) };
}

testWith(
  FOR_PROGRAM,
  "`deno task compile` makes a binary that serves, its permissions with it",
  () =>
    withDirectory(async (folder) => {
      const script = `${folder}/wireserve`;
      const { code, said } = await compile(script);
      if (code !== 0) {
        assertMatch(said, NO_BASE);
        console.warn("The base of the binary cannot be downloaded: it is compiled, but not run.");
        return await checkWithStandIn(script);
      }
      const help = await runProgram(["--version"], { script });
      assertMatch(help.stdout, /^wireserve [0-9.]+\n$/);
      const program = await Program.start(["--directory", "."], { script, cwd: folder });
      try {
        assertEquals(await (await fetch(program.url("/echo/abc"))).text(), "abc");
        const put = await fetch(program.url("/files/new"), { method: "PUT", body: "stored" });
        assertEquals([put.status, await put.text()], [201, ""]);
        assertEquals(await Deno.readTextFile(`${folder}/new`), "stored");
      } finally {
        const { code, stderr } = await program.stop();
        assertEquals({ code, stderr }, { code: 0, stderr: "" });
      }
    }),
);

/** With Deno itself for a base all is embedded as ever; only, what comes of it is not the program. */
async function checkWithStandIn(path: string): Promise<void> {
  const { code, said } = await compile(path, Deno.execPath());
  assertEquals(code, 0, said);
  const list = said.slice(said.indexOf("Embedded Files"));
  for (
    const name of [
      "main.ts",
      "deno.json",
      "worker.ts",
      "vendor/std/cli/parse_args.ts",
      "mime/",
      "ipaddr.js/",
    ]
  ) {
    assertStringIncludes(list, ` ${name}`);
  }
  assert(!/tests|fast-check/.test(list), list);
}

testWith(FOR_PROGRAM, "`deno task compile` embeds the program, and nothing but it", async () => {
  const { files, packages } = await embedded();
  const modules = (await listModules("lib")).filter((path) => !NOT_EMBEDDED.includes(path));
  const isOptional = (path: string) =>
    ["vendor/std/", ...LIBRARY].some((prefix) => path.startsWith(prefix));
  const other = [...files].filter((path) => !isOptional(path));
  const expected = ["deno.json", ...modules, "main.ts"].filter((path) => !isOptional(path));
  assertEquals(other.sort(), expected.sort());
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const declared = Object.values<string>(imports).flatMap((each) =>
    /^npm:(.+)@[0-9.]+$/.exec(each)?.[1] ?? []
  );
  // What jsr:@std is linked to, and types, which are not run.
  const behind = ["deno-std", "@types/escape-html"];
  for (const name of packages) assert([...declared, ...behind].includes(name), name);
  assert(!packages.has("fast-check"));
});

/** The modules of a folder: none may be left out, be it a worker that no other module imports. */
async function listModules(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}${folder}`)) {
    if (isDirectory) paths.push(...await listModules(`${folder}/${name}`));
    else if (/\.(?:ts|js|css)$/.test(name)) paths.push(`${folder}/${name}`);
  }
  return paths;
}
