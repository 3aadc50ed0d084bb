// A disk that is really full: a small tmpfs. Where mounting is not allowed, the test says so.

import { assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withProgram } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { listTree, withDirectory } from "../support/temp.ts";

const MiB = 1024 * 1024;

/** Runs with a file system of 4 MiB. */
async function withSmallDisk(run: (path: string) => Promise<void>): Promise<void> {
  await withDirectory(async (path) => {
    const execute = async (name: string, ...args: string[]) => {
      const { success } = await new Deno.Command(name, { args }).output();
      if (!success) throw new Error(`${name} has failed`);
    };
    await execute("mount", "-t", "tmpfs", "-o", "size=4m", "none", path);
    try {
      await run(path);
    } finally {
      await execute("umount", path);
    }
  });
}

testWith(
  [...FOR_PROGRAM, "mount"],
  "a full disk is 507, the old file stays, and serving goes on",
  () =>
    withSmallDisk((path) =>
      withProgram(["--directory", path], async (program) => {
        await Deno.writeTextFile(`${path}/old`, "as it was");
        const upload = async (headers: readonly string[], content: string | null) => {
          using client = await RawClient.connect(program.port);
          await client.send(request("PUT /files/old", ...headers));
          if (content !== null) await client.trySend(content);
          return (await client.readResponse()).status;
        };
        const assertUntouched = async () => {
          assertEquals(await listTree(path), ["old"]);
          assertEquals(await Deno.readTextFile(`${path}/old`), "as it was");
        };

        // A length that there is no room for is refused before a single byte is asked for.
        const declared = ["Expect: 100-continue", `Content-Length: ${8 * MiB}`];
        assertEquals(await upload(declared, null), 507);
        await assertUntouched();

        // In the middle: the length is not known before.
        const chunk = `${MiB.toString(16)}\r\n${"x".repeat(MiB)}\r\n`;
        assertEquals(await upload(["Transfer-Encoding: chunked"], chunk.repeat(8)), 507);
        await assertUntouched();

        assertEquals(await upload(["Content-Length: 3"], "new"), 204);
        assertEquals(await Deno.readTextFile(`${path}/old`), "new");
        assertEquals(program.stderr, "");
      })
    ),
);
