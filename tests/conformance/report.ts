// The tables of a run: by section, and what was not allowed.

import type { Level } from "../wire/case.ts";
import type { Judged, Outcome } from "./judge.ts";

/** A server and its results. */
export interface ServerReport {
  readonly name: string;
  readonly version: string;
  readonly results: readonly Judged[];
}

/** Passed and run cases of one level. */
export interface Tally {
  readonly passed: number;
  readonly run: number;
}

/** The levels, strongest first. */
export const LEVELS: readonly Level[] = ["MUST", "SHOULD", "MAY"];

const TITLES: Readonly<Record<string, string>> = {
  "RFC 9112 2.2": "Message parsing",
  "RFC 9112 2.3": "HTTP version",
  "RFC 9112 3": "Request line",
  "RFC 9112 3.1": "Method",
  "RFC 9112 3.2": "Request target, Host",
  "RFC 9112 3.2.1": "Origin-form",
  "RFC 9112 3.2.2": "Absolute-form",
  "RFC 9112 3.2.3": "Authority-form",
  "RFC 9112 3.2.4": "Asterisk-form",
  "RFC 9112 5": "Field syntax",
  "RFC 9112 5.1": "Field line parsing",
  "RFC 9112 5.2": "Obsolete line folding",
  "RFC 9112 6": "Message body",
  "RFC 9112 6.1": "Transfer-Encoding",
  "RFC 9112 6.2": "Content-Length",
  "RFC 9112 6.3": "Message body length",
  "RFC 9112 7": "Transfer codings",
  "RFC 9112 7.1": "Chunked transfer coding",
  "RFC 9112 7.1.1": "Chunk extensions",
  "RFC 9112 7.1.2": "Chunked trailer section",
  "RFC 9112 8": "Incomplete messages",
  "RFC 9112 9.3": "Persistence",
  "RFC 9112 9.3.2": "Pipelining",
  "RFC 9112 9.6": "Tear-down",
  "RFC 9110 5.4": "Field limits",
  "RFC 9110 5.5": "Field values",
  "RFC 9110 7.4": "Rejecting misdirected requests",
  "RFC 9110 7.8": "Upgrade",
  "RFC 9110 10.1.1": "Expect",
};

/** The title of a section, as far as there are cases for it. */
export function titleOf(section: string): string {
  return TITLES[section] ?? "";
}

/** The sections that have cases, in the order of the documents. */
export function sectionsOf(results: readonly Judged[]): string[] {
  const key = (section: string) => {
    const [, rfc, numbers = ""] = section.split(" ");
    return [rfc === "9112" ? 0 : 1, ...numbers.split(".").map(Number)];
  };
  return [...new Set(results.map(({ section }) => section))].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    const at = a.findIndex((number, index) => number !== b[index]);
    return at < 0 ? a.length - b.length : (a[at] ?? -1) - (b[at] ?? -1);
  });
}

/** How many cases of a level were run, and how many passed. */
export function tally(results: readonly Judged[], level: Level): Tally {
  const run = results.filter((each) => each.level === level && each.verdict !== "skip");
  return { passed: run.filter(({ verdict }) => verdict === "pass").length, run: run.length };
}

/** A tally as people read it; empty where there is no case. */
export function fraction({ passed, run }: Tally): string {
  return run === 0 ? "" : `${passed}/${run}`;
}

/** The text for a terminal: sections, what was not allowed, and one line that sums up. */
export function textReport({ name, version, results }: ServerReport): string {
  const rows = sectionsOf(results).map((section) => {
    const own = results.filter((each) => each.section === section);
    return [section, titleOf(section), ...LEVELS.map((level) => fraction(tally(own, level)))];
  });
  const table = columns([["", "", ...LEVELS], ...rows]);
  const failures = LEVELS.flatMap((level) =>
    results.filter((each) => each.level === level && each.verdict === "fail")
  );
  const skipped = results.filter(({ verdict }) => verdict === "skip").length;
  return [
    `${name} ${version}`.trim(),
    "",
    ...table,
    "",
    ...failures.flatMap((each) => [
      `${each.level.padEnd(6)} ${each.section}: ${printable(nameOf(each))}`,
      `       allowed: ${each.allowed.join("; ")}. Outcome: ${describe(each.outcome!)}`,
    ]),
    ...(failures.length === 0 ? [] : [""]),
    ...(skipped === 0 ? [] : [`${skipped} cases with content were skipped: they need --post.`]),
    summary(results),
  ].join("\n");
}

/** The line at the end. */
export function summary(results: readonly Judged[]): string {
  const parts = LEVELS.map((level) => {
    const { passed, run } = tally(results, level);
    return `${level} ${passed} of ${run}`;
  });
  return `${parts.join(", ")} as the RFCs ask.`;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    row.map((cell, at) => at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]! + 1))
      .join("  ").trimEnd()
  );
}

/** The name of a case without its section. */
export function nameOf({ name }: Judged): string {
  return name.replace(/^(?:9110 )?[0-9.]+ /, "");
}

const LETTERS: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** Text with escapes for what is not printable ASCII, and no more of it than a line takes. */
export function printable(text: string): string {
  const escaped = text.replace(
    /[^ -~]/g,
    (octet) => LETTERS[octet] ?? `\\x${octet.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return escaped.length > 90 ? `${escaped.slice(0, 87)}...` : escaped;
}

/** An outcome as people read it. */
export function describe({ answer, status, fate, isReset }: Outcome): string {
  const answers: Readonly<Record<string, string>> = {
    accept: `accepted (${status})`,
    reject: `${status}`,
    "late reject": `accepted, then ${status}`,
    none: "no response",
    other: "no HTTP/1 response",
    split: "more responses than requests",
  };
  const fates = { keep: "persists", close: isReset ? "reset" : "closed", open: "left open" };
  return `${answers[answer]}, ${fates[fate]}`;
}

/** What `--json` writes. */
export function jsonReport(servers: readonly ServerReport[]): string {
  const report = servers.map(({ name, version, results }) => ({
    name,
    version,
    summary: Object.fromEntries(LEVELS.map((level) => [level, tally(results, level)])),
    cases: results,
  }));
  return `${JSON.stringify({ servers: report }, null, 2)}\n`;
}
