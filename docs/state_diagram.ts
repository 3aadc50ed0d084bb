// The states of a connection, from the table of transitions, as ARCHITECTURE.md shows them. Run by
// itself (`deno task diagram`), it writes them there.

import { TRANSITIONS } from "../lib/http/connection_state.ts";

const BEGIN = "<!-- states:begin -->";
const END = "<!-- states:end -->";

type Side = "reading" | "writing";

/** The transitions of one side: from, to, event. */
function transitionsOf(side: Side): [from: string, to: string, event: string][] {
  return Object.entries(TRANSITIONS).flatMap(([event, sides]) =>
    Object.entries(sides[side] ?? {}).map(([from, to]): [string, string, string] => [
      from,
      to,
      event,
    ])
  );
}

/** A diagram in the language of Mermaid, which code hosts draw. */
function diagramOf(side: Side, first: string): string[] {
  const arrows = transitionsOf(side).map(([from, to, event]) => `    ${from} --> ${to}: ${event}`);
  return [
    `What is ${side === "reading" ? "read" : "written"}:`,
    "",
    "```mermaid",
    "stateDiagram-v2",
    "    direction LR",
    `    [*] --> ${first}`,
    ...arrows,
    "```",
    "",
  ];
}

function rowsOf(side: Side): string[] {
  return transitionsOf(side).map(([from, to, event]) => `| ${event} | ${side} | ${from} | ${to} |`);
}

/** The section of ARCHITECTURE.md between its markers. */
export function stateDiagram(): string {
  return [
    ...diagramOf("reading", "head"),
    ...diagramOf("writing", "idle"),
    "| event | side | from | to |",
    "| --- | --- | --- | --- |",
    ...rowsOf("reading"),
    ...rowsOf("writing"),
    "",
    "An abort closes both sides at once, from every state.",
  ].join("\n");
}

/** A document with the section written anew. */
export function withStateDiagram(document: string): string {
  const [before, rest] = [document.slice(0, document.indexOf(BEGIN)), document.split(END)[1] ?? ""];
  return `${before}${BEGIN}\n\n${stateDiagram()}\n\n${END}${rest}`;
}

if (import.meta.main) {
  const path = new URL("../ARCHITECTURE.md", import.meta.url);
  await Deno.writeTextFile(path, withStateDiagram(await Deno.readTextFile(path)));
}
