// A log in a real file, while it is rotated, and on a full disk.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AccessLog } from "../../lib/access_log/access_log.ts";
import { LogFile } from "../../lib/access_log/log_file.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

/** Runs with a log in a file of a directory of its own. */
function withLogFile(
  run: (file: LogFile, path: string, folder: string) => Promise<void>,
): Promise<void> {
  return withDirectory(async (folder) => {
    const path = `${folder}/access.log`;
    const file = await LogFile.open(path);
    try {
      await run(file, path, folder);
    } finally {
      await file.close();
    }
  });
}

testWith(
  ["read", "write", "linux"],
  "LogFile appends to a file that the group may read and others may not",
  () =>
    withLogFile(async (file, path) => {
      assertEquals(await file.write("one\n"), 0);
      const again = await LogFile.open(path);
      assertEquals(await again.write("two\n"), 0);
      await again.close();
      assertEquals(await file.write("three\n"), 0);
      assertEquals(await Deno.readTextFile(path), "one\ntwo\nthree\n");
      const { mode } = await Deno.stat(path);
      assertEquals(mode! & 0o137, 0);
    }),
);

testWith(
  ["read", "write"],
  "LogFile begins below a line that a crash has torn",
  () =>
    withLogFile(async (file, path) => {
      await Deno.writeTextFile(path, "whole\nto");
      await file.reopen();
      assertEquals(await file.write("next\n"), 0);
      assertEquals(await Deno.readTextFile(path), "whole\nto\nnext\n");
    }),
);

testWith(
  ["read", "write"],
  "LogFile goes on in the old file where the new one cannot be opened",
  () =>
    withLogFile(async (file, path, folder) => {
      await file.write("one\n");
      await Deno.rename(path, `${folder}/old`);
      await Deno.mkdir(path);
      await assertRejects(() => file.reopen(), Error);
      assertEquals(await file.write("two\n"), 0);
      assertEquals(await Deno.readTextFile(`${folder}/old`), "one\ntwo\n");
      await Deno.remove(path);
      await file.reopen();
      assertEquals(await file.write("three\n"), 0);
      assertEquals(await Deno.readTextFile(path), "three\n");
    }),
);

testWith(
  ["read", "write", "run", "mkfifo"],
  "LogFile opens the new file when the write under way has ended in the old one",
  () =>
    withDirectory(async (folder) => {
      const path = `${folder}/access.log`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const [file, reader] = await Promise.all([LogFile.open(path), Deno.open(path)]);
      const lines = `${"x".repeat(99)}\n`.repeat(80_000); // far more than a pipe holds
      const order: string[] = [];
      const written = file.write(lines).then((lost) => order.push(`${lost} lost`));
      await Deno.rename(path, `${folder}/old`);
      const reopened = file.reopen().then(() => order.push("reopened"));
      const after = file.write("after\n");
      const [text] = await Promise.all([
        new Response(reader.readable).text(),
        written,
        reopened,
        after,
      ]);
      assertEquals(text === lines, true);
      assertEquals(order, ["0 lost", "reopened"]);
      assertEquals(await Deno.readTextFile(path), "after\n");
      await file.close();
    }),
);

testWith(
  ["read", "write"],
  "LogFile loses and tears no line while it is rotated",
  () =>
    withLogFile(async (file, path, folder) => {
      const log = new AccessLog("common", file);
      const rotations = 20;
      const lines = 5000;
      for (let rotation = 0, line = 0; rotation <= rotations; rotation++) {
        for (let count = 0; count < lines; count++) {
          log.append(`line ${line++} ${"x".repeat(line % 50)}.\n`);
        }
        const isUnderWay = log.flush();
        if (rotation === rotations) break;
        await Deno.rename(path, `${folder}/access.log.${rotation}`);
        await Promise.all([file.reopen(), rotation % 2 === 0 ? isUnderWay : null]);
      }
      await log.flush();
      assertEquals(log.droppedLines, 0);
      let text = "";
      for (let rotation = 0; rotation < rotations; rotation++) {
        text += await Deno.readTextFile(`${folder}/access.log.${rotation}`);
      }
      const all = (text + await Deno.readTextFile(path)).split("\n");
      assertEquals(all.pop(), "");
      assertEquals(all.length, lines * (rotations + 1));
      all.forEach((line, at) => assert(line.startsWith(`line ${at} `) && line.endsWith("."), line));
    }),
);

testWith(
  ["read", "write", "run", "mount"],
  "AccessLog counts what a full disk does not take, and goes on once there is room",
  () =>
    withDirectory(async (folder) => {
      const execute = async (name: string, ...args: string[]) => {
        const { success } = await new Deno.Command(name, { args }).output();
        assert(success, name);
      };
      await execute("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder);
      try {
        const path = `${folder}/access.log`;
        const file = await LogFile.open(path);
        const log = new AccessLog("common", file);
        const line = `${"x".repeat(999)}\n`;
        log.append(line.repeat(100));
        await log.flush();
        const kept = (await Deno.readTextFile(path)).split("\n").length - 1;
        assert(kept > 0 && kept < 100);
        assertEquals(log.droppedLines, 100 - kept);
        await Deno.rename(path, `${folder}/old`);
        await file.reopen();
        await Deno.remove(`${folder}/old`); // First: the log writes when it likes to.
        log.append("later\n");
        await log.flush();
        const [later, report] = (await Deno.readTextFile(path)).split("\n");
        assertEquals(later, "later");
        assert(report?.endsWith(`lines_dropped ${100 - kept} lines`), report);
        await file.close();
      } finally {
        await execute("umount", folder);
      }
    }),
);
