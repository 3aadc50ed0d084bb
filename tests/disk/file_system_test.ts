// When calls may be synchronous, and what clients get to know of their errors.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { toStatusError } from "../../lib/disk/errors.ts";
import { FileSystem, retry } from "../../lib/disk/file_system.ts";
import { StatusError } from "../../lib/http/status.ts";
import { until } from "../support/wait.ts";

/** Calls that may be synchronous by now. */
async function localFiles(path: string, clock = () => 0): Promise<FileSystem> {
  const fs = new FileSystem(path, clock);
  await until(() => fs.policy.isAllowed);
  return fs;
}

Deno.test("SyncFilePolicy.isAllowed is false for a while after slow calls", async () => {
  let now = 1000;
  const { policy } = await localFiles("/", () => now);
  const call = (elapsed: number) => policy.measure(() => (now += elapsed, elapsed));
  assertEquals(call(7), 7);
  for (let round = 0; round < 100; round++) call(10);
  assertEquals(policy.isAllowed, true);
  call(50);
  assertEquals(policy.isAllowed, true, "once, it may have been another program");
  call(20);
  assertEquals(policy.isAllowed, false);
  now += 20 * 50 - 20 - 1;
  assertEquals(policy.isAllowed, false);
  now += 1;
  assertEquals(policy.isAllowed, true);
  try {
    policy.measure(() => {
      now += 11;
      throw new Error("Gone");
    });
  } catch { /* The caller gets the error. */ }
  assertEquals(policy.isAllowed, false);
  now += 1e6;
  call(50);
  assertEquals(policy.isAllowed, true, "the cooldown is over, and no longer");
  call(11);
  assertEquals(policy.isAllowed, false);
});

const coded = (code: string) => Object.assign(new Error(code), { code });

Deno.test("toStatusError() maps errors of the file system to statuses", () => {
  const cases: [error: Error, reading: number, writing: number][] = [
    [new Deno.errors.NotFound(), 404, 409],
    [new Deno.errors.NotADirectory(), 404, 409],
    [new Deno.errors.IsADirectory(), 404, 409],
    [new Deno.errors.FilesystemLoop(), 404, 409],
    [new Deno.errors.PermissionDenied(), 403, 403],
    [coded("EROFS"), 403, 403],
    [coded("ENAMETOOLONG"), 404, 400],
    [coded("ENOSPC"), 507, 507],
    [coded("EDQUOT"), 507, 507],
    [coded("EMFILE"), 503, 503],
    [coded("ENFILE"), 503, 503],
    [coded("ESTALE"), 503, 503],
  ];
  for (const [error, reading, writing] of cases) {
    for (const [use, status] of [["reading", reading], ["writing", writing]] as const) {
      const translated = toStatusError(error, use);
      assertInstanceOf(translated, StatusError);
      assertEquals(translated.status, status, `${error} ${use}`);
    }
  }
});

Deno.test("toStatusError() knows errors that have no code from their message", () => {
  const isLinux = Deno.build.os === "linux";
  const cases: [message: string, status: number | null][] = [
    [`Disk quota exceeded (os error ${isLinux ? 122 : 69}): writefile '/a'`, 507],
    [`Stale file handle (os error ${isLinux ? 116 : 70})`, 503],
    ["Too many open files in system (os error 23): open '/a'", 503],
    ["Input/output error (os error 5): open '/a (os error 23)'", null],
    ["open '/a (os error 23)'", null],
  ];
  for (const [message, status] of cases) {
    const translated = toStatusError(new Error(message), "writing");
    assertEquals(translated instanceof StatusError ? translated.status : null, status, message);
  }
});

Deno.test("toStatusError() has a fault of the disk printed as one line", () => {
  const inspect = (message: string) => {
    const error = Object.assign(new Error(message), { code: "EIO" });
    toStatusError(toStatusError(error, "reading", "/a"), "reading", "/a");
    return Deno.inspect(error);
  };
  assertEquals(inspect("Broken (os error 5)"), "Error: Broken (os error 5): /a");
  assertEquals(
    inspect("Broken (os error 5): open '/b\nfake\x1b[2J'"),
    "Error: Broken (os error 5): open '/b\\u000afake\\u001b[2J'",
  );
  const bug = new TypeError("no system error");
  toStatusError(bug, "reading");
  assertStringIncludes(Deno.inspect(bug), "file_system_test.ts");
});

Deno.test("retry() makes a call again when a signal has interrupted it, but not for ever", async () => {
  let calls = 0;
  const interrupted = () => {
    calls++;
    throw new Deno.errors.Interrupted();
  };
  assertEquals(await retry(() => calls === 3 ? "done" : interrupted()), "done");
  await assertRejects(() => retry(interrupted), Deno.errors.Interrupted);
  assert(calls < 1000);
});

Deno.test("toStatusError() sends Retry-After when too many files are open", () => {
  const error = toStatusError(coded("EMFILE"), "reading");
  assertInstanceOf(error, StatusError);
  assertEquals(error.fields, { "Retry-After": "1" });
});

Deno.test("toStatusError() returns faults of the server unchanged", () => {
  for (
    const error of [new Error("EIO"), new StatusError(413, "Too much."), "thrown", coded("EIO")]
  ) {
    assertStrictEquals(toStatusError(error, "writing"), error);
  }
});
