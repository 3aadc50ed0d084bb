// Request line and fields: RFC 9112 sections 2, 3 and 5.

import { accept, ended, get, may, must, refuse, should, type WireCase } from "./case.ts";

const HOST = "Host: h\r\n";
const requestLine = (line: string) => `${line}\r\n${HOST}\r\n`;

/** A request line of this length in octets. */
const longLine = (octets: number) => `GET /${"a".repeat(octets - 14)} HTTP/1.1`;

/** Section 3: a recipient may part the line at any white space. */
const partedLoosely = should("accept", "400", "301");
/** Section 3: what is no request line is 400, or 301 to a target that is encoded properly. */
const badLine = should("400", "301");
/** Section 2.2: a bare CR makes its element invalid, or stands for a space. */
const bareCr = must("accept", "reject", "none close");
/** Section 3: where a target is too long, the status is 414. 500: too long for the file system. */
const longTarget = must("accept", "414", "500");
/** RFC 9110 section 5.4: where fields are too large, the status is some 4xx. */
const largeFields = must("accept", "4xx");
/** The same for a head without end: until then a server may wait. */
const endlessFields = must("4xx", "none open");

const fieldLines = (count: number) => "a: b\r\n".repeat(count);

export const headCases: readonly WireCase[] = [
  accept("3 the simplest request", get(), "GET /a "),
  // The RFC asks for one empty line at least, and says nothing of more.
  should("accept")(accept("2.2 an empty line before a request", `\r\n${get()}`, "GET /a ")),
  should("accept")(accept(
    "2.2 empty lines between requests",
    `${get()}\r\n${get()}`,
    "GET /a ",
    "GET /a ",
  )),
  ...[
    accept("2.2 empty lines before a request", `\r\n\r\n${get()}`, "GET /a "),
    accept("2.2 four empty lines before a request", "\r\n".repeat(4) + get(), "GET /a "),
    refuse(400, "2.2 five empty lines before a request", "\r\n".repeat(5) + get()),
  ].map(may("accept", "reject close", "none close")),
  may("reject close", "none")(refuse(400, "2.2 a stream of empty lines", "\r\n".repeat(100))),

  // Exactly one space between the parts (3)
  ...[
    "GET  /a HTTP/1.1",
    "GET /a  HTTP/1.1",
    " GET /a HTTP/1.1",
    "GET /a HTTP/1.1 ",
    "GET\t/a HTTP/1.1",
    "GET /a\tHTTP/1.1",
    "GET\x0b/a HTTP/1.1",
    "GET /a HTTP/1.1\t",
  ].map((line) => refuse(400, `3 ${line}`, requestLine(line))).map(partedLoosely),
  ...["GET /a", "GET", "GET /a b HTTP/1.1", "\0"]
    .map((line) => refuse(400, `3 ${line}`, requestLine(line))).map(badLine),

  // Line ends (2.2)
  ...[
    refuse(
      400,
      "2.2 bare LF after the request line",
      `GET /a HTTP/1.1\n${HOST}\r\n`,
    ),
    refuse(400, "2.2 bare LF after a field", "GET /a HTTP/1.1\r\nHost: h\n\r\n"),
    refuse(400, "2.2 bare LF as the last line", `GET /a HTTP/1.1\r\n${HOST}\n`),
    refuse(400, "2.2 bare LF before a request", `\n${get()}`),
  ].map(may("accept", "400")),
  bareCr(refuse(
    400,
    "2.2 bare CR in the request line",
    `GET /a\rHTTP/1.1\r\n${HOST}\r\n`,
  )),
  // With a space in its place, Host is a part of the request line, and so it is missing.
  must("reject", "none close")(refuse(
    400,
    "2.2 bare CR after the request line",
    `GET /a HTTP/1.1\r${HOST}\r\n`,
  )),
  bareCr(refuse(400, "2.2 bare CR in a field", get("a: b\rc: d\r\n"))),
  bareCr(refuse(400, "2.2 CR CR LF", `GET /a HTTP/1.1\r\r\n${HOST}\r\n`)),
  // With a space in its place, the line is folded and has no end yet.
  must("reject", "none")(refuse(
    400,
    "2.2 bare CR as the last line",
    `GET /a HTTP/1.1\r\n${HOST}\rGET `,
  )),

  // Version (2.3)
  ...[
    "http/1.1",
    "HTTP/1",
    "HTTP/1.",
    "HTTP/.1",
    "HTTP/1.10",
    "HTTP/01.1",
    "HTTP/1.1a",
    "HTTP/1,1",
    "HTTP/a.b",
    "HTTP/+1.1",
    "HTTP 1.1",
    "HTTPS/1.1",
    "ICY/1.0",
    "\xb9",
  ].map((version) => refuse(400, `2.3 ${version}`, requestLine(`GET /a ${version}`)))
    .map(should("400", "301", "505")),
  // RFC 9110 section 15.6.6: 505 for a major version that a server refuses to support.
  ...["0.9", "0.0", "2.0", "3.0", "9.9"].map((version) =>
    refuse(505, `2.3 HTTP/${version}`, requestLine(`GET /a HTTP/${version}`))
  ).map(may("accept", "reject", "none close")),
  ...["1.2", "1.5", "1.9"].map((version) =>
    accept(
      `2.3 HTTP/${version} is taken for 1.1`,
      requestLine(`GET /a HTTP/${version}`),
      "GET /a ",
    )
  ).map(should("accept")), // RFC 9110 section 2.5

  // Method (3.1). RFC 9110 section 9.1: 501 for one that is not known, 405 for one not allowed.
  ...[
    accept(
      "3.1 every octet of a token",
      requestLine("!#$%&'*+-.^_`|~09azAZ /a HTTP/1.1"),
      "!#$%&'*+-.^_`|~09azAZ /a ",
    ),
    accept(
      "3.1 methods keep their case",
      requestLine("get /a HTTP/1.1"),
      "get /a ",
    ),
  ].map(should("501", "405", "404")),
  ...["G(T", "G,T", "G\0T", "G\x80T", "G\x7fT", "{GET}", "G:T", "G/T", '"GET"']
    .map((method) => refuse(400, `3.1 method ${method}`, requestLine(`${method} /a HTTP/1.1`)))
    .map(badLine),

  // Not HTTP/1 at all
  refuse(400, "garbage", "\x80\x81\x82\x83 lorem ipsum\r\n\r\n"),
  // It has no line end: a server may wait for one.
  should("400 close", "none")(
    refuse(400, "a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
  ),
  // A server that knows HTTP/2 may answer in it.
  may("accept", "reject close", "none close", "other")(
    refuse(505, "an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ),
  refuse(
    400,
    "a response line",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  ),
  refuse(400, "SSH", "SSH-2.0-OpenSSH_9.2\r\n"),

  // Field names (5, 5.1)
  accept(
    "5 every octet of a name",
    get("!#$%&'*+-.^_`|~09azAZ: b\r\n"),
    "GET /a ",
  ),
  ...["a : b\r\n", "a\t: b\r\n"].map((line) => refuse(400, `5.1 ${line}`, get(line)))
    .map(must("400")),
  ...[
    "a b: c\r\n",
    "abc\r\n",
    ": b\r\n",
    "a(: b\r\n",
    "a\0: b\r\n",
    "a\x80: b\r\n",
    "a/b: c\r\n",
    '"a": b\r\n',
    "a\x7f: b\r\n",
  ].map((line) => refuse(400, `5.1 ${line}`, get(line))),
  // A server that ignores the line, as it may, finds no Host.
  ...[
    refuse(
      400,
      "2.2 a blank before the first field",
      `GET /a HTTP/1.1\r\n ${HOST}\r\n`,
    ),
    refuse(
      400,
      "2.2 a tab before the first field",
      `GET /a HTTP/1.1\r\n\t${HOST}\r\n`,
    ),
  ].map(must("reject", "none close")),
  ...[
    refuse(400, "5.2 obs-fold with a space", get("a: b\r\n c\r\n")),
    refuse(400, "5.2 obs-fold with a tab", get("a: b\r\n\tc\r\n")),
    refuse(400, "5.2 obs-fold of nothing", get("a: b\r\n \r\n")),
  ].map(must("accept", "400")),

  // Field values (9110 5.5)
  accept("9110 5.5 an empty value", get("a:\r\n"), "GET /a "),
  accept("9110 5.5 a value of blanks", get("a: \t \r\n"), "GET /a "),
  accept("9110 5.5 no blank before the value", get("a:b\r\n"), "GET /a "),
  accept("9110 5.5 tabs and blanks within", get("a: b\t c\r\n"), "GET /a "),
  should("accept")(accept("9110 5.5 0x80 to 0xFF", get("a: \x80\x85\xa0\xff\r\n"), "GET /a ")),
  ...["\0", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f"].map((
    octet,
  ) =>
    refuse(
      400,
      `9110 5.5 value with 0x${octet.charCodeAt(0).toString(16)}`,
      get(`a: b${octet}c\r\n`),
    )
  ).map((row, index) => (index === 0 ? must : may)("accept", "reject", "none close")(row)),

  // Sizes (3, 5.4)
  should("accept", "500")(accept(
    "3 a request line of 8000 octets",
    requestLine(longLine(8000)),
    `GET /${"a".repeat(7986)} `,
  )),
  longTarget(accept(
    "3 a request line of the limit",
    requestLine(longLine(8192)),
    `GET /${"a".repeat(8178)} `,
  )),
  longTarget(refuse(414, "3 a request line over the limit", requestLine(longLine(8193)))),
  must("414", "none open")(
    refuse(414, "3 a request line without end", `GET /${"a".repeat(20000)}`),
  ),
  // Without a space there is no target yet that could be too long: it is the method.
  should("501", "none open")(refuse(501, "3 a method without end", "A".repeat(20000))),
  should("501")(
    refuse(501, "3 a method over the limit", requestLine(`${"A".repeat(8193)} /a HTTP/1.1`)),
  ),
  ...[
    accept(
      "9110 5.4 as many fields as the limit",
      get(fieldLines(99)),
      "GET /a ",
    ),
    refuse(431, "9110 5.4 one field more", get(fieldLines(100))),
    accept(
      "9110 5.4 fields of the limit",
      get(`a: ${"b".repeat(32768 - 9 - 5)}\r\n`),
      "GET /a ",
    ),
    refuse(
      431,
      "9110 5.4 fields one octet over",
      get(`a: ${"b".repeat(32768 - 9 - 4)}\r\n`),
    ),
  ].map(largeFields),
  ...[
    refuse(
      431,
      "9110 5.4 a value without end",
      `GET /a HTTP/1.1\r\na: ${"b".repeat(40000)}`,
    ),
    refuse(
      431,
      "9110 5.4 a name without end",
      `GET /a HTTP/1.1\r\n${"b".repeat(40000)}`,
    ),
    refuse(
      431,
      "9110 5.4 blanks without end",
      `GET /a HTTP/1.1\r\na:${" ".repeat(40000)}`,
    ),
  ].map(endlessFields),

  // The peer's end within a head (8)
  ...["G", "GET /a", "GET /a HTTP/1.1\r\n", `GET /a HTTP/1.1\r\n${HOST}`]
    .map((sent) => ended(refuse(400, `8 the end after ${sent}`, sent)))
    .map(should("reject close", "none close")),
];
