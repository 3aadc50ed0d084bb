// The library as another program has it: what the README says has to be enough, wherever it is.

import { assertEquals } from "@std/assert";
import { ROOT } from "../support/embedded_files.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

/** The first block of a language behind the heading "As a library". */
function blockOf(readme: string, language: string): string {
  const [, section = ""] = readme.split("\n## As a library\n");
  return section.split(`\n\`\`\`${language}\n`)[1]?.split("\n```")[0] ?? "";
}

testWith(
  FOR_PROGRAM,
  "a program elsewhere has the library by what the README says",
  () =>
    withDirectory(async (path) => {
      const readme = await Deno.readTextFile(`${ROOT}/README.md`);
      const { imports } = JSON.parse(blockOf(readme, "json").replaceAll("../wireserve", ROOT));
      // Not every machine reaches JSR: what stands in for it, as the README says, and for no more.
      assertEquals(imports["@std/streams"], "jsr:@std/streams@^1.0.0");
      delete imports["@std/streams"];
      imports["@std/streams/to-bytes"] = `${ROOT}/vendor/std/streams/to_bytes.ts`;
      await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify({ imports }));
      const program = blockOf(readme, "ts").replace("port: 8000", "port: 0") +
        "\nconsole.log(await (await fetch(`${server.url}hello/you`)).text());" +
        "\nawait server.close();\n";
      await Deno.writeTextFile(`${path}/program.ts`, program);
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--check", "--no-lock", "--allow-net", `${path}/program.ts`],
        cwd: path,
        env: { NO_COLOR: "1" },
        stdin: "null",
      }).output();
      const said = new TextDecoder().decode(stdout).replace(/:[0-9]+\/$/m, ":PORT/");
      assertEquals(new TextDecoder().decode(stderr), "");
      assertEquals(said, "http://localhost:PORT/\nHello, you!\n\n");
    }),
);
