// The benchmark itself: statistics, parsers and reports, the refusal of wrong responses, and a very
// short run.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { Benchmark, type Plan } from "./bench.ts";
import { chart } from "./chart.ts";
import { checkAnswer, WrongAnswer } from "./check.ts";
import { parseResult, wrkScript } from "./drive.ts";
import { parseBenchOptions, UsageError } from "./options.ts";
import { cpuTime, family, memoryOf, parseStat } from "./process.ts";
import { align, markdownTable, show, textReport, withNewest } from "./report.ts";
import { judge, ofWork, type Result } from "./results.ts";
import { type Programs, type Recipe, recipes, WIRESERVE } from "./servers.ts";
import { quantile, spread } from "./statistics.ts";
import { type Family, type Work, WORKS } from "./works.ts";

function work(id: string): Work {
  return WORKS.find((each) => each.id === id)!;
}

function result(id: string, server: Family, rate: number[], cpu: number[] = rate): Result {
  return { work: id, family: server, server, samples: { rate, cpu }, errors: [] };
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

const OUTPUT = 'Running 600s test\n  2 requests\nresult {"requests":200,"bytes":5000,' +
  '"duration":500000,"p50":1500,"p99":2500,"connect":0,"read":0,"write":0,"status":0,"timeout":0}\n';

Deno.test("parseResult() reads what wrk's script has written", () => {
  assertEquals(parseResult(OUTPUT, null), {
    requests: 200,
    seconds: 0.5,
    p50: 1.5,
    p99: 2.5,
    errors: [],
  });
  assertEquals(parseResult(OUTPUT, 2000).requests, 2.5);
  assertThrows(() => parseResult("unable to connect", null), SyntaxError, "unable to connect");
});

Deno.test("parseResult() names every kind of error", () => {
  for (const kind of ["connect", "read", "write", "status", "timeout"]) {
    const output = OUTPUT.replace(`"${kind}":0`, `"${kind}":7`);
    assertEquals(parseResult(output, null).errors, [`7 errors of ${kind}`]);
  }
});

Deno.test("wrkScript() sends the row's fields", () => {
  const script = wrkScript(work("browser").request);
  assert(script.includes(String.raw`wrk.headers["sec-ch-ua-platform"] = "\"Linux\""`));
  assertEquals(Object.keys(work("browser").request.fields).length + 1, 12, "with Host");
});

Deno.test("parseStat() parses a name with any characters", () => {
  const line = "42 (a) R 1) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 9 0 5 6 7\n";
  assertEquals(parseStat(line), { pid: 42, parent: 7, ticks: 100 });
  assertThrows(() => parseStat("42 (short) S 7"), SyntaxError);
});

Deno.test("family() has all descendants, and no other process", () => {
  const stats = [[1, 0], [5, 1], [6, 5], [7, 6], [8, 1]].map(([pid, parent]) => ({
    pid: pid!,
    parent: parent!,
    ticks: 0,
  }));
  assertEquals(family(stats, 5).map(({ pid }) => pid), [5, 6, 7]);
});

testWith([...FOR_PROGRAM, "linux"], "cpuTime() and memoryOf() measure a process", async () => {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
  const writer = child.stdin.getWriter();
  const bytes = new Uint8Array(1 << 23);
  await until(async () => {
    await writer.write(bytes);
    return await cpuTime(child.pid) > 0;
  });
  const { resident, peak } = await memoryOf(child.pid);
  assert(resident > 1e5 && peak >= resident);
  await writer.close();
  await child.status;
  await assertRejects(() => cpuTime(child.pid), Error, "has ended");
});

Deno.test("ofWork() selects the better of two idioms", () => {
  const slow = { ...result("file-1k", "deno", [1, 2, 3]), server: "slow" };
  const fast = { ...result("file-1k", "deno", [4, 5, 6]), server: "fast" };
  for (const pair of [[slow, fast], [fast, slow]]) {
    assertEquals(ofWork(pair, work("file-1k")).map(({ server }) => server), ["fast"]);
  }
  const invalid = { ...fast, errors: ["7 errors of read"] };
  assertEquals(ofWork([invalid, slow], work("file-1k")), [slow]);
});

Deno.test("judge() compares medians with the targets", () => {
  const verdicts = (ours: number) =>
    judge([work("echo")], [
      result("echo", "wireserve", [1, ours, 100]),
      result("echo", "deno", [10]),
      result("echo", "floor", [8]),
    ]).map(({ measured, isMet }) => [measured, isMet]);
  assertEquals(verdicts(9), [[0.9, true], [1.125, true]]);
  assertEquals(verdicts(11), [[1.1, false], [1.375, false]]);
});

Deno.test("judge() gives no verdict on invalid or missing figures", () => {
  const broken = { ...result("echo", "wireserve", [1]), errors: ["wrong answer"] };
  const verdicts = judge([work("echo")], [broken, result("echo", "deno", [10])]);
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

const RESULTS = [
  result("echo", "wireserve", [100, 200, 300], [8, 10, 12]),
  result("echo", "deno", [50, 100, 150], [19, 20, 21]),
  { ...result("echo", "nginx", [1]), errors: ["7 errors of read"] },
];

Deno.test("textReport() shows medians, ranges, ratios, targets and what is invalid", () => {
  const text = textReport([work("echo")], RESULTS);
  assert(/wireserve +200 \[100-300\] +1\.00x +10\.0 \[8\.00-12\.0\]/.test(text), text);
  assert(/deno +100 \[50\.0-150\] +0\.50x +20\.0 \[19\.0-21\.0\] +2\.00x/.test(text), text);
  assert(text.includes("INVALID: nginx: 7 errors of read"), text);
  assert(text.includes("Targets: 1 of 2 met"), text);
  assert(/CPU µs\/request <= 1\.00 x Deno\.serve +0\.50x +met/.test(text), text);
});

Deno.test("markdownTable() shows medians and ratios", () => {
  const [head, rule, rates] = markdownTable([work("echo")], RESULTS).split("\n");
  assertEquals(
    head,
    "| work | figure | Wireserve | Wireserve, 2 workers | floor | Deno.serve | node:http | nginx |",
  );
  assertEquals(rule, "| --- | --- | --: | --: | --: | --: | --: | --: |");
  assertEquals(rates, "| `/echo/abc` | requests/s | **200** |  |  | 100 (0.50) |  |  |");
});

testWith(["read"], "withNewest() replaces what is between the document's markers", async () => {
  const path = new URL("../../docs/benchmark.md", import.meta.url).pathname;
  const document = await Deno.readTextFile(path);
  const newest = withNewest(document, [work("echo")], RESULTS, ["A note of $1."]);
  const [before, after] = [document, newest].map((text) => text.split(/<!-- bench:[a-z]+ -->/));
  assertEquals([after![0], after![2]], [before![0], before![2]]);
  assert(after![1]!.includes(markdownTable([work("echo")], RESULTS)), after![1]);
  assert(after![1]!.includes("A note of $1."), after![1]);
  assertThrows(() => withNewest("# No markers\n", [], [], []), Error, "no markers");
});

Deno.test("chart() draws bars to scale, and describes them in text", () => {
  const svg = chart([work("echo")], RESULTS);
  const widths = [...svg.matchAll(/<rect [^>]*width="([0-9.]+)" height="13"/g)]
    .map(([, width]) => Number(width));
  assertEquals(widths.length, 2, "what is invalid has no bar");
  assert(Math.abs(widths[1]! / widths[0]! - 2) < 0.01);
  assert(svg.includes("/echo/abc: wireserve 10.0, deno 20.0 microseconds."));
  assert(svg.startsWith("<svg ") && svg.includes("<title ") && svg.endsWith("</svg>\n"));
});

Deno.test("parseBenchOptions() throws UsageError for unknown flags and bad values", () => {
  assertEquals(parseBenchOptions(["--only", "gzip,echo"]).works.map(({ id }) => id), [
    "echo",
    "gzip",
  ]);
  for (
    const args of [["--fast"], ["--readme"], ["stray"], ["--only", "no"], ["--rounds", "0"], [
      "--json",
    ]]
  ) {
    assertThrows(() => parseBenchOptions(args), UsageError);
  }
});

testWith(["read"], "WIRESERVE is what your_program.sh runs", async () => {
  const script = await Deno.readTextFile(new URL("../../your_program.sh", import.meta.url));
  const [, command = ""] = /exec "\$deno" ([^]*) "\$@"/.exec(script) ?? [];
  const root = new URL("../../", import.meta.url).pathname;
  const words = command.replaceAll("\\\n", " ").replaceAll('"', "").replaceAll("$here/", root);
  assertEquals(words.trim().split(/\s+/), [...WIRESERVE]);
});

const WRONG_RESPONSES: readonly [id: string, answer: string][] = [
  ["echo", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd"],
  ["echo", "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc"],
  ["echo", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"],
  ["gzip", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
  ["file-1k", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
  ["pipelined", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".repeat(16)],
];

testWith(["net"], "checkAnswer() throws WrongAnswer for a wrong response", async () => {
  for (const [id, answer] of WRONG_RESPONSES) {
    const check = checkWith(answer, id);
    await assertRejects(() => check, WrongAnswer);
  }
  await checkWith("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "echo");
});

/** Checks a real server that answers every request with fixed bytes. */
async function checkWith(answer: string, id: string): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(65536));
    await conn.write(new TextEncoder().encode(answer));
    await conn.closeWrite();
    await conn.read(new Uint8Array(1)).catch(() => null);
  })();
  try {
    await checkAnswer(listener.addr.port, "deno", work(id));
  } finally {
    await serving;
  }
}

const PROGRAMS: Programs = { node: null, nginx: null, hasDav: false };

function shortPlan(id: string, directory: string, recipes: Recipe[], reported: string[]): Plan {
  return {
    works: [work(id)],
    recipes,
    programs: PROGRAMS,
    directory,
    rounds: 1,
    budget: 0,
    idles: 0,
    starts: 0,
    connections: 0,
    warms: "first",
    report: (text) => reported.push(text),
  };
}

testWith(
  [...FOR_PROGRAM, "linux"],
  "Benchmark measures no server that gives wrong responses",
  () =>
    withDirectory(async (directory) => {
      const reported: string[] = [];
      const floor = recipes(PROGRAMS).find((each) => each.family === "floor")!;
      const wrongServer: Recipe = { ...floor, family: "deno", name: "wrong" };
      const [result] = await new Benchmark(
        shortPlan("user-agent", directory, [wrongServer], reported),
      ).run();
      assertEquals(result?.samples, {}, "not even warmed");
      assertEquals(result?.errors, ["wrong answer: the content is not what it should be"]);
      assert(reported.some((text) => text.startsWith("INVALID: wrong")), `${reported}`);
    }),
);

testWith(
  [...FOR_PROGRAM, "linux", "wrk"],
  "Benchmark waits for a server that is slow, and goes on without one that does not start",
  () =>
    withDirectory(async (directory) => {
      const floor = recipes(PROGRAMS).find((each) => each.family === "floor")!;
      const script = await Deno.readTextFile(new URL("./servers/floor.ts", import.meta.url));
      const pause = "await new Promise((resolve) => setTimeout(resolve, 400));";
      const path = `${directory}/slow.ts`;
      await Deno.writeTextFile(path, script.replace("let filled = 0;", `$&\n${pause}`));
      const slow: Recipe = {
        ...floor,
        args: (port) => Promise.resolve(["run", "--allow-net", path, `${port}`]),
      };
      const broken: Recipe = { ...floor, family: "deno", name: "broken", program: "false" };
      const results = await new Benchmark(shortPlan("echo", directory, [slow, broken], [])).run();
      assertEquals(results.map(({ errors }) => errors), [
        [],
        ["Error: broken has ended at its start"],
      ]);
      assert(results[0]!.samples.rate![0]! > 0);
    }),
);

testWith(
  [...FOR_PROGRAM, "linux", "wrk"],
  "Benchmark measures a row with wrk",
  () =>
    withDirectory(async (directory) => {
      const reported: string[] = [];
      const servers = recipes(PROGRAMS).filter((each) => each.family !== "node");
      const results = await new Benchmark(shortPlan("echo", directory, servers, reported)).run();
      assertEquals(
        results.map((each) => each.family),
        ["wireserve", "workers", "floor", "deno"],
        `${reported}`,
      );
      for (const { samples, errors } of results) {
        assertEquals(errors, []);
        assert(samples.rate![0]! > 100 && samples.cpu![0]! > 0 && samples.peak![0]! > 1e6);
      }
    }),
);
