import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { toStatusError } from "../../lib/files/fs.ts";
import { StatusError } from "../../lib/http/status.ts";

const coded = (code: string) => Object.assign(new Error(code), { code });

Deno.test("toStatusError() tells a client what the file system refuses", () => {
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

Deno.test("toStatusError() asks a client to try again where files have run out", () => {
  const error = toStatusError(coded("EMFILE"), "reading");
  assertInstanceOf(error, StatusError);
  assertEquals(error.fields, { "Retry-After": "1" });
});

Deno.test("toStatusError() leaves a fault of the server's what it is", () => {
  for (
    const error of [new Error("EIO"), new StatusError(413, "Too much."), "thrown", coded("EIO")]
  ) {
    assertStrictEquals(toStatusError(error, "writing"), error);
  }
});
