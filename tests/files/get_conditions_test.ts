// Validators and conditions of reading (RFC 9110 sections 8.8 and 13), as a client meets them.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { BYTES, CHANGED, EARLIER, LATER, NEEDS, SAME, withFile } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";

testWith(
  NEEDS,
  "GET sends validators, and another ETag for each coding",
  () =>
    withFile(async ({ ask }) => {
      const etags = new Set<string>();
      for (const coding of ["identity", "gzip", "br"]) {
        const line = `Accept-Encoding: ${coding}`;
        const { fields } = await ask("GET /files/a", { headers: [line] });
        assertEquals(fields.get("content-encoding"), coding === "identity" ? undefined : coding);
        assertEquals(fields.get("last-modified"), SAME, coding);
        assertEquals(fields.get("vary"), "Accept-Encoding", coding);
        const etag = fields.get("etag")!;
        assertMatch(etag, /^"[\x21\x23-\x7e]+"$/, coding);
        etags.add(etag);
        const again = await ask("HEAD /files/a", { headers: [line] });
        assertEquals(again.fields.get("etag"), etag, coding);
        assertEquals(
          (await ask("GET /files/a", { headers: [line, `If-None-Match: ${etag}`] })).status,
          304,
          coding,
        );
      }
      assertEquals(etags.size, 3);
    }),
);

testWith(
  NEEDS,
  "GET sends another ETag when the file has changed",
  () =>
    withFile(async ({ path, ask }) => {
      const etag = async () => (await ask("GET /files/a")).fields.get("etag")!;
      const etags = [await etag()];
      await Deno.utime(`${path}/a`, CHANGED, new Date(CHANGED.getTime() + 1));
      etags.push(await etag());
      await Deno.writeFile(`${path}/a`, BYTES.slice(1));
      await Deno.utime(`${path}/a`, CHANGED, CHANGED);
      etags.push(await etag());
      await Deno.writeFile(`${path}/b`, BYTES);
      await Deno.utime(`${path}/b`, CHANGED, CHANGED);
      await Deno.rename(`${path}/b`, `${path}/a`);
      etags.push(await etag());
      assertEquals(new Set(etags).size, 4, etags.join(" "));
    }),
);

/** What comes of conditions; `ETAG` stands for the file's entity tag. */
const CONDITIONS: [lines: string[], status: number][] = [
  [["If-None-Match: ETAG"], 304],
  [["If-None-Match: W/ETAG"], 304],
  [["If-None-Match: *"], 304],
  [['If-None-Match: "x", ETAG, "y"'], 304],
  [['If-None-Match: "x"', "If-None-Match: ETAG"], 304],
  [['If-None-Match: "x"', 'If-None-Match: "y"'], 200],
  [[`If-None-Match: "x"`], 200],
  [[`If-Modified-Since: ${SAME}`], 304],
  [["If-Modified-Since: Friday, 20-Nov-20 09:00:00 GMT"], 304],
  [["If-Modified-Since: Fri Nov 20 09:00:00 2020"], 304],
  [[`If-Modified-Since: ${LATER}`], 304],
  [[`If-Modified-Since: ${EARLIER}`], 200],
  [["If-Modified-Since: yesterday"], 200],
  [["If-Match: ETAG"], 200],
  [["If-Match: *"], 200],
  [['If-Match: "x"', "If-Match: ETAG"], 200],
  [["If-Match: W/ETAG"], 412],
  [[`If-Match: "x"`], 412],
  [[`If-Unmodified-Since: ${SAME}`], 200],
  [[`If-Unmodified-Since: ${LATER}`], 200],
  [[`If-Unmodified-Since: ${EARLIER}`], 412],
  [["If-Unmodified-Since: Friday, 20-Nov-20 08:59:59 GMT"], 412],
  [["If-Unmodified-Since: Fri Nov 20 08:59:59 2020"], 412],
  // Precedence (RFC 9110 section 13.2.2)
  [["If-Match: ETAG", `If-Unmodified-Since: ${EARLIER}`], 200],
  [[`If-None-Match: "x"`, `If-Modified-Since: ${SAME}`], 200],
  [["If-None-Match: ETAG", `If-Modified-Since: ${EARLIER}`], 304],
  [[`If-Match: "x"`, "If-None-Match: ETAG"], 412],
  [["If-Match: ETAG", "If-None-Match: ETAG"], 304],
  [[`If-Unmodified-Since: ${EARLIER}`, `If-Modified-Since: ${SAME}`], 412],
  [["If-None-Match: ETAG", "Range: bytes=0-0"], 304],
  [["If-None-Match: ETAG", "Range: bytes=1000-"], 304],
  [[`If-Match: "x"`, "Range: bytes=0-0"], 412],
  [["If-Match: ETAG", "Range: bytes=0-0", 'If-Range: "x"'], 200],
];

testWith(
  NEEDS,
  "GET and HEAD evaluate conditions in the order of RFC 9110",
  () =>
    withFile(async ({ ask }) => {
      const etag = (await ask("GET /files/a")).fields.get("etag")!;
      for (const [templates, status] of CONDITIONS) {
        const lines = templates.map((line) => line.replace("ETAG", etag));
        for (const method of ["GET", "HEAD"]) {
          const response = await ask(`${method} /files/a`, { headers: lines });
          assertEquals(response.status, status, `${method} ${lines.join("; ")}`);
        }
      }
      for (const line of ["If-Match: *", "If-None-Match: *", `If-Unmodified-Since: ${EARLIER}`]) {
        assertEquals((await ask("GET /files/none", { headers: [line] })).status, 404, line);
      }
    }),
);

testWith(
  NEEDS,
  "304 has the fields that a cache needs, and none of the content",
  () =>
    withFile(async ({ ask }) => {
      for (const coding of ["identity", "gzip"]) {
        const line = `Accept-Encoding: ${coding}`;
        const whole = await ask("GET /files/a", { headers: [line] });
        const { status, fields } = await ask("GET /files/a", {
          headers: [line, "If-None-Match: *"],
        });
        assertEquals(status, 304);
        for (const name of ["etag", "last-modified", "vary"]) {
          assertEquals(fields.get(name), whole.fields.get(name), name);
          assert(fields.has(name), name);
        }
        assert(fields.has("date"));
        for (const name of ["content-length", "transfer-encoding", "content-encoding"]) {
          assertEquals(fields.has(name), false, name);
        }
      }
    }),
);
