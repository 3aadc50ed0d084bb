// The figures and reports of the benchmark: statistics, targets, tables and the chart.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { testWith } from "../support/needs.ts";
import { chart } from "./chart.ts";
import { align, markdownTable, missText, show, textReport, withNewest } from "./report.ts";
import { judge, ofRow, type Result } from "./results.ts";
import type { Family, Row } from "./row.ts";
import { ROWS } from "./rows.ts";
import { quantile, spread } from "./statistics.ts";

function row(id: string): Row {
  return ROWS.find((each) => each.id === id)!;
}

function result(id: string, server: Family, rate: number[], cpu: number[] = rate): Result {
  return { row: id, family: server, server, samples: { rate, cpu }, errors: [] };
}

Deno.test("spread() gives the value in the middle and the ends", () => {
  assertEquals(spread([9, 1, 5]), { median: 5, least: 1, most: 9 });
  assertEquals(spread([1, 2, 10, 3]), { median: 2.5, least: 1, most: 10 });
  assertThrows(() => spread([]), RangeError);
});

Deno.test("quantile() gives the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assertEquals([0, 0.5, 0.99, 1].map((part) => quantile(hundred, part)), [1, 50, 99, 100]);
  assertThrows(() => quantile([], 0.5), RangeError);
});

Deno.test("ofRow() selects the better of two idioms", () => {
  const slow = { ...result("file-1k", "deno", [1, 2, 3]), server: "slow" };
  const fast = { ...result("file-1k", "deno", [4, 5, 6]), server: "fast" };
  for (const pair of [[slow, fast], [fast, slow]]) {
    assertEquals(ofRow(pair, row("file-1k")).map(({ server }) => server), ["fast"]);
  }
  const invalid = { ...fast, errors: ["7 errors of read"] };
  assertEquals(ofRow([invalid, slow], row("file-1k")), [slow]);
});

Deno.test("judge() compares medians with the targets", () => {
  const verdicts = (ours: number) =>
    judge([row("echo")], [
      result("echo", "wireserve", [1, ours, 100]),
      result("echo", "deno", [10]),
      result("echo", "loop", [8]),
    ]).map(({ measured, isMet }) => [measured, isMet]);
  assertEquals(verdicts(9), [[0.9, true], [1.125, true]]);
  assertEquals(verdicts(11), [[1.1, false], [1.375, false]]);
});

Deno.test("judge() gives no verdict on invalid or missing figures", () => {
  const broken = { ...result("echo", "wireserve", [1]), errors: ["wrong answer"] };
  const verdicts = judge([row("echo")], [broken, result("echo", "deno", [10])]);
  assertEquals(verdicts.map(({ measured, isMet }) => [measured, isMet]), [[null, false], [
    null,
    false,
  ]]);
});

Deno.test("show() keeps three significant digits", () => {
  assertEquals([0.123, 1.234, 12.34, 1234.5].map(show), ["0.12", "1.23", "12.3", "1,235"]);
});

Deno.test("align() pads columns", () => {
  assertEquals(
    align([["", "a"], ["x", "10"], ["long", "1"]]),
    "         a\n  x     10\n  long   1",
  );
});

Deno.test("missText() names the row, its target and the figure", () => {
  const verdicts = judge([row("varied")], [
    result("varied", "wireserve", [9]),
    result("varied", "deno", [6]),
  ]);
  assertEquals(verdicts.map(missText), [
    "varied: CPU µs/request <= 1.15 x Deno.serve, measured: 1.50x",
  ]);
});

const RESULTS = [
  result("echo", "wireserve", [100, 200, 300], [8, 10, 12]),
  result("echo", "deno", [50, 100, 150], [19, 20, 21]),
  { ...result("echo", "nginx", [1]), errors: ["7 errors of read"] },
];

Deno.test("textReport() shows medians, ranges, ratios, targets and what is invalid", () => {
  const text = textReport([row("echo")], RESULTS);
  assert(/wireserve +200 \[100-300\] +1\.00x +10\.0 \[8\.00-12\.0\]/.test(text), text);
  assert(/deno +100 \[50\.0-150\] +0\.50x +20\.0 \[19\.0-21\.0\] +2\.00x/.test(text), text);
  assert(text.includes("INVALID: nginx: 7 errors of read"), text);
  assert(text.includes("Targets: 1 of 2 met"), text);
  assert(/CPU µs\/request <= 1\.00 x Deno\.serve +0\.50x +met/.test(text), text);
});

Deno.test("markdownTable() shows medians, ratios, and what is invalid", () => {
  const [head, rule, rates] = markdownTable([row("echo")], RESULTS).split("\n");
  assertEquals(
    head,
    "| row | figure | Wireserve | Wireserve, 2 workers | bare loop | Deno.serve | node:http | nginx | Caddy |",
  );
  assertEquals(rule, "| --- | --- | --: | --: | --: | --: | --: | --: | --: |");
  assertEquals(rates, "| `/echo/abc` | requests/s | **200** |  |  | 100 (0.50) |  | invalid |  |");
});

Deno.test("markdownTable() shows the latencies of the rows about them", () => {
  const figures = (id: string) =>
    markdownTable([row(id)], RESULTS).split("\n").slice(2).map((line) =>
      line.split("|")[2]!.trim()
    );
  assertEquals(figures("echo"), ["requests/s", "CPU µs/request"]);
  assertEquals(figures("connections-5000").slice(2), ["p50 ms", "p99 ms", "p99.9 ms", "max ms"]);
});

testWith(["read"], "withNewest() replaces what is between the document's markers", async () => {
  const path = new URL("../../docs/benchmark.md", import.meta.url).pathname;
  const document = await Deno.readTextFile(path);
  const newest = withNewest(document, [row("echo")], RESULTS, ["A note of $1."]);
  const [before, after] = [document, newest].map((text) => text.split(/<!-- bench:[a-z]+ -->/));
  assertEquals([after![0], after![2]], [before![0], before![2]]);
  assert(after![1]!.includes(markdownTable([row("echo")], RESULTS)), after![1]);
  assert(after![1]!.includes("A note of $1."), after![1]);
  assertThrows(() => withNewest("# No markers\n", [], [], []), Error, "no markers");
});

Deno.test("chart() draws bars to scale, and describes them in text", () => {
  const svg = chart([row("echo")], RESULTS);
  const widths = [...svg.matchAll(/<rect [^>]*width="([0-9.]+)" height="13"/g)]
    .map(([, width]) => Number(width));
  assertEquals(widths.length, 2, "what is invalid has no bar");
  assert(Math.abs(widths[1]! / widths[0]! - 2) < 0.01);
  assert(svg.includes("/echo/abc: wireserve 10.0, deno 20.0 microseconds."));
  assert(svg.startsWith("<svg ") && svg.includes("<title ") && svg.endsWith("</svg>\n"));
});
