// The addresses in forwarded requests, against RFC 7239, as tables; and hostile values.

import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { Fields } from "../../lib/http/fields.ts";
import { forwardedHops, type Hops, xForwardedForHops } from "../../lib/http/forwarded.ts";

type Case = readonly [lines: readonly string[], hops: Hops];

const V6 = "2001:db8:cafe::17";

const FORWARDED: readonly Case[] = [
  // The examples of RFC 7239 sections 4 to 6.
  [['for="_gazonk"'], [null]],
  [['For="[2001:db8:cafe::17]:4711"'], [V6]],
  [["for=192.0.2.60;proto=http;by=203.0.113.43"], ["192.0.2.60"]],
  [["for=192.0.2.43, for=198.51.100.17"], ["192.0.2.43", "198.51.100.17"]],
  [["for=192.0.2.43", 'for="[2001:db8:cafe::17]", for=unknown'], ["192.0.2.43", V6, null]],
  [["for=_hidden, for=_SEVKISEK"], [null, null]],
  [['for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown'], ["192.0.2.43", V6, null]],
  // Nodes with ports, plain and obfuscated.
  [['for="192.0.2.43:47011"'], ["192.0.2.43"]],
  [['for="192.0.2.43:_port.1-x"'], ["192.0.2.43"]],
  [['for="unknown:80"'], [null]],
  [['for="192.0.2.43:123456"'], [null]],
  [['for="192.0.2.43:"'], [null]],
  // Names in any case, blanks around separators, empty elements, unknown parameters.
  [["FOR=192.0.2.1"], ["192.0.2.1"]],
  [[" proto=https ; for=192.0.2.1 \t,  ,;, for=192.0.2.2 ;"], ["192.0.2.1", "192.0.2.2"]],
  [['host="a,for=192.0.2.9;b";for=192.0.2.1'], ["192.0.2.1"]],
  [['x="\\"";for="192\\.0.2.1"'], ["192.0.2.1"]],
  [["proto=https"], [null]],
  [[""], []],
  [[], []],
  // Invalid nodes: an IPv6 address without brackets, brackets around another, hosts, rest.
  [['for="2001:db8:cafe::17"'], [null]],
  [['for="[192.0.2.1]"'], [null]],
  [["for=localhost"], [null]],
  [['for=""'], [null]],
  [['for=" 192.0.2.1"'], [null]],
  // A malformed line has no address: its quotes may be meant to hide what follows.
  [["for=[2001:db8:cafe::17]"], [null]],
  [["for=192.0.2.1:80"], [null]],
  [['for="192.0.2.1'], [null]],
  [['for="192.0.2.1, for=192.0.2.2'], [null]],
  [["for=192.0.2.1;for=192.0.2.2"], [null]],
  [["for=192.0.2.1 for=192.0.2.2"], [null]],
  [["for = 192.0.2.1"], [null]],
  [["for="], [null]],
  [["192.0.2.1"], [null]],
  // Each line is parsed on its own.
  [['for="192.0.2.1', "for=192.0.2.2"], [null, "192.0.2.2"]],
];

const X_FORWARDED_FOR: readonly Case[] = [
  [["192.0.2.1"], ["192.0.2.1"]],
  [["192.0.2.1, 198.51.100.2,\t203.0.113.3"], ["192.0.2.1", "198.51.100.2", "203.0.113.3"]],
  [["192.0.2.1", "198.51.100.2"], ["192.0.2.1", "198.51.100.2"]],
  [["192.0.2.1:4711"], ["192.0.2.1"]],
  [[V6], [V6]],
  [["[2001:db8:cafe::17]"], [V6]],
  [["[2001:db8:cafe::17]:4711"], [V6]],
  [["::ffff:192.0.2.1"], ["::ffff:192.0.2.1"]],
  [["unknown, _x, localhost, 192.0.2.1"], [null, null, null, "192.0.2.1"]],
  [['"192.0.2.1"'], [null]],
  [["192.0.2.1 192.0.2.2"], [null]],
  [["192.0.2"], [null]],
  [["fe80::1%eth0"], [null]],
  [[", ,"], []],
  [[], []],
];

function check(
  name: string,
  hopsOf: (fields: Fields) => Hops,
  cases: readonly Case[],
): void {
  for (const [lines, hops] of cases) {
    const fields = new Fields(lines.map((line) => [name, line] as const));
    assertEquals([...hopsOf(fields)], [...hops], JSON.stringify(lines));
  }
}

Deno.test("forwardedHops() parses the addresses of RFC 7239, and none of a malformed part", () =>
  check("forwarded", forwardedHops, FORWARDED));

Deno.test("xForwardedForHops() parses the addresses that proxies add", () =>
  check("x-forwarded-for", xForwardedForHops, X_FORWARDED_FOR));

const ENEMY = fc.oneof(
  fc.string({ unit: "binary-ascii" }),
  fc.array(
    fc.constantFrom(...'for= ; , " \\ [ ] : _ . 192.0.2.1 ::1 unknown a'.split(" "), " ", "\t"),
    { maxLength: 60 },
  ).map((parts) => parts.join("")),
);

Deno.test("forwardedHops() and xForwardedForHops() accept any text", () => {
  fc.assert(fc.property(fc.array(ENEMY, { maxLength: 4 }), (lines) => {
    const fields = new Fields(
      lines.flatMap((line) => [["Forwarded", line], ["X-Forwarded-For", line]] as const),
    );
    for (const hop of [...forwardedHops(fields), ...xForwardedForHops(fields)]) {
      assert(hop === null || /^[0-9A-Fa-f:.]+$/.test(hop), hop ?? "");
    }
  }));
});

Deno.test("forwardedHops() reads a line of any length in linear time", () => {
  const lines = ["a=" + "b".repeat(1 << 20), '"'.repeat(1 << 20), " ".repeat(1 << 20) + "x"];
  for (const line of [...lines, 'for="' + "\\a".repeat(1 << 19), "for=1;".repeat(1 << 17)]) {
    const before = process.cpuUsage(); // Time in which others have the CPU does not count.
    forwardedHops(new Fields([["Forwarded", line]]));
    assert(process.cpuUsage(before).user < 5e6, line.slice(0, 9));
  }
});
