// The text of `--help`: every flag in a few lines, as wide as a terminal.

import { ALL_FLAGS, defaultOf, type Flag, type Group, GROUPS } from "./flags.ts";

/** The width of a terminal, and the column where the explanations begin. */
const WIDTH = 80;
const INDENT = 31;

/** Remarks on the headings. */
export const REMARKS: Readonly<Partial<Record<Group, string>>> = {
  "Limits": "a SIZE is a number of bytes, or one with K, M or G",
};

/** The text of `--help`. */
export function helpText(): string {
  return `Usage: wireserve [OPTION]... PATH
       wireserve [OPTION]... [--directory DIR]

Serves the folder or the file PATH over HTTP/1.1, read-only without --writable.
Without a PATH, it is the server of a challenge: /files/NAME reads and writes
the files of DIR, /echo/TEXT and /user-agent send back what the request says.

${GROUPS.map(helpOfGroup).join("\n\n")}
`;
}

function helpOfGroup(group: Group): string {
  const remark = REMARKS[group];
  const heading = remark === undefined ? group : `${group} (${remark})`;
  const flags = ALL_FLAGS.filter(([, flag]) => flag.group === group);
  return [`${heading}:`, "", ...flags.flatMap(([name, flag]) => helpOfFlag(name, flag))].join("\n");
}

function helpOfFlag(name: string, flag: Flag): string[] {
  const { short, value, help } = flag;
  const form = `  ${short === undefined ? "    " : `-${short}, `}--${name} ${value?.name ?? ""}`;
  const standard = defaultOf(flag);
  const text = standard === null ? help : `${help} (default ${standard})`;
  const [first = "", ...rest] = wrap(text, WIDTH - INDENT);
  return [form.padEnd(INDENT) + first, ...rest.map((line) => " ".repeat(INDENT) + line)];
}

/** Lines of at most so many characters; `(default ...)` stays in one line. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.match(/\(default [^)]*\)|\S+/g) ?? []) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
