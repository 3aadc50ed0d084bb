// The wire cases through the bare parser: whole, in two pieces cut anywhere, octet by octet.

import { assertEquals } from "@std/assert";
import { fromLatin1 } from "../support/raw_client.ts";
import type { WireCase } from "./case.ts";
import { wireCases } from "./cases.ts";
import { type Outcome, parse } from "./parse.ts";

/** Cases longer than this are cut at a sample of places: every place would take minutes. */
const EVERY_SPLIT_UP_TO = 3000;
const SAMPLES = 61;

/** That the connection closes is not the parser's business: it would go on to what follows. */
function judge(
  { requests, refusal }: Outcome,
  { requests: expected, closes }: WireCase,
): unknown {
  const isCut = closes && refusal === null;
  return {
    requests: isCut ? requests.slice(0, expected.length) : requests,
    refusal,
  };
}

for (const wireCase of wireCases) {
  const { name, sent, isEnded, requests, refusal } = wireCase;
  const octets = fromLatin1(sent);
  const whole = parse([octets], isEnded);

  Deno.test(`RequestParser parses the whole of ${name}`, () => {
    assertEquals(judge(whole, wireCase), { requests: [...requests], refusal });
  });

  Deno.test(`RequestParser parses every split of ${name}`, () => {
    const step = octets.length <= EVERY_SPLIT_UP_TO ? 1 : Math.ceil(octets.length / SAMPLES);
    for (let at = 1; at < octets.length; at += step) {
      const pieces = [octets.subarray(0, at), octets.subarray(at)];
      assertEquals(parse(pieces, isEnded), whole, `split at ${at}`);
    }
    const single = Array.from(octets, (octet) => Uint8Array.of(octet));
    assertEquals(parse(single, isEnded), whole, "octet by octet");
  });
}
