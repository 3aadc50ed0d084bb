// The address of a client behind proxies, and the ways to forge it.

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { Fields } from "../lib/http/fields.ts";
import { isProxy, TrustedProxies } from "../lib/trusted_proxies.ts";

const LIST = ["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48", "::ffff:172.16.0.0/108"];

interface Case {
  readonly peer?: string;
  readonly forwarded?: string;
  readonly xff?: string;
  readonly client: string;
}

const CASES: Readonly<Record<string, readonly Case[]>> = {
  "ignores the fields of an untrusted peer": [
    { peer: "192.0.2.9", xff: "198.51.100.1", client: "192.0.2.9" },
    { peer: "192.0.2.9", forwarded: "for=198.51.100.1", client: "192.0.2.9" },
    { peer: "11.0.0.1", xff: "198.51.100.1", client: "11.0.0.1" },
    { peer: "unix", xff: "198.51.100.1", client: "unix" },
    { peer: "", xff: "198.51.100.1", client: "" },
    { peer: "localhost", xff: "198.51.100.1", client: "localhost" },
  ],
  "takes the client from a trusted proxy": [
    { client: "127.0.0.1" },
    { xff: "198.51.100.1", client: "198.51.100.1" },
    { xff: "[2001:DB8::0:1]:80", client: "2001:db8::1" },
    { forwarded: "for=198.51.100.1;proto=https", client: "198.51.100.1" },
    { forwarded: 'for="[2001:db8::1]:80"', client: "2001:db8::1" },
    { peer: "::ffff:10.9.9.9", xff: "198.51.100.1", client: "198.51.100.1" },
    { peer: "2001:db8:1::7", xff: "198.51.100.1", client: "198.51.100.1" },
    { peer: "172.16.3.4", xff: "198.51.100.1", client: "198.51.100.1" },
    { peer: "172.32.3.4", xff: "198.51.100.1", client: "172.32.3.4" },
    { xff: "::ffff:198.51.100.1", client: "198.51.100.1" },
  ],
  "takes the first untrusted hop from the right": [
    { xff: "203.0.113.1, 198.51.100.1", client: "198.51.100.1" },
    { xff: "203.0.113.1, 10.0.0.2, 10.0.0.3", client: "203.0.113.1" },
    { xff: "203.0.113.1, ::ffff:10.0.0.2", client: "203.0.113.1" },
    { xff: "10.0.0.1, 10.0.0.2", client: "10.0.0.1" },
    { forwarded: "for=203.0.113.1, for=198.51.100.1, for=10.0.0.3", client: "198.51.100.1" },
  ],
  "stops at a hop that is hidden or malformed": [
    { xff: "203.0.113.1, unknown", client: "127.0.0.1" },
    { xff: "203.0.113.1, unknown, 10.0.0.3", client: "10.0.0.3" },
    { xff: "203.0.113.1, 300.0.0.1, 10.0.0.3", client: "10.0.0.3" },
    { xff: "010.0.0.1", client: "127.0.0.1" },
    { xff: "127.1", client: "127.0.0.1" },
    { xff: "1::2::3", client: "127.0.0.1" },
    { xff: "junk, 198.51.100.1", client: "198.51.100.1" },
    { forwarded: "for=203.0.113.1, for=_x", client: "127.0.0.1" },
    { forwarded: "for=203.0.113.1, proto=https", client: "127.0.0.1" },
    { forwarded: 'for="203.0.113.1, for=198.51.100.1', client: "127.0.0.1" },
  ],
  "follows two fields as far as they agree": [
    { forwarded: "for=198.51.100.1", xff: "198.51.100.1", client: "198.51.100.1" },
    { forwarded: 'for="[2001:DB8::1]"', xff: "2001:db8:0::1", client: "2001:db8::1" },
    { forwarded: "for=203.0.113.6", xff: "198.51.100.1", client: "127.0.0.1" },
    { forwarded: "for=198.51.100.1", xff: "203.0.113.6", client: "127.0.0.1" },
    { forwarded: "for=203.0.113.6, for=10.0.0.2", xff: "1.2.3.4, 10.0.0.2", client: "10.0.0.2" },
    { forwarded: "for=10.0.0.2", xff: "1.2.3.4, 10.0.0.2", client: "10.0.0.2" },
    { forwarded: "junk", xff: "198.51.100.1", client: "127.0.0.1" },
    { forwarded: "", xff: "198.51.100.1", client: "198.51.100.1" },
  ],
};

function fieldsOf({ forwarded, xff }: Case): Fields {
  const lines: [string, string][] = [];
  if (forwarded !== undefined) lines.push(["forwarded", forwarded]);
  if (xff !== undefined) lines.push(["x-forwarded-for", xff]);
  return new Fields(lines);
}

for (const [name, cases] of Object.entries(CASES)) {
  Deno.test(`TrustedProxies.clientOf() ${name}`, async () => {
    const proxies = await TrustedProxies.of(LIST);
    for (const each of cases) {
      const client = proxies.clientOf(each.peer ?? "127.0.0.1", fieldsOf(each));
      assertEquals(client, each.client, JSON.stringify(each));
    }
  });
}

Deno.test("TrustedProxies.clientOf() trusts Unix sockets if they are in the list", async () => {
  const fields = fieldsOf({ xff: "203.0.113.1, 10.0.0.1", client: "" });
  const proxies = await TrustedProxies.of(["unix"]);
  assertEquals(proxies.clientOf("unix", fields), "10.0.0.1");
  assertEquals(proxies.clientOf("unix", new Fields()), "unix");
  assertEquals(proxies.clientOf("127.0.0.1", fields), "127.0.0.1");
  const chain = await TrustedProxies.of(["unix", "10.0.0.0/8"]);
  assertEquals(chain.clientOf("unix", fields), "203.0.113.1");
  // A client cannot claim to be on a Unix socket.
  assertEquals(
    chain.clientOf("10.0.0.1", fieldsOf({ xff: "1.2.3.4, unix", client: "" })),
    "10.0.0.1",
  );
});

Deno.test("TrustedProxies.clientOf() reads a limited number of hops", async () => {
  const proxies = await TrustedProxies.of(["10.0.0.0/8"]);
  const hops = Array.from({ length: 8000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
  const fields = fieldsOf({ xff: hops.join(), client: "" });
  assertEquals(proxies.clientOf("10.9.9.9", fields), hops.at(-32));
});

Deno.test("TrustedProxies.of() refuses what is neither an address nor a network", async () => {
  const wrong = [
    "",
    "localhost",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/",
    "10.0.0/8",
    "010.0.0.0/8",
    "::/129",
    "::ffff:10.0.0.0/95",
    "10.0.0.0/8/8",
    " 10.0.0.1",
    "UNIX",
    "fe80::1%eth0",
  ];
  for (const member of wrong) {
    const error = await assertRejects(() => TrustedProxies.of(["::1", member]), RangeError);
    assertEquals(error.message, `${JSON.stringify(member)} is neither an address nor a network`);
  }
  const all = await TrustedProxies.of(["0.0.0.0/0", "::/0"]);
  assert(all.isTrusted("192.0.2.1") && all.isTrusted("2001:db8::1") && !all.isTrusted("unix"));
});

const ADDRESS = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("10.0.0.1", "unknown", "_x", "::1"));
const ENEMY = fc.oneof(
  fc.string({ unit: "binary-ascii" }),
  fc.array(ADDRESS, { maxLength: 40 }).map((all) => all.join(", ")),
  fc.array(ADDRESS, { maxLength: 40 }).map((all) => all.map((each) => `for="[${each}]"`).join()),
);

Deno.test("TrustedProxies.clientOf() returns an address for any text, and no forged one", async () => {
  const proxies = await TrustedProxies.of(LIST);
  fc.assert(fc.property(ENEMY, ENEMY, (forwarded, xff) => {
    const fields = fieldsOf({ forwarded, xff, client: "" });
    assert(/^[0-9a-f:.]+$/.test(proxies.clientOf("127.0.0.1", fields)));
    assertEquals(proxies.clientOf("192.0.2.9", fields), "192.0.2.9");
    // Hops that a client forges before the one that a proxy adds change nothing.
    const line = [["X-Forwarded-For", xff], ["X-Forwarded-For", "198.51.100.1"]] as const;
    assertEquals(proxies.clientOf("127.0.0.1", new Fields(line)), "198.51.100.1");
    const joined = fieldsOf({ xff: `${xff}, 198.51.100.1`, client: "" });
    assertEquals(proxies.clientOf("127.0.0.1", joined), "198.51.100.1");
    const both = [...line, ["Forwarded", forwarded], ["Forwarded", "for=198.51.100.1"]] as const;
    assertEquals(proxies.clientOf("127.0.0.1", new Fields(both)), "198.51.100.1");
  }));
});

Deno.test("isProxy() accepts what TrustedProxies.of() accepts, and nothing else", async () => {
  const addresses = "0.0.0.0 10.0.0.1 255.255.255.255 256.0.0.1 010.0.0.1 1.2 :: ::1 2001:db8::1 " +
    "::ffff:10.0.0.1 ::ffff:a00:1 ::10.0.0.1 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7 fe80::1%eth0 [::1] x " +
    "2001:db8::1::2 ::ffff:1 ::ffff:256.0.0.1 0:0:0:0:0:ffff:1.2.3.4";
  const prefixes = [
    "",
    "/",
    "/0",
    "/8",
    "/08",
    "/32",
    "/33",
    "/95",
    "/96",
    "/128",
    "/129",
    "/-1",
    "/x",
  ];
  for (const address of ["", "unix", "localhost", ...addresses.split(" ")]) {
    for (const prefix of prefixes) {
      const member = address + prefix;
      const isAccepted = await TrustedProxies.of([member]).then(() => true, () => false);
      assertEquals(isProxy(member), isAccepted, member);
    }
  }
});
