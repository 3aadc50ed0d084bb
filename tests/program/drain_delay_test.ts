// --drain-delay: after the signal the program is not ready any more, and serves on for a while.

import { assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { headers: { Connection: "close" } });
  await response.body?.cancel();
  return response.status;
}

for (const workers of ["1", "2"]) {
  testWith(
    FOR_PROGRAM,
    `the program serves on, not ready, until a second signal or the delay is over, ${workers} workers`,
    async () => {
      const delay = ["--drain-delay", "3600", "--workers", workers];
      const program = await Program.start([...delay, "--admin", "127.0.0.1:0"]);
      const [, admin] = await program.until(/\badmin (http:\S+)/);
      assertEquals(await statusOf(`${admin}readyz`), 200);
      Deno.kill(program.pid, "SIGTERM");
      await program.until(/\bdrain_delay 3600 s$/m);
      assertEquals(await statusOf(`${admin}readyz`), 503);
      assertEquals(await statusOf(`${admin}healthz`), 200);
      assertEquals(await statusOf(program.url("/echo/still")), 200);
      assertEquals((await program.stop()).code, 0);
    },
  );
}

testWith(FOR_PROGRAM, "the program drains when --drain-delay is over", async () => {
  const program = await Program.start(["--drain-delay", "0.05"]);
  const { code, log, stderr } = await program.stop();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(log.match(/\] (drain_delay|draining) /g), ["] drain_delay ", "] draining "]);
});
