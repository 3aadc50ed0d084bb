// The sessions of README.md and docs/cli.md, typed line by line: every command prints what they say.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, type Need, testWith } from "../support/needs.ts";
import { withProgram } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

const NEEDS: readonly Need[] = [...FOR_PROGRAM, "curl"];

const ROOT = new URL("../../", import.meta.url).pathname;

const DOCUMENTS = ["README.md", "docs/cli.md"];

/** Commands and their output. */
function sessionOf(markdown: string): [command: string, output: string][] {
  const block = /```console\n([^]*?)```/.exec(markdown)?.[1] ?? "";
  return block.split(/^\$ /m).slice(1).map((entry) => {
    const [command = "", ...output] = entry.split("\n");
    return [command, output.join("\n")];
  });
}

/** Line ends and dates differ from run to run, and readers do not compare them. */
function readable(text: string): string {
  const lines = text.replaceAll("\r\n", "\n")
    .replace(/^(Date|Last-Modified): .*$/gm, "$1: today").replace(
      /^ETag: ".*"$/gm,
      "ETag: its own",
    );
  return lines === "" || lines.endsWith("\n") ? lines : `${lines}\n`;
}

testWith(
  NEEDS,
  "the sessions of README.md and docs/cli.md print what they say",
  async () => {
    for (const document of DOCUMENTS) await withDirectory((path) => type(document, path));
  },
);

/** Types the session of a document, with the program on an empty directory. */
function type(document: string, path: string): Promise<void> {
  return withProgram(["--directory", path], async (program) => {
    const session = sessionOf(await Deno.readTextFile(`${ROOT}${document}`));
    assert(session.length >= 5);
    for (const [command, expected] of session) {
      const typed = command.replaceAll("localhost:4221", `localhost:${program.port}`);
      assert(typed.startsWith("curl "), typed);
      const { stdout } = await new Deno.Command("sh", {
        args: ["-c", typed.replace("curl", "curl --silent --show-error")],
      }).output();
      assertEquals(readable(new TextDecoder().decode(stdout)), readable(expected), command);
    }
  });
}
