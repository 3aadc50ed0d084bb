// The two guards against pages of other sites, on handlers alone.

import { assertEquals, assertThrows } from "@std/assert";
import { Fields } from "../../lib/http/fields.ts";
import { type HttpRequest, ParsedRequest } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import { canonicalHost } from "../../lib/middleware/host_check.ts";
import {
  crossOriginProtection,
  hostCheck,
  type HostCheckOptions,
  type Middleware,
} from "../../lib/middleware/mod.ts";
import { headWith } from "../support/exchange.ts";

function request(
  method: string,
  authority: string | null,
  lines: readonly (readonly [string, string])[] = [],
): HttpRequest {
  const request = new ParsedRequest({
    ...headWith(),
    method,
    authority,
    fields: new Fields(lines),
  });
  request.peer = "192.0.2.9";
  return request;
}

function statusOf(middleware: Middleware, request: HttpRequest): number {
  try {
    return (middleware(() => ({ status: 200 }))(request) as { status: number }).status;
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    throw error;
  }
}

/** What a request says, and whether it may write. The authority is `h:80`. */
const WRITES: [site: string | null, origin: string | null, status: number][] = [
  [null, null, 200],
  ["same-origin", null, 200],
  ["none", null, 200],
  ["cross-site", null, 403],
  ["same-site", null, 403],
  ["Same-Origin", null, 403],
  ["same-origin, cross-site", null, 403],
  ["", null, 200],
  ["", "http://evil.example", 403],
  ["same-origin", "http://evil.example", 200], // no page can set Sec-Fetch-Site
  ["cross-site", "http://h:80", 403],
  ["cross-site", "https://app.example", 200],
  [null, "https://app.example", 200],
  [null, "https://app.example:444", 403],
  [null, "http://app.example", 403],
  [null, "https://app.example.evil.example", 403],
  [null, "http://h:80", 200],
  [null, "https://h:80", 200],
  [null, "http://H:80", 200],
  [null, "http://h", 403],
  [null, "http://h:8080", 403],
  [null, "null", 403],
  [null, "", 200],
  [null, "h:80", 403],
  [null, "http://user@h:80", 403],
  [null, "http://h:80/path", 403],
  [null, "http://evil.example, http://h:80", 403],
  [null, "http://", 403],
];

Deno.test("crossOriginProtection() does what Go's does", () => {
  const guard = crossOriginProtection({ origins: ["https://app.example"] });
  for (const [site, origin, status] of WRITES) {
    const lines: [string, string][] = [];
    if (site !== null) lines.push(["Sec-Fetch-Site", site]);
    if (origin !== null) lines.push(["Origin", origin]);
    for (const method of ["POST", "PUT", "DELETE", "MOVE", "MKCOL", "PATCH", "get"]) {
      assertEquals(statusOf(guard, request(method, "h:80", lines)), status, `${site} ${origin}`);
    }
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      assertEquals(statusOf(guard, request(method, "h:80", lines)), 200);
    }
  }
});

Deno.test("crossOriginProtection() takes no origin for that of a request without a host", () => {
  const guard = crossOriginProtection();
  for (const origin of ["null", "http://", "http://a"]) {
    assertEquals(statusOf(guard, request("POST", null, [["Origin", origin]])), 403);
  }
  assertEquals(statusOf(guard, request("POST", null)), 200);
});

Deno.test("crossOriginProtection() refuses what is no origin, and names the setting", () => {
  for (const origin of ["*", "example.com", "https://example.com/"]) {
    assertThrows(() => crossOriginProtection({ origins: [origin] }), TypeError, origin);
  }
  const guard = crossOriginProtection({ hint: "See --cors." });
  const foreign = request("POST", "h", [["Origin", "http://a"]]);
  assertThrows(() => guard(() => ({ status: 200 }))(foreign), StatusError, "here. See --cors.");
});

const LAN: HostCheckOptions = {
  hosts: ["Files.Example", "*.inner.example", "0.0.0.0", "2001:db8::1"],
  allowsAddress: (address) => ["192.168.1.5", "fd00::5"].includes(address),
};

/** Authorities, and whether they are known on the loopback and on a network. */
const HOSTS: [authority: string | null, loopback: boolean, lan: boolean][] = [
  [null, true, true],
  ["localhost", true, true],
  ["localhost:4221", true, true],
  ["LOCALHOST:4221", true, true],
  ["localhost.", true, true],
  ["localhost.:80", true, true],
  ["app.localhost:4221", true, true],
  ["a.b.localhost", true, true],
  ["127.0.0.1", true, true],
  ["127.0.0.1:4221", true, true],
  ["127.9.9.9", true, true],
  ["127.1", true, true],
  ["2130706433", true, true],
  ["0x7f.0.0.1", true, true],
  ["[::1]:4221", true, true],
  ["[0:0:0:0:0:0:0:1]", true, true],
  ["[::ffff:127.0.0.1]", true, true],
  ["localhost:", true, true],
  ["evil.example", false, false],
  ["evil.example:4221", false, false],
  ["localhost.evil.example", false, false],
  ["evillocalhost", false, false],
  [".localhost", true, true], // no browser can be led there
  ["127.0.0.1.evil.example", false, false],
  ["127.0.0.1.nip.io:4221", false, false],
  ["128.0.0.1", false, false],
  ["0.0.0.0:4221", false, true],
  ["[::]", false, false],
  ["192.168.1.5:4221", false, true],
  ["192.168.1.6", false, false],
  ["[fd00::5]:80", false, true],
  ["[fd00:0::5]:80", false, true],
  ["[fd00::6]", false, false],
  ["[::ffff:192.168.1.5]", false, true],
  ["[2001:DB8::1]", false, true],
  ["files.example", false, true],
  ["FILES.EXAMPLE.:8080", false, true],
  ["files.example.evil.example", false, false],
  ["x.files.example", false, false],
  ["x.inner.example", false, true],
  ["y.x.inner.example:1", false, true],
  ["inner.example", false, false],
  ["xinner.example", false, false],
  ["f%69les.example", false, true],
  ["files%2eexample", false, true],
  ["", false, false],
  [".", false, false],
  ["%", false, false],
  ["a,b", false, false],
];

Deno.test("hostCheck() knows the hosts that it should, on the loopback and on a network", () => {
  const [loopback, lan] = [hostCheck(), hostCheck(LAN)];
  for (let round = 0; round < 2; round++) { // from memory as well
    for (const [authority, isOnLoopback, isOnLan] of HOSTS) {
      const get = request("GET", authority);
      assertEquals(statusOf(loopback, get), isOnLoopback ? 200 : 421, `${authority}`);
      assertEquals(statusOf(lan, get), isOnLan ? 200 : 421, `${authority}`);
    }
  }
});

Deno.test("hostCheck() lets through what is exempt, and names the setting", () => {
  const guard = hostCheck({ isExempt: ({ peer }) => peer === "192.0.2.9", hint: "See --x." });
  assertEquals(statusOf(guard, request("GET", "evil.example")), 200);
  const other = hostCheck({ hint: "See --x." })(() => ({ status: 200 }));
  assertThrows(() => other(request("GET", "evil.example")), StatusError, "name. See --x.");
});

Deno.test("hostCheck() refuses what is no host", () => {
  for (const host of ["", "a b", "a:80", "http://a", "a/b", "[::1]:80", "u@a", "*", "*."]) {
    assertThrows(() => hostCheck({ hosts: [host] }), TypeError, "is no host", host);
  }
});

Deno.test("canonicalHost() is null for what is no host, whatever it is", () => {
  for (const text of ["a?b", "a#b", "a/", "@a", "[::1", "::g", "\0", " "]) {
    assertEquals(canonicalHost(text), null, JSON.stringify(text));
  }
  assertEquals(canonicalHost("BÜCHER.example"), "xn--bcher-kva.example");
});
