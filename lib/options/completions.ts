// The completions of shells: a script for each, made from the table of flags.

import { ALL_FLAGS, type Flag, type Shell, type Value } from "./flags.ts";

/** The script that makes a shell complete the command line of `wireserve`. */
export function completions(shell: Shell): string {
  return SCRIPTS[shell]();
}

const SCRIPTS: Readonly<Record<Shell, () => string>> = { bash, zsh, fish };

function formsOf([name, { short }]: readonly [string, Flag]): string[] {
  return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
}

/** A text between single quotes, for bash and zsh. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bash(): string {
  const withValue = ALL_FLAGS.filter(([, { value }]) => value !== undefined);
  const cases = withValue.map((flag) =>
    `    ${formsOf(flag).join(" | ")})\n      ${bashValues(flag[1].value!)}\n      ;;`
  );
  const names = ALL_FLAGS.map(([name]) => `--${name}`).join(" ");
  return `# Completions of wireserve for bash: source <(wireserve --completions bash)

_wireserve_paths() {
  local path word=\${2#[\\"\\']}
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do
    COMPREPLY+=("$path")
  done < <(compgen "$1" -- "\${word//\\\\/}")
}

_wireserve() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  # Readline breaks --log=json in three.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  case $before in
${cases.join("\n")}
    *)
      if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W ${quote(names)} -- "$word"))
      else
        _wireserve_paths -f "$word"
      fi
      ;;
  esac
}

complete -F _wireserve wireserve
`;
}

function bashValues({ completes }: Value): string {
  if (completes === "file") return '_wireserve_paths -f "$word"';
  if (completes === "directory") return '_wireserve_paths -d "$word"';
  if (completes === undefined) return ":";
  return `COMPREPLY=($(compgen -W ${quote(completes.join(" "))} -- "$word"))`;
}

function zsh(): string {
  return `#compdef wireserve
# Completions of wireserve for zsh: source <(wireserve --completions zsh), after compinit;
# or store them as _wireserve in a folder of $fpath.

_wireserve() {
  _arguments -s -S \\
${ALL_FLAGS.map((flag) => `    ${zshFlag(flag)}`).join(" \\\n")} \\
    '1:PATH:_files'
}

if [[ \${funcstack[1]} == _wireserve ]]; then
  _wireserve "$@"
else
  compdef _wireserve wireserve
fi
`;
}

/** A flag for _arguments: the flags that it excludes, its forms, its help, its value. */
function zshFlag(flag: readonly [string, Flag]): string {
  const [, { help, value }] = flag;
  const excluded = [...(value?.isList ? [] : formsOf(flag)), ...excludedBy(flag)];
  const forms = formsOf(flag).map((form) => {
    if (value === undefined) return form;
    return form.startsWith("--") ? `${form}=` : `${form}+`;
  });
  const before = `${value?.isList ? "*" : ""}${
    excluded.length > 0 ? `(${excluded.join(" ")})` : ""
  }`;
  const after = `[${zshText(help)}]${value === undefined ? "" : zshValues(value)}`;
  if (forms.length === 1) return quote(before + forms[0] + after);
  return `${quote(before)}{${forms.join(",")}}${quote(after)}`;
}

/** The forms of all flags that cannot be used with this one; the table has each pair once. */
function excludedBy([name, { excludes = [] }]: readonly [string, Flag]): string[] {
  return ALL_FLAGS
    .filter(([other, flag]) => excludes.includes(other) || flag.excludes?.includes(name))
    .flatMap(formsOf);
}

function zshValues({ name, completes }: Value): string {
  const title = `:${zshText(name)}:`;
  if (completes === "file") return `${title}_files`;
  if (completes === "directory") return `${title}_files -/`;
  return completes === undefined ? `${title} ` : `${title}(${completes.join(" ")})`;
}

function zshText(text: string): string {
  return text.replaceAll(/[\\[\]:]/g, "\\$&");
}

function fish(): string {
  const flags = ALL_FLAGS.map(([name, { short, value, help }]) =>
    [
      "complete -c wireserve",
      ...(short === undefined ? [] : [`-s ${short}`]),
      `-l ${name}`,
      ...(value === undefined ? [] : [fishValues(value)]),
      `-d ${fishQuote(help)}`,
    ].join(" ")
  );
  return `# Completions of wireserve for fish: wireserve --completions fish | source

complete -c wireserve -F
${flags.join("\n")}
`;
}

function fishValues({ completes }: Value): string {
  if (completes === "file") return "-r -F";
  if (completes === "directory") return "-x -a '(__fish_complete_directories)'";
  return completes === undefined ? "-x" : `-x -a ${fishQuote(completes.join(" "))}`;
}

/** Between fish's single quotes, the backslash and the quote alone are special. */
function fishQuote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
