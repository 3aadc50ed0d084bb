// The ZIP format: what does not fit into its first version, and times.

import { assertEquals } from "@std/assert";
import type { ArchiveEntry } from "../../lib/archive/tar.ts";
import { writeZip } from "../../lib/archive/zip.ts";
import { NO_CONTENT } from "../../lib/http/content.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

const EMPTY = NO_CONTENT as NonNullable<ArchiveEntry["content"]>;

async function bytesOf(entries: Iterable<ArchiveEntry>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const iterated = async function* () {
    yield* entries;
  };
  for await (const piece of writeZip(iterated())) parts.push(piece.slice());
  return await new Blob(parts).bytes();
}

async function run(program: string, ...args: string[]): Promise<string> {
  const env = { TZ: "Asia/Kathmandu", LC_ALL: "C.UTF-8" };
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout);
}

testWith(
  ["read", "write", "run", "unzip"],
  "writeZip() writes more members than 16 bits can count",
  () =>
    withDirectory(async (path) => {
      const count = 70_000;
      const entries = Array.from({ length: count }, (_, at) => ({
        name: `${"long/".repeat(3)}${at}`,
        modified: 0,
        content: EMPTY,
      }));
      await Deno.writeFile(`${path}/a.zip`, await bytesOf(entries));
      const listed = await run("unzip", "-l", `${path}/a.zip`);
      assertEquals(
        listed.trimEnd().split("\n").at(-1)!.trim(),
        `0                     ${count} files`,
      );
      await run("unzip", "-tqq", `${path}/a.zip`);
    }),
);

const CHECK = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as file:
    assert file.testzip() is None
    for each in file.infolist():
        print(each.filename, each.file_size, each.date_time[0], oct(each.external_attr >> 16))
`;

testWith(
  ["read", "write", "run", "unzip", "python3"],
  "writeZip() keeps times in every time zone, and is read by Python",
  () =>
    withDirectory(async (path) => {
      const times = [
        0,
        Date.UTC(1990, 5, 1, 1, 2, 3),
        Date.UTC(2030, 0, 1),
        -1,
        Date.UTC(2200, 0, 1),
      ];
      const entries: ArchiveEntry[] = [
        { name: "å/", modified: 0, content: null },
        ...times.map((modified, at) => ({ name: `å/${at}`, modified, content: EMPTY })),
      ];
      await Deno.writeFile(`${path}/a.zip`, await bytesOf(entries));
      await run("unzip", "-q", `${path}/a.zip`, "-d", path);
      for (const [at, time] of times.slice(0, 3).entries()) {
        assertEquals((await Deno.stat(`${path}/å/${at}`)).mtime!.getTime(), time);
      }
      const lines = (await run("python3", "-c", CHECK, `${path}/a.zip`)).trimEnd().split("\n");
      assertEquals(lines, [
        "å/ 0 1980 0o40755",
        "å/0 0 1980 0o100644",
        "å/1 0 1990 0o100644",
        "å/2 0 2030 0o100644",
        "å/3 0 1980 0o100644",
        "å/4 0 2107 0o100644",
      ]);
    }),
);

Deno.test("writeZip() of nothing is an empty archive", async () => {
  const bytes = await bytesOf([]);
  assertEquals([...bytes], [0x50, 0x4b, 5, 6, ...Array(18).fill(0)]);
});
