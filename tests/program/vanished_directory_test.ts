// A served directory that is removed while the program runs, and created again.

import { assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

async function ask(url: string, init: RequestInit = {}): Promise<[status: number, text: string]> {
  const response = await fetch(url, init);
  return [response.status, await response.text()];
}

for (const workers of ["1", "2"]) {
  testWith(
    FOR_PROGRAM,
    `requests for files are 503 while the directory is missing, and recover (${workers} workers)`,
    () =>
      withDirectory(async (parent) => {
        const path = `${parent}/served`;
        await Deno.mkdir(path);
        const program = await Program.start([
          ...["--directory", path, "--allow-delete", "--admin", "127.0.0.1:0"],
          ...["--workers", workers],
        ]);
        const [, admin] = await program.until(/admin (http:\S+)\//);
        const isReady = async () => (await ask(`${admin}/readyz`))[0] === 200;
        const file = program.url("/files/a");
        for (let round = 1; round <= 2; round++) {
          assertEquals(await ask(file, { method: "PUT", body: "kept" }), [201, ""]);
          assertEquals(await ask(file), [200, "kept"]);
          assertEquals((await ask(program.url("/files/b")))[0], 404);
          await Deno.remove(path, { recursive: true });
          for (
            const [method, target] of [
              ["GET", "/files/a"],
              ["GET", "/files/"],
              ["GET", "/files/deep/er"],
              ["PUT", "/files/a"],
              ["POST", "/files/deep/er"],
              ["DELETE", "/files/a"],
            ] as const
          ) {
            const hasBody = method === "PUT" || method === "POST";
            // More than what is received without a check of the space that is left.
            const body = hasBody ? new Uint8Array(100_000) : null;
            const [status, text] = await ask(program.url(target), { method, body });
            assertEquals(status, 503, `${method} ${target}`);
            assertMatch(text, /^The served directory is missing/);
          }
          assertEquals((await ask(program.url("/echo/a")))[0], 200);
          await until(async () => !await isReady());
          assertEquals((await ask(`${admin}/healthz`))[0], 200);
          await Deno.mkdir(path);
          await until(isReady);
          assertEquals(program.log.match(/directory_missing/g)?.length, round);
          await until(() => program.log.match(/directory_available/g)?.length === round);
        }
        const { code, stderr } = await program.stop();
        assertEquals({ code, stderr }, { code: 0, stderr: "" });
      }),
  );
}
