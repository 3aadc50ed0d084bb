// The tables of several servers side by side, for docs/conformance-peers.md.

import type { Judged } from "./judge.ts";
import {
  describe,
  fraction,
  LEVELS,
  nameOf,
  printable,
  sectionsOf,
  type ServerReport,
  tally,
  titleOf,
} from "./report.ts";
import type { Recipe } from "./servers.ts";

const BEGIN = "<!-- peers:begin -->";
const END = "<!-- peers:end -->";

/** A table of servers and levels, and the servers that are not there. */
export function peerSummary(reports: readonly ServerReport[], missing: readonly Recipe[]): string {
  const rows = reports.map(({ name, version, results }) => [
    `${name} ${version}`,
    ...LEVELS.map((level) => fraction(tally(results, level))),
  ]);
  return [...table(["server", ...LEVELS], rows), ...missingNotes(missing)].join("\n");
}

function missingNotes(missing: readonly Recipe[]): string[] {
  if (missing.length === 0) return [];
  const names = missing.map((each) => `${each.name} (Debian package ${each.package})`);
  return ["", `Not installed, and so left out: ${names.join(", ")}.`];
}

/** The document with its tables brought up to date. */
export function withPeers(
  document: string,
  reports: readonly ServerReport[],
  missing: readonly Recipe[],
): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`The document has no ${BEGIN} and ${END}`);
  const parts = [
    peerSummary(reports, missing),
    "### By section\n\nCases that are not as the RFCs ask: MUST + SHOULD. Empty: none.",
    sectionTable(reports),
    "### Where a choice is left\n\nBoth answers are taken; the table shows what each server does.",
    choiceTable(reports),
    "### Every MUST that is broken",
    ...reports.map(failureList),
  ];
  return `${before}${BEGIN}\n\n${parts.join("\n\n")}\n\n${END}${after}`;
}

function sectionTable(reports: readonly ServerReport[]): string {
  const rows = sectionsOf(reports[0]!.results).map((section) => {
    const failed = reports.map(({ results }) => {
      const own = results.filter((each) => each.section === section && each.verdict === "fail");
      const [musts, shoulds] = LEVELS.map((level) =>
        own.filter((each) => each.level === level).length
      );
      return musts === 0 && shoulds === 0 ? "" : `${musts} + ${shoulds}`;
    });
    return [`${section} ${titleOf(section)}`, ...failed];
  });
  return table(["section", ...reports.map(({ name }) => name)], rows).join("\n");
}

/** Cases that many ask about, of those on which the RFCs take more than one answer. */
const CHOICES = [
  "2.2 bare LF after a field",
  "2.2 bare LF after the request line",
  "2.2 bare CR in a field",
  "5.2 obs-fold with a space",
  "3 GET  /a HTTP/1.1",
  "3.2 Host: ",
  "3.2.1 /%00",
  "6.1 both framings: Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
  "6.1 Transfer-Encoding: chunked,",
  "6.1 Transfer-Encoding in HTTP/1.0",
  "6.2 Content-Length: 5, 5",
  "6.3 two equal lengths",
  "7.1 leading zeros",
  "7.1.1 a long extension",
  "8 the end after the last octet",
  "9.3 HTTP/1.0 with keep-alive",
  "9110 5.5 value with 0x0",
  "9110 5.5 value with 0x1",
  "9110 10.1.1 another expectation",
];

function choiceTable(reports: readonly ServerReport[]): string {
  const rows = CHOICES.map((name) => {
    const outcomes = reports.map(({ results }) => {
      const found = results.find((each) => each.name === name);
      if (found?.outcome == null) return "";
      const { answer, status } = found.outcome;
      const text = answer === "accept" ? "accepts" : answer === "none" ? "closes" : `${status}`;
      return found.verdict === "fail" ? `**${text}**` : text;
    });
    return [`\`${printable(name.trimEnd())}\``, ...outcomes];
  });
  return table(["case", ...reports.map(({ name }) => name)], rows).join("\n");
}

function failureList({ name, results }: ServerReport): string {
  const failed = results.filter((each) => each.level === "MUST" && each.verdict === "fail");
  if (failed.length === 0) return `**${name}**: none.`;
  const groups = new Map<string, Judged[]>();
  for (const each of failed) {
    const key = `${each.section}, allowed ${each.allowed.join(" or ")}: ${describe(each.outcome!)}`;
    groups.set(key, [...groups.get(key) ?? [], each]);
  }
  const lines = [...groups].map(([key, cases]) =>
    `- ${key}: ${cases.map((each) => code(printable(nameOf(each)))).join(", ")}`
  );
  return `**${name}**:\n\n${lines.join("\n")}`;
}

/** Text as code, whatever marks and spaces it has. */
function code(text: string): string {
  const fence = text.includes("`") ? "``" : "`";
  return `${fence}${text === "" ? " " : text}${fence}`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), `| --- |${" ---: |".repeat(header.length - 1)}`, ...rows.map(line)];
}
