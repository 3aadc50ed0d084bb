// The completions in real shells: each sources its script, and completes the beginning of a command
// line.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { completions } from "../../lib/options/completions.ts";
import { ALL_FLAGS, type Shell, SHELLS } from "../../lib/options/flags.ts";
import { type Need, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

const NEEDS: readonly Need[] = ["read", "write", "run", "env"];

/** Milliseconds after which a shell that does not answer is ended: far more than it ever takes. */
const PATIENCE = 30_000;

/** Command lines whose last word is completed, and what is offered for it. */
const CASES: [line: readonly string[], offered: string[]][] = [
  [["--lo"], ["--log", "--log-file"]],
  [["--verbose", "--max-h"], ["--max-header-size", "--max-headers"]],
  [["--log", ""], ["combined", "common", "json", "off"]],
  [["--log", "co"], ["combined", "common"]],
  [["--durability", "f"], ["fast", "full"]],
  [["--workers", ""], ["auto"]],
  [["--completions", "z"], ["zsh"]],
  [["--directory", ""], ["folder/", "my folder/"]],
  [["-d", "my"], ["my folder/"]],
  [["--tls-cert", ""], ["file", "folder/", "my folder/", "that's it"]],
  [["--log-file", "folder/in"], ["folder/inside"]],
  [["--port", ""], []],
  [["--admin", "fi"], ["file"]],
  [["fi"], ["file"]],
  [["--verbose", "fo"], ["folder/"]],
];

const FILES = ["file", "that's it", "folder/inside", "my folder/other"];

/** Runs a shell's script in a folder of files; gives the lines that it prints, in order. */
async function ask(shell: Shell, script: string, ...args: string[]): Promise<string[]> {
  let lines: string[] = [];
  await withDirectory(async (path) => {
    await Deno.mkdir(`${path}/files/folder`, { recursive: true });
    await Deno.mkdir(`${path}/files/my folder`);
    for (const name of FILES) await Deno.writeTextFile(`${path}/files/${name}`, "");
    await Deno.writeTextFile(`${path}/completions`, completions(shell));
    await Deno.writeTextFile(`${path}/script`, script);
    const { stdout, stderr } = await new Deno.Command(shell, {
      args: [...STARTED_BARE[shell], `${path}/script`, ...args],
      cwd: `${path}/files`,
      signal: AbortSignal.timeout(PATIENCE),
      env: { COMPLETIONS: `${path}/completions`, HOME: path, TERM: "xterm", LC_ALL: "C.UTF-8" },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "", args.join(" "));
    lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").sort();
  });
  return lines;
}

/** Without configuration files. */
const STARTED_BARE: Readonly<Record<Shell, readonly string[]>> = {
  bash: ["--norc"],
  zsh: ["-f"],
  fish: ["--no-config"],
};

/** Folders, which bash and zsh offer without the slash that they put behind them. */
function withoutSlash(offered: readonly string[]): string[] {
  return offered.map((each) => each.replace(/\/$/, ""));
}

const BASH = `
source "$COMPLETIONS"
COMP_WORDS=(wireserve "$@")
COMP_CWORD=$#
_wireserve
printf '%s\\n' "\${COMPREPLY[@]}"
`;

testWith([...NEEDS, "bash"], "completions() complete in bash", async () => {
  for (const [line, offered] of CASES) {
    assertEquals(await ask("bash", BASH, ...line), withoutSlash(offered), line.join(" "));
  }
  assertEquals(await ask("bash", BASH, "--log", "="), ["combined", "common", "json", "off"]);
  assertEquals(await ask("bash", BASH, "--log", "=", "j"), ["json"]);
  assertEquals(await ask("bash", BASH, "-d", "'my fo"), ["my folder"]);
  assertEquals(await ask("bash", BASH, "-d", "my\\ fo"), ["my folder"]);
  const names = ALL_FLAGS.map(([name]) => `--${name}`).sort();
  assertEquals(await ask("bash", BASH, "--"), names);
  assertEquals(await ask("bash", BASH, ""), ["file", "folder", "my folder", "that's it"]);
});

const FISH = `
source $COMPLETIONS
complete -C "wireserve $argv"
`;

/** What fish offers, without the description behind the tab. */
async function askFish(...line: string[]): Promise<string[]> {
  return (await ask("fish", FISH, ...line)).map((each) => each.split("\t")[0]!);
}

testWith([...NEEDS, "fish"], "completions() complete in fish", async () => {
  for (const [line, offered] of CASES) {
    assertEquals(await askFish(...line), offered, line.join(" "));
  }
  assertEquals(await askFish("--log=j"), ["--log=json"]);
  const names = ALL_FLAGS.map(([name]) => `--${name}`).sort();
  assertEquals(await askFish("--"), names);
  const [explained] = await ask("fish", FISH, "--tls-k");
  assertEquals(explained, "--tls-key\tprivate key of the certificate");
});

/**
 * A shell at a terminal of its own, in which the function that takes offers prints them, paths
 * without their folder.
 */
const ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1= PS2= RPS1=; unsetopt zle_bracketed_paste; stty -echo; autoload -Uz compinit
compinit -u -D; source "$COMPLETIONS"
compadd () {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits; builtin compadd -A hits "$@"
  local hit; for hit in $hits; do print -r -- "<\${(Q)hit}>"; done
  builtin compadd "$@"
}
finish() { print -r -- "<end>" }
comppostfuncs=(finish)
bindkey "^I" complete-word
zstyle ":completion:*" list-max 0
print "<""ready>"'
zpty -r shell answer '*<ready>*'
zpty -n -w shell "wireserve $1"$'\\t'
zpty -r shell answer '*<end>*'
zpty -d shell
print -r -- "$answer" | tr -d '\\r' | sed -n 's/^.*<\\(.*\\)>$/\\1/p' | grep -v '^end$'
`;

async function askZsh(line: string): Promise<string[]> {
  return [...new Set(await ask("zsh", ZSH, line))];
}

testWith([...NEEDS, "zsh"], "completions() complete in zsh", async () => {
  for (const [line, offered] of CASES) {
    const names = withoutSlash(offered).map((each) => each.replace(/^.*\//, ""));
    assertEquals(await askZsh(line.join(" ")), names, line.join(" "));
  }
  assertEquals(await askZsh("--log=j"), ["json"]);
  assertEquals((await askZsh("--unix s --p")).includes("--port"), false);
});

Deno.test("completions() have every flag, for every shell", () => {
  for (const shell of SHELLS) {
    const script = completions(shell);
    for (const [name] of ALL_FLAGS) {
      assertStringIncludes(script, shell === "fish" ? `-l ${name} ` : `--${name}`);
    }
  }
});
