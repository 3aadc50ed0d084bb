// Programs with few file descriptors: what they know of their limit, and what they print.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { guardCallbacks } from "../../lib/server/callbacks.ts";
import { limitedScript } from "../support/limited.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output, runProgram } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

const FAILING = new URL("./failing_server.ts", import.meta.url).pathname;

const REPLACING = new URL("./replacing_pool.ts", import.meta.url).pathname;

/** Runs a program with a limit on its descriptors. */
async function withLimit(
  limit: number,
  path: string,
  run: (outputs: { stdout: Output; stderr: Output }) => Promise<void>,
): Promise<void> {
  const command = `ulimit -n ${limit}; exec "$0" run --allow-net --allow-read "$1"`;
  const child = new Deno.Command("sh", {
    args: ["-c", command, Deno.execPath(), path],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = new Output(child.stdout);
  const stderr = new Output(child.stderr);
  try {
    await run({ stdout, stderr });
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await Promise.all([child.status, stdout.done, stderr.done]);
  }
}

testWith(
  [...FOR_PROGRAM, "linux"],
  "an error is reported with its stack, and the process lives, without free descriptors",
  () =>
    withLimit(64, FAILING, async ({ stdout, stderr }) => {
      const [, port] = await stdout.until(/port ([0-9]+)/);
      for (let round = 0; round < 3; round++) {
        const failed = await fetch(`http://127.0.0.1:${port}/fail`);
        assertEquals(failed.status, 500);
        await failed.body?.cancel();
        await stderr.until(/failed within[^]*failing_module\.ts/);
      }
      const response = await fetch(`http://127.0.0.1:${port}/`);
      assertEquals(await response.text(), "alive");
    }),
);

testWith(
  [...FOR_PROGRAM, "linux"],
  "DescriptorBudget finds a low limit, and no high one",
  async () => {
    // Deno itself has about 26, and a part is for files and other things.
    for (const [limit, least, most] of [[48, 6, 20], [64, 15, 30]] as const) {
      await withLimit(limit, FAILING, async ({ stdout }) => {
        const [, connections] = await stdout.until(/limit ([0-9]+)\n/);
        assert(Number(connections) >= least && Number(connections) <= most, connections);
      });
    }
    await withLimit(
      1024,
      FAILING,
      async ({ stdout }) => void await stdout.until(/limit Infinity\n/),
    );
  },
);

testWith(
  [...FOR_PROGRAM, "linux"],
  "too few descriptors for the workers are one line, and no panic",
  () =>
    withDirectory(async (path) => {
      const script = await limitedScript(path, 64);
      const ended = await runProgram(["--port", "0", "--workers", "4"], { script });
      assertEquals(ended.code, 1);
      assertMatch(
        ended.stderr,
        /^wireserve: too few file descriptors \(ulimit -n\) for worker \d\n$/,
      );
    }),
);

testWith(
  [...FOR_PROGRAM, "linux"],
  "WorkerPool replaces a worker when there are descriptors for it",
  () =>
    withLimit(128, REPLACING, async ({ stdout, stderr }) => {
      await stdout.until(/1 failed: it is broken[^]*waits for file descriptors[^]*1 restarted/);
      assert(!stderr.text.includes("panicked"), stderr.text);
    }),
);

Deno.test("guardObserver() prints an error for want of descriptors as one line", () => {
  const lines: unknown[][] = [];
  const original = console.error;
  console.error = (...values) => void lines.push(values);
  try {
    const callbacks = guardCallbacks({}, { withFree: (run) => run() });
    callbacks.onError(Object.assign(new Error("Too many open files"), { code: "EMFILE" }), null);
    callbacks.onError(new Error("another"), null);
  } finally {
    console.error = original;
  }
  assertEquals(lines[0], ["wireserve: Too many open files"]);
  assertStringIncludes(String(lines[1]![0]), "another");
});
