// Content with room for its head: whoever gets octets gets the head that is theirs and the content
// as it is, until they give them back, whatever others ask for meanwhile.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { headroomOf, withHeadroom } from "../../lib/http/headroom.ts";
import type { ResponseHead } from "../../lib/http/writer.ts";
import { fromLatin1, toLatin1 } from "../support/raw_client.ts";

/** Octets of a head that fits, at most. */
const MOST = 512;

const TEXT = "\u0000content\u00ff".repeat(20);

/** A head of a text, of which so many characters have been made before. */
function headOf(text: string, cut = 0): ResponseHead {
  return { beginning: fromLatin1(text.slice(0, cut)), rest: text.slice(cut) };
}

for (
  const [name, head, fits] of [
    ["of ASCII", headOf("HTTP/1.1 200 OK\r\n\r\n", 9), true],
    ["that was made before, all of it", headOf("HTTP/1.1 200 OK\r\n\r\n", 19), true],
    ["of a few characters beyond ASCII", headOf("A: caf\u00e9\r\n\r\n", 3), true],
    ["of many characters beyond ASCII", headOf("\u00e9\u00ff\u0080".repeat(50), 7), true],
    ["whose last character is beyond ASCII", headOf("a".repeat(100) + "\u00ff"), true],
    ["that fills the room", headOf("h".repeat(MOST), 100), true],
    ["that fills the room beyond ASCII", headOf("\u00fc".repeat(MOST)), true],
    ["that is one octet too long", headOf("h".repeat(MOST + 1), 100), false],
    ["that is far too long", headOf("h".repeat(70_000)), false],
  ] as const
) {
  Deno.test(`Headroom.join() ${fits ? "takes" : "refuses"} a head ${name}`, () => {
    const content = withHeadroom(fromLatin1(TEXT));
    const headroom = headroomOf(content)!;
    const expected = fits ? toLatin1(head.beginning) + head.rest + TEXT : null;
    for (let time = 0; time < 2; time++) {
      const joined = headroom.join(head);
      assertEquals(joined && toLatin1(joined), expected);
      if (joined !== null) headroom.release();
    }
    assertEquals(toLatin1(content), TEXT);
    // What was refused is in nobody's way.
    assertEquals(toLatin1(headroom.join(headOf("short"))!), `short${TEXT}`);
  });
}

Deno.test("Headroom.join() tells heads apart by what was made before and by the rest", () => {
  const beginning = fromLatin1("Date: 1\r\n");
  const head: ResponseHead = { beginning, rest: "\r\n" };
  for (
    const [other, isShared] of [
      [{ beginning, rest: "\r\n" }, true],
      [{ beginning, rest: "Connection: close\r\n\r\n" }, false],
      [{ beginning: fromLatin1("Date: 2\r\n"), rest: "\r\n" }, false],
      [{ beginning: beginning.subarray(0, 5), rest: "\r\n" }, false],
    ] as const
  ) {
    const headroom = headroomOf(withHeadroom(fromLatin1(TEXT)))!;
    const first = headroom.join(head)!;
    assertEquals(headroom.join(other) !== null, isShared, other.rest);
    assertEquals(toLatin1(first), `Date: 1\r\n\r\n${TEXT}`);
  }
});

Deno.test("Headroom.join() lets nobody have another head while one is in use", () => {
  const heads = ["one", "another", "third\u00ff".repeat(30)].map((text) => headOf(text));
  // Who comes wants one of the heads; who goes is one of those who are there.
  const step = fc.record({ comes: fc.boolean(), which: fc.nat(20) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const headroom = headroomOf(withHeadroom(fromLatin1(TEXT)))!;
    const users: { readonly head: ResponseHead; readonly joined: Uint8Array }[] = [];
    for (const { comes, which } of steps) {
      if (comes) {
        const head = heads[which % heads.length]!;
        const joined = headroom.join(head);
        assertEquals(joined !== null, users.every((user) => user.head === head));
        if (joined !== null) users.push({ head, joined });
      } else if (users.length > 0) {
        users.splice(which % users.length, 1);
        headroom.release();
      }
      assert(users.every(({ head, joined }) => toLatin1(joined) === head.rest + TEXT));
    }
  }));
});

Deno.test("headroomOf() finds the room of the very content that withHeadroom() has made", () => {
  const octets = fromLatin1(TEXT);
  const content = withHeadroom(octets);
  assert(headroomOf(content) !== null);
  assertEquals(headroomOf(octets), null);
  assertEquals(headroomOf(content.subarray()), null);
  octets.fill(0);
  assertEquals(toLatin1(content), TEXT);
  const empty = withHeadroom(new Uint8Array(0));
  assertEquals(toLatin1(headroomOf(empty)!.join(headOf("head"))!), "head");
});
