// When calls may be synchronous, and what clients get to know of their errors.

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { FileSystem, toStatusError } from "../../lib/files/fs.ts";
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
