// The session of the README, typed line by line: every command prints what it says there.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, type Need, testWith } from "../support/needs.ts";
import { withProgram } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

const NEEDS: readonly Need[] = [...FOR_PROGRAM, "curl"];

const README = new URL("../../README.md", import.meta.url).pathname;

/** Commands and their output. */
function sessionOf(markdown: string): [command: string, output: string][] {
  const block = /```console\n([^]*?)```/.exec(markdown)?.[1] ?? "";
  return block.split(/^\$ /m).slice(1).map((entry) => {
    const [command = "", ...output] = entry.split("\n");
    return [command, output.join("\n")];
  });
}

/** Line ends and dates are not what a reader compares. */
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
  "the README's session prints what it says",
  () =>
    withDirectory((path) =>
      withProgram(["--directory", path], async (program) => {
        const session = sessionOf(await Deno.readTextFile(README));
        assert(session.length >= 5);
        for (const [command, expected] of session) {
          const typed = command.replaceAll("localhost:4221", `localhost:${program.port}`);
          assert(typed.startsWith("curl "), typed);
          const { stdout } = await new Deno.Command("sh", {
            args: ["-c", typed.replace("curl", "curl --silent --show-error")],
          }).output();
          assertEquals(readable(new TextDecoder().decode(stdout)), readable(expected), command);
        }
      })
    ),
);
