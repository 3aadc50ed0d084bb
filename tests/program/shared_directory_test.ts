// Several workers, and several programs, on one directory of one machine: of uploads that replace the
// same state of a file, one wins.

import { assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

/** Clients that race, and how often. */
const CLIENTS = 16;
const ROUNDS = 8;

async function countParts(path: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir(path)) if (name.endsWith(".part")) count++;
  return count;
}

/** Uploads that have all been let in by their heads, and get their content at the same time. */
async function race(path: string, ports: readonly number[], etag: string): Promise<number[]> {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, each) => RawClient.connect(ports[each % ports.length]!)),
  );
  const head = request("PUT /files/a", `If-Match: ${etag}`, "Content-Length: 6");
  for (const client of clients) await client.send(head);
  await until(async () => await countParts(path) === CLIENTS);
  const statuses = await Promise.all(clients.map(async (client, each) => {
    await client.send(String(100_000 + each));
    return (await client.readResponse("PUT")).status;
  }));
  for (const client of clients) client.close();
  return statuses.sort();
}

const WRITERS: readonly (readonly [name: string, programs: readonly (readonly string[])[]])[] = [
  ["two workers", [["--workers", "2"]]],
  ["two programs", [[], []]],
];

for (const [name, flags] of WRITERS) {
  testWith(
    FOR_PROGRAM,
    `of uploads with one If-Match one wins: ${name}`,
    () =>
      withDirectory(async (path) => {
        const programs = await Promise.all(
          flags.map((each) => Program.start(["-d", path, "--durability", "fast", ...each])),
        );
        try {
          await Deno.writeTextFile(`${path}/a`, "old");
          for (let round = 0; round < ROUNDS; round++) {
            const response = await fetch(programs[0]!.url("/files/a"), { method: "HEAD" });
            const etag = response.headers.get("etag")!;
            const statuses = await race(path, programs.map(({ port }) => port), etag);
            assertEquals(statuses, [204, ...Array(CLIENTS - 1).fill(412)]);
          }
        } finally {
          for (const program of programs) await program.stop();
        }
      }),
  );
}

testWith(
  FOR_PROGRAM,
  "a directory that another program keeps locked delays an upload, and does not block it",
  () =>
    withDirectory(async (path) => {
      const program = await Program.start(["-d", path]);
      using folder = await Deno.open(path);
      await folder.lock(true);
      const put = await fetch(program.url("/files/a"), { method: "PUT", body: "a" });
      assertEquals([put.status, await put.text()], [201, ""]);
      await program.stop();
    }),
);
