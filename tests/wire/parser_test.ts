// The wire cases through the parser: whole, in two pieces, octet by octet.

import { assertEquals } from "@std/assert";
import { fromLatin1 } from "../support/raw_client.ts";
import type { WireCase } from "./case.ts";
import { wireCases } from "./cases.ts";
import { type Outcome, parse } from "./parse.ts";

/** Longer cases are cut at a sample of places: all of them would take minutes. */
const EVERY_SPLIT_UP_TO = 3000;
const SAMPLES = 61;

/** Without the requests after a close: the connection ignores them, the parser does not. */
function comparable(
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
    assertEquals(comparable(whole, wireCase), { requests: [...requests], refusal });
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
