// Host and request target: RFC 9112 section 3.2, RFC 9110 section 7.2.

import { accept, acceptLast, may, must, refuse, should, type WireCase } from "./case.ts";

const host = (value: string) => `GET /a HTTP/1.1\r\nHost: ${value}\r\n\r\n`;
const target = (text: string, method = "GET") => `${method} ${text} HTTP/1.1\r\nHost: h\r\n\r\n`;

/** A server may refuse authorities that are not its own: RFC 9110 section 15.5.20. */
const anyAuthority = must("accept", "421");
/** Section 3: what is no request line is 400, or 301 to a target that is encoded properly. */
const badTarget = should("400", "301");
/** RFC 9110 sections 4.2.1, 7.4 and 9.3.6 ask to reject, and name no status that must be. */
const mustReject = must("reject", "none close");

export const targetCases: readonly WireCase[] = [
  // Host
  ...[
    "h",
    "example.com",
    "foo_bar",
    "example.com.",
    "h:",
    "h:80",
    "h:65535",
    "h:00080",
    "127.0.0.1:8080",
    "[::1]",
    "[::1]:80",
    "[::ffff:192.0.2.1]",
    "a-b.c~d",
    "%41",
    "!$&'()*+;=",
  ].map((value) => accept(`3.2 Host: ${value}`, host(value), "GET /a ")).map(anyAuthority),
  may("accept", "400", "421")(accept("3.2 Host: h:0", host("h:0"), "GET /a ")),
  // Empty hosts and all ports are in the grammar, though of no use; RFC 6874 has the zone. With a
  // comma it is one host, or two lines that a proxy has joined.
  ...["", " ", ":80", "a,b", "h:65536", "h:99999999999", "[::1%25eth0]"]
    .map((value) => refuse(400, `3.2 Host: ${value}`, host(value)))
    .map(may("accept", "400", "421")),
  ...[
    "u@h",
    "u:p@h",
    "h/",
    "h/a",
    "a, b",
    "a b",
    "{h}",
    "h\\",
    "h?",
    "h#",
    "<h>",
    '"h"',
    "h\x80",
    "h\xe9",
    "%4",
    "%zz",
    "h:80a",
    "h:-1",
    "h:+80",
    "h:8 0",
    "h:80:80",
    "::1",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1]:x",
    "[]",
    "[:::]",
    "[1::2::3]",
    "[12345::]",
    "[h]",
  ].map((value) => refuse(400, `3.2 Host: ${value}`, host(value))).map(must("400")),
  ...[
    refuse(400, "3.2 HTTP/1.1 without Host", "GET /a HTTP/1.1\r\n\r\n"),
    refuse(400, "3.2 two Hosts", "GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
    refuse(
      400,
      "3.2 two Hosts, other case",
      "GET /a HTTP/1.1\r\nHost: h\r\nhOST: i\r\n\r\n",
    ),
    refuse(
      400,
      "3.2 two Hosts in HTTP/1.0",
      "GET /a HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n",
    ),
  ].map(must("400")),
  acceptLast("3.2 HTTP/1.0 without Host", "GET /a HTTP/1.0\r\n\r\n", "GET /a "),

  // origin-form
  accept("3.2.1 /", target("/"), "GET / "),
  accept("3.2.1 //x is a path", target("//x"), "GET //x "),
  accept(
    "3.2.1 the query is no part of the path",
    target("/a?b=/c?d"),
    "GET /a ",
  ),
  accept("3.2.1 an empty query", target("/a?"), "GET /a "),
  accept(
    "3.2.1 escapes stay as sent",
    target("/%41%c3%a9%2F"),
    "GET /%41%c3%a9%2F ",
  ),
  should("accept")(accept(
    "3.2.1 dot segments stay as sent",
    target("/a/../b/./c"),
    "GET /a/../b/./c ",
  )),
  // Not all of them are characters of a URI (RFC 3986).
  badTarget(accept(
    "3.2.1 every other visible octet",
    target("/!\"$&'()*+,-.:;<=>@[\\]^_`{|}~"),
    "GET /!\"$&'()*+,-.:;<=>@[\\]^_`{|}~ ",
  )),
  ...[
    "a",
    "?a",
    "a/b",
    "/a#b",
    "/a\0",
    "/a\x01",
    "/a\x7f",
    "/a\x80",
    "/caf\xc3\xa9",
    "/%",
    "/%4",
    "/%zz",
    "/%4g",
    "/%u0041",
  ].map((text) => refuse(400, `3.2.1 ${text}`, target(text))).map(badTarget),
  // The grammar has these. What they mean is for the server to say.
  ...[
    "/%00",
    "/a%00b",
    "/%ff",
    "/%c3",
    "/%c3%28",
    "/%c0%af", // an overlong slash
    "/%ed%a0%80", // a surrogate
    "/%f4%90%80%80", // beyond U+10FFFF
  ].map((text) => refuse(400, `3.2.1 ${text}`, target(text))).map(may("accept", "400")),

  // absolute-form
  ...[
    accept("3.2.2 absolute-form", target("http://example.com/b?c"), "GET /b "),
    accept(
      "3.2.2 scheme and host in capitals",
      target("HTTP://EXAMPLE.COM/b"),
      "GET /b ",
    ),
    accept("3.2.2 a port", target("http://example.com:8080/b"), "GET /b "),
    accept("3.2.2 an empty path", target("http://example.com"), "GET / "),
    accept(
      "3.2.2 an empty path with a query",
      target("http://example.com?b"),
      "GET / ",
    ),
    accept("3.2.2 IPv6", target("http://[::1]:80/b"), "GET /b "),
  ].map(anyAuthority),
  ...[
    refuse(421, "9110 7.4 https on an unsecured connection", target("https://example.com/b")),
    refuse(421, "9110 7.4 https in capitals", target("HTTPS://example.com/b")),
  ].map(mustReject),
  // Without a host, which RFC 9110 section 4.2.1 demands.
  ...["http://", "http:///b", "http://:80/b"]
    .map((text) => refuse(400, `3.2.2 ${text}`, target(text))).map(mustReject),
  // RFC 9110 section 4.2.4
  ...["http://u@h/b", "http://u:p@h/b"]
    .map((text) => refuse(400, `3.2.2 ${text}`, target(text))).map(should("reject")),
  ...["http://h:x/b", "http://[::1/b", "http:/b", "http:b", "h:80", "http://h\\b"]
    .map((text) => refuse(400, `3.2.2 ${text}`, target(text))).map(badTarget),
  // The grammar has these.
  ...["http://h:65536/b", "ftp://h/b", "http://h/%ff"]
    .map((text) => refuse(400, `3.2.2 ${text}`, target(text))).map(may("accept", "reject")),

  // authority-form and asterisk-form
  should("reject")(
    refuse(501, "3.2.3 CONNECT", target("h:443", "CONNECT") + target("/smuggled")),
  ),
  // An empty or invalid port.
  ...["h", "h:", "h:x"].map((text) => refuse(400, `3.2.3 CONNECT ${text}`, target(text, "CONNECT")))
    .map(mustReject),
  ...["/a", "*", "http://h/", "u@h:443"].map((text) =>
    refuse(400, `3.2.3 CONNECT ${text}`, target(text, "CONNECT"))
  ).map(should("reject")),
  ...[
    accept("3.2.4 OPTIONS *", target("*", "OPTIONS"), "OPTIONS * "),
    accept(
      "3.2.4 OPTIONS of a bare authority",
      target("http://h:80", "OPTIONS"),
      "OPTIONS * ",
    ),
  ].map(must("accept", "421", "501")),
  ...[
    refuse(400, "3.2.4 GET *", target("*")),
    refuse(400, "3.2.4 OPTIONS **", target("**", "OPTIONS")),
    refuse(400, "3.2.4 OPTIONS */a", target("*/a", "OPTIONS")),
  ].map(badTarget),
];
