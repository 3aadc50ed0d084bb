// The chunked transfer coding: RFC 9112 section 7.1.

import { accept, get, may, must, post, refuse, should, type WireCase } from "./case.ts";

const chunked = (content: string) => post("Transfer-Encoding: chunked\r\n", content);
const sized = (size: string) => chunked(`${size}\r\nabc\r\n0\r\n\r\n`);
const trailed = (trailers: string) => chunked(`3\r\nabc\r\n0\r\n${trailers}\r\n`);

/** Section 6.3: 411 is allowed wherever content comes without a length. */
const valid = must("accept", "411");
/** Section 7.1: a size of many digits must not become another number. */
const largeSize = must("reject", "none");
/** Section 7.1.1: a server ought to limit this, with some 4xx. */
const withoutEnd = should("4xx", "none open");

/** Malformed content that has arrived with its head, of a request whose handler reads none. */
const unread = (content: string) => get("Transfer-Encoding: chunked\r\n") + content;
const UNREAD = [
  "5\r\r;AB",
  "a\r\n0123456789\n0",
  "0_2e",
  "3\r\nabcd\r\n0\r\n\r\n",
  "3\nabc\r\n0\r\n\r\n",
  "0\r\na : b\r\n\r\n",
];

export const chunkedCases: readonly WireCase[] = [
  ...[
    accept("7.1 one chunk", sized("3"), "POST /p abc"),
    accept("7.1 no data", chunked("0\r\n\r\n"), "POST /p "),
    accept(
      "7.1 several last-chunk zeros",
      chunked("3\r\nabc\r\n0000\r\n\r\n"),
      "POST /p abc",
    ),
    accept(
      "7.1 hex in small letters",
      chunked(`a\r\n0123456789\r\n0\r\n\r\n`),
      "POST /p 0123456789",
    ),
    accept(
      "7.1 hex in capitals",
      chunked(`A\r\n0123456789\r\n0\r\n\r\n`),
      "POST /p 0123456789",
    ),
    accept(
      "7.1 two digits",
      chunked(`10\r\n0123456789abcdef\r\n0\r\n\r\n`),
      "POST /p 0123456789abcdef",
    ),
    accept(
      "7.1 CRLF within data",
      chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"),
      "POST /p \r\n\r\n",
    ),
    accept(
      "7.1 data that looks like the end",
      chunked("7\r\n0\r\n\r\nxy\r\n0\r\n\r\n"),
      "POST /p 0\r\n\r\nxy",
    ),
    accept(
      "7.1 a request right after",
      sized("3") + get(),
      "POST /p abc",
      "GET /a ",
    ),
  ].map(valid),
  // Valid, but of a kind that limits against attacks refuse.
  ...[
    accept("7.1 leading zeros", sized("0000000000000000000003"), "POST /p abc"),
    accept(
      "7.1 ten thousand chunks of one octet",
      chunked("1\r\nx\r\n".repeat(10_000) + "0\r\n\r\n"),
      `POST /p ${"x".repeat(10_000)}`,
    ),
  ].map(should("accept", "411")),
  ...[
    "",
    " 3",
    "3 ",
    "3\t",
    "+3",
    "-3",
    "0x3",
    "3_0",
    "3.",
    "3,",
    "g",
    "3g",
    "3\0",
    "\xb3",
  ].map((size) => refuse(400, `7.1 chunk size ${size}`, sized(size))),
  ...["20000000000000", "ffffffffffffffff", "fffffffffffffffffffffffffffffffffffff"]
    .map((size) => refuse(400, `7.1 chunk size ${size}`, sized(size))).map(largeSize),
  largeSize(refuse(
    413,
    "7.1 a chunk beyond the limit of content",
    sized("1fffffffffffff"),
  )),
  refuse(400, "7.1 size ended by bare LF", chunked("3\nabc\r\n0\r\n\r\n")),
  refuse(
    400,
    "7.1 size ended by CR and something",
    chunked("3\rXabc\r\n0\r\n\r\n"),
  ),
  refuse(
    400,
    "7.1 data longer than its size",
    chunked("3\r\nabcd\r\n0\r\n\r\n"),
  ),
  refuse(
    400,
    "7.1 data shorter than its size",
    chunked("4\r\nabc\r\n0\r\n\r\n"),
  ),
  refuse(400, "7.1 data ended by bare LF", chunked("3\r\nabc\n0\r\n\r\n")),
  refuse(
    400,
    "7.1 data ended by CR and something",
    chunked("3\r\nabc\rX0\r\n\r\n"),
  ),
  // Section 2.2 lets a bare LF end a field section, but no line of the chunked coding.
  may("accept", "400")(
    refuse(400, "7.1 the last line ended by bare LF", chunked("0\r\n\n")),
  ),
  largeSize(refuse(
    413,
    "7.1 zeros, then digits that are a size",
    chunked("0000000FFFFFFFFF\r\n"),
  )),
  ...UNREAD.map((content) => refuse(400, `7.1 GET with ${content}`, unread(content))),

  // Extensions (7.1.1)
  ...[
    ";a",
    ";a=b",
    ";a;b",
    ";a=b;c=d",
    " ;a",
    "\t;\ta",
    "; a",
    ";a =b",
    ";a= b",
    ";a\t=\tb",
    ";a ;b",
    ";a=b ;c",
    ';a="b"',
    ';a=""',
    ';a="b;c=d"',
    ';a="b\\"c"',
    ';a="b\\\\"',
    ';a="b" ;c',
    ';a="\x80\t "',
  ].map((extension) => accept(`7.1.1 3${extension}`, sized(`3${extension}`), "POST /p abc"))
    .map(valid),
  ...[
    ";",
    ";;",
    "; ",
    ";a;",
    ";=b",
    ";a=",
    ";a=;b",
    ";a b",
    ";a=b c",
    ";a ",
    ";a=b ",
    ';a="b" ',
    ";(a)",
    ";a=(b)",
    ';a="b',
    ';a="b"c',
    ";a\0",
    ";a=\x01",
    ';a="\x01"',
    ';a="\\\x01"',
    ';a="\x7f"',
    ";\xe9",
    ";a=\xe9",
  ].map((extension) => refuse(400, `7.1.1 3${extension}`, sized(`3${extension}`))),
  should("accept", "4xx")(accept(
    "7.1.1 a long extension",
    sized(`3;a=${"b".repeat(10_000)}`),
    "POST /p abc",
  )),
  ...[
    refuse(
      400,
      "7.1.1 an extension without end",
      chunked(`3;a=${"b".repeat(20_000)}`),
    ),
    refuse(
      400,
      "7.1.1 extensions without end",
      chunked("1;abcdefgh\r\nx\r\n".repeat(5_000)),
    ),
    refuse(400, "7.1 zeros without end", chunked("0".repeat(20_000))),
  ].map(withoutEnd),

  // Trailers (7.1.2)
  valid(accept(
    "7.1.2 trailers",
    trailed("a: b\r\nc: d\r\n") + get(),
    "POST /p abc",
    "GET /a ",
  )),
  must("accept", "411", "400 close")(accept(
    "7.1.2 trailers do not change the framing",
    trailed("Content-Length: 9\r\nTransfer-Encoding: gzip\r\n") + get(),
    "POST /p abc",
    "GET /a ",
  )),
  must("accept keep", "411", "400 close")(accept(
    "7.1.2 trailers are no fields",
    trailed("Connection: close\r\n") + get(),
    "POST /p abc",
    "GET /a ",
  )),
  ...["a : b\r\n", " a: b\r\n", "a\r\n", ": b\r\n"]
    .map((line) => refuse(400, `7.1.2 trailer ${line}`, trailed(line))),
  // Folds (5.2) and NUL (RFC 9110 section 5.5) may be replaced by a space.
  ...["a: b\r\n c\r\n", "a: \0\r\n"]
    .map((line) => refuse(400, `7.1.2 trailer ${line}`, trailed(line)))
    .map(must("accept", "411", "reject", "none close")),
  ...["a: b\n"].map((line) => refuse(400, `7.1.2 trailer ${line}`, trailed(line)))
    .map(may("accept", "411", "400")),
  ...[
    accept(
      "7.1.2 as many trailers as the limit",
      trailed("a: b\r\n".repeat(100)),
      "POST /p abc",
    ),
    refuse(431, "7.1.2 one trailer more", trailed("a: b\r\n".repeat(101))),
  ].map(must("accept", "4xx")),
  must("4xx", "none open")(refuse(
    431,
    "7.1.2 a trailer without end",
    chunked(`0\r\na: ${"b".repeat(40_000)}`),
  )),
];
