// The benchmark itself: its options, its programs, and very short runs.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { Benchmark, type Plan } from "./bench.ts";
import { parseBenchOptions, UsageError } from "./options.ts";
import { cpuTime, family, memoryOf, parseStat } from "./process.ts";
import { type Programs, type Recipe, recipes, takesPart, WIRESERVE } from "./recipes.ts";
import { ROWS } from "./rows.ts";

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

Deno.test("parseBenchOptions() throws UsageError for unknown flags and bad values", () => {
  assertEquals(parseBenchOptions(["--only", "gzip,echo"]).rows.map(({ id }) => id), [
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

const PROGRAMS: Programs = { node: null, nginx: null, caddy: null, tls: null };

function shortPlan(id: string, directory: string, recipes: Recipe[], reported: string[]): Plan {
  return {
    rows: ROWS.filter((row) => row.id === id),
    recipes,
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

Deno.test("takesPart() keeps TLS and the second way to read files to their rows", () => {
  const tls = { cert: "cert", key: "key", authority: "authority" };
  const all = recipes({ node: "node", nginx: "nginx", caddy: "caddy", tls });
  const serversOf = (id: string) =>
    all.filter((recipe) => takesPart(recipe, ROWS.find((row) => row.id === id)!))
      .map(({ name, authority }) => authority === null ? name : `${name}, TLS`);
  assertEquals(serversOf("tls"), [
    "Wireserve, TLS",
    "Deno.serve (file.readable), TLS",
    "nginx, TLS",
  ]);
  assertEquals(serversOf("page-first"), [
    "Wireserve",
    "Deno.serve (file.readable)",
    "Deno.serve (readFile)",
    "nginx",
    "Caddy",
  ]);
});

testWith(
  [...FOR_PROGRAM, "linux"],
  "Benchmark measures no server that gives wrong responses",
  () =>
    withDirectory(async (directory) => {
      const reported: string[] = [];
      const loop = recipes(PROGRAMS).find((each) => each.family === "loop")!;
      const wrongServer: Recipe = { ...loop, family: "deno", name: "wrong" };
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
      const loop = recipes(PROGRAMS).find((each) => each.family === "loop")!;
      const script = await Deno.readTextFile(new URL("./servers/bare_loop.ts", import.meta.url));
      const pause = "await new Promise((resolve) => setTimeout(resolve, 400));";
      const path = `${directory}/slow.ts`;
      await Deno.writeTextFile(path, script.replace("let filled = 0;", `$&\n${pause}`));
      const slow: Recipe = {
        ...loop,
        args: ({ port }) => ["run", "--allow-net", path, `${port}`],
      };
      const broken: Recipe = { ...loop, family: "deno", name: "broken", program: "false" };
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
      const results = await new Benchmark(shortPlan("varied", directory, servers, reported)).run();
      assertEquals(
        results.map((each) => each.family),
        ["wireserve", "workers", "deno"],
        `${reported}`,
      );
      for (const { samples, errors } of results) {
        assertEquals(errors, []);
        assert(samples.rate![0]! > 100 && samples.cpu![0]! > 0 && samples.max![0]! > 0);
      }
    }),
);
