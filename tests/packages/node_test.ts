// lib/http in Node.js: the same tests, bundled and run by its own test runner.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

const TESTS = new URL("../", import.meta.url).pathname;

/** Tests that read the sources, or need a socket. */
const NOT_PURE = ["purity_test.ts", "answers_test.ts", "fuzz_test.ts", "live_test.ts"];

/** What Deno.test is in Node.js. */
const PRELUDE = `
import { test } from "node:test";
const stepsOf = (context) => ({ step: (name, run) => context.test(name, (inner) => run(stepsOf(inner))) });
globalThis.Deno = { test: (name, run) => test(name, (context) => run(stepsOf(context))) };
`;

async function pureTests(): Promise<string[]> {
  const paths: string[] = [];
  for (const folder of ["http", "wire"]) {
    for await (const { name } of Deno.readDir(`${TESTS}${folder}`)) {
      if (name.endsWith("_test.ts") && !NOT_PURE.includes(name)) paths.push(`${folder}/${name}`);
    }
  }
  return paths;
}

testWith([...FOR_PROGRAM, "node"], "lib/http passes its tests in Node.js", async () => {
  await withDirectory(async (folder) => {
    await Deno.writeTextFile(`${folder}/prelude.mjs`, PRELUDE);
    const files = await pureTests();
    assert(files.length > 12, files.join());
    for (const file of files) {
      const output = `${folder}/${file.replaceAll("/", "_").replace(".ts", ".mjs")}`;
      await run(Deno.execPath(), [
        "bundle",
        "-q",
        "--platform",
        "browser",
        "-o",
        output,
        TESTS + file,
      ]);
    }
    const text = await run("node", ["--import", `${folder}/prelude.mjs`, "--test", folder]);
    const count = (name: string) => Number(new RegExp(`^# ${name} ([0-9]+)$`, "m").exec(text)?.[1]);
    assertEquals(count("fail"), 0, text);
    assert(count("pass") > 600, `${count("pass")} tests`);
  });
});

async function run(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const text = new TextDecoder().decode(stdout);
  assert(success, `${text}${new TextDecoder().decode(stderr)}`);
  return text;
}
