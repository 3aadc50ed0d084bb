// The chart of README.md and docs/benchmark.md: CPU time per request to Wireserve's, as an SVG. Text takes its colour
// from the reader's scheme, bars have one that is seen on light and dark.

import { figure, ofRow, ratio, type Result } from "./results.ts";
import { show } from "./report.ts";
import { type Family, FAMILY_NAMES, type Row } from "./row.ts";

/** All but the two workers, which have rows for scaling only. */
const FAMILIES: readonly Family[] = ["wireserve", "loop", "deno", "node", "nginx", "caddy"];

const COLOURS: Readonly<Record<Family, string>> = {
  wireserve: "#2f81f7",
  workers: "#2f81f7",
  loop: "#8b949e",
  deno: "#d29922",
  node: "#3fb950",
  nginx: "#bc6bd9",
  caddy: "#e5534b",
};

const WIDTH = 860;
const LEFT = 290;
const RIGHT = 150;
const TOP = 92;
const BAR = 13;
const GAP = 3;
const BETWEEN = 16;

/** Bars of larger ratios are truncated; their labels have the figure. */
const LONGEST = 3;

const STYLE = `text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.quiet { fill: #59636e; }
.axis { stroke: #8b949e; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .quiet { fill: #9198a1; }
}`;

/** The chart of the rows that have a CPU time. */
export function chart(rows: readonly Row[], results: readonly Result[]): string {
  const parts: string[] = [];
  let top = TOP;
  for (const row of rows) {
    const group = groupOf(row, ofRow(results, row), top);
    if (group === null) continue;
    parts.push(group.markup);
    top += group.height + BETWEEN;
  }
  const x = LEFT + scale(1);
  const axis = `<line class="axis" x1="${x}" y1="${TOP - 8}" x2="${x}" y2="${top - BETWEEN + 4}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" ` +
    `width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}">
<title id="title">CPU time per request, relative to Wireserve</title>
<desc id="desc">${escape(describe(rows, results))}</desc>
<style>${STYLE}</style>
<text class="title" x="16" y="28">CPU time per request, relative to Wireserve</text>
<text class="quiet" x="16" y="48">Shorter is better. The dashed line is Wireserve. To the right: CPU time per request, and the ratio.</text>
${legend()}
${axis}
${parts.join("\n")}
</svg>
`;
}

function legend(): string {
  let x = 16;
  return FAMILIES.map((family) => {
    const name = FAMILY_NAMES[family];
    const item = `<rect x="${x}" y="62" width="11" height="11" rx="2" fill="${COLOURS[family]}"/>` +
      `<text x="${x + 16}" y="72">${escape(name)}</text>`;
    x += 40 + 7 * name.length;
    return item;
  }).join("\n");
}

function scale(value: number): number {
  return Math.round(10 * Math.min(value, LONGEST) / LONGEST * (WIDTH - LEFT - RIGHT)) / 10;
}

function groupOf(
  row: Row,
  results: readonly Result[],
  top: number,
): { markup: string; height: number } | null {
  const ours = results.find(({ family }) => family === "wireserve");
  const bars = FAMILIES.flatMap((family) => {
    const result = results.find((each) => each.family === family);
    const value = figure(result, "cpu");
    const part = ratio(result, ours, "cpu");
    return value === null || part === null ? [] : [{ family, value: value.median, part }];
  });
  if (bars.length === 0) return null;
  const height = bars.length * (BAR + GAP) - GAP;
  const label = `<text x="${LEFT - 12}" y="${top + height / 2 + 4}" text-anchor="end">` +
    `${escape(row.title)}</text>`;
  const drawn = bars.map(({ family, value, part }, index) => {
    const y = top + index * (BAR + GAP);
    const width = Math.max(1, scale(part));
    const cut = part > LONGEST ? `<text x="${LEFT + width + 4}" y="${y + 11}">»</text>` : "";
    return `<rect x="${LEFT}" y="${y}" width="${width}" height="${BAR}" rx="2" ` +
      `fill="${COLOURS[family]}"/>${cut}<text class="quiet" x="${WIDTH - 70}" y="${y + 11}" ` +
      `text-anchor="end">${duration(value)}</text><text class="quiet" x="${WIDTH - 16}" ` +
      `y="${y + 11}" text-anchor="end">${part.toFixed(2)}</text>`;
  });
  return { markup: [label, ...drawn].join("\n"), height };
}

function duration(value: number): string {
  return value >= 10_000 ? `${show(value / 1000)} ms` : `${show(value)} µs`;
}

function describe(rows: readonly Row[], results: readonly Result[]): string {
  return rows.flatMap((row) => {
    const shown = ofRow(results, row).filter(({ family }) => FAMILIES.includes(family));
    const all = shown.flatMap((result) => {
      const value = figure(result, "cpu");
      return value === null ? [] : [`${result.server} ${show(value.median)}`];
    });
    return all.length === 0 ? [] : [`${row.title}: ${all.join(", ")} microseconds.`];
  }).join(" ");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
