// Content framing: RFC 9112 section 6.

import {
  accept,
  acceptLast,
  ended,
  get,
  may,
  must,
  post,
  refuse,
  should,
  type WireCase,
} from "./case.ts";

const CHUNKS = "3\r\nabc\r\n0\r\n\r\n";

const transferEncoding = (value: string) => post(`Transfer-Encoding: ${value}\r\n`, CHUNKS);
const contentLength = (value: string) => post(`Content-Length: ${value}\r\n`, "abcde");

const smuggled = get("", "/smuggled");
/** The same as content: its length is counted, so that no other host may be put in. */
const embedded = smuggled.replace("Host: h", "Host: i");

/** Section 6.3: 411 is allowed wherever content comes without a length. */
const acceptChunked = must("accept", "411");
/** Section 6.3: 400 and a close where the last coding is not chunked, or a length is invalid. */
const unframed = must("400 close");
/**
 * The same for codings, where 6.1 has 501 for one that a server does not understand, and 6.3 allows
 * 411 for content without a length. Each is taken.
 */
const notChunkedLast = must("400 close", "501 close", "411 close");
/** Section 6.1: 501 for a coding that a server does not understand. It may understand this one. */
const unknownCoding = should("501", "accept");
/** Section 6.3: the message is incomplete, and the connection is closed; 8: with or without 400. */
const incomplete = must("reject close", "none close");

export const framingCases: readonly WireCase[] = [
  // Transfer-Encoding with Content-Length (6.1, 6.3 item 3)
  ...[
    "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "CONTENT-LENGTH: 3\r\ntransfer-encoding: Chunked\r\n",
    "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
  ].map((lines) => refuse(400, `6.1 both framings: ${lines}`, post(lines, CHUNKS + smuggled)))
    .map(must("accept close", "reject close")),
  ...["Transfer-Encoding: identity\r\nContent-Length: 3\r\n"]
    .map((lines) => refuse(400, `6.1 both framings: ${lines}`, post(lines, CHUNKS + smuggled)))
    .map(notChunkedLast),

  // Transfer-Encoding (6.1, 7)
  ...["chunked", "Chunked", "CHUNKED", "  chunked", "chunked  ", "\tchunked \t"]
    .map((value) =>
      accept(
        `7 Transfer-Encoding:${value}`,
        transferEncoding(value),
        "POST /p abc",
      )
    ).map(acceptChunked),
  // Codings that are not understood; "identity" is one since RFC 7230.
  ...["identity, chunked", "gzip,,chunked"].map((value) =>
    refuse(400, `6.1 Transfer-Encoding: ${value}`, transferEncoding(value) + smuggled)
  ).map(unknownCoding),
  // Chunked twice (6.1), parameters of codings (7.1, 7.2).
  ...["chunked, chunked", "chunked;a=b", "gzip;a=b, chunked"].map((value) =>
    refuse(400, `6.1 Transfer-Encoding: ${value}`, transferEncoding(value) + smuggled)
  ).map(should("reject")),
  // RFC 9110 section 5.6.1 asks to ignore an empty member, section 6.3 to refuse framing in doubt:
  // either is taken.
  ...["chunked,", ",chunked"].map((value) =>
    refuse(400, `6.1 Transfer-Encoding: ${value}`, transferEncoding(value) + smuggled)
  ).map(must("accept", "411", "400 close", "501 close")),
  // RFC 9110 section 5.5: NUL is refused, or replaced by a space.
  ...["chunked\x00", "\x00chunked"].map((value) =>
    refuse(400, `6.1 Transfer-Encoding: ${value}`, transferEncoding(value) + smuggled)
  ).map(must("accept", "411", "reject close", "none close")),
  ...[
    "",
    "chunked, gzip",
    "gzip",
    "identity",
    "xchunked",
    "chunkedx",
    '"chunked"',
    "chunked chunked",
    "\x0bchunked",
    "chunked\x0b",
    "\x0cchunked",
    "chunked\x0c",
    "chunked\x85",
    "\x85chunked",
    "\xa0chunked",
    "chunked\xa0",
    "ch\x7funked",
  ].map((value) =>
    refuse(
      400,
      `6.1 Transfer-Encoding: ${value}`,
      transferEncoding(value) + smuggled,
    )
  ).map(notChunkedLast),
  should("reject")(refuse(
    400,
    "6.1 chunked in two lines",
    post(
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      CHUNKS,
    ),
  )),
  notChunkedLast(refuse(
    400,
    "6.1 chunked, then identity in a line of its own",
    post(
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      CHUNKS,
    ),
  )),
  ...[
    refuse(
      501,
      "6.1 an unknown coding before chunked",
      transferEncoding("gzip, chunked"),
    ),
    refuse(
      501,
      "6.1 an unknown coding in a line before chunked",
      post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
    ),
  ].map(unknownCoding),
  must("accept close", "reject close", "none close")(refuse(
    400,
    "6.1 Transfer-Encoding in HTTP/1.0",
    "POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
  )),

  // Content-Length (6.2, 6.3 items 4 to 6)
  accept("6.2 Content-Length: 5", contentLength("5"), "POST /p abcde"),
  accept("6.2 leading zeros", contentLength("0000005"), "POST /p abcde"),
  accept(
    "6.2 010 is ten, not eight",
    post("Content-Length: 010\r\n", "0123456789"),
    "POST /p 0123456789",
  ),
  accept(
    "6.2 blanks around the number",
    contentLength(" \t5 \t"),
    "POST /p abcde",
  ),
  accept("6.2 Content-Length: 0", post("Content-Length: 0\r\n"), "POST /p "),
  ...[
    "",
    "+5",
    "-5",
    "-0",
    "5 5",
    "0x5",
    "5a",
    "5abc",
    "1_0",
    "5.0",
    "5e0",
    "5, 6",
    "5;",
    "\x0b5",
    "5\xa0",
    "\u00b2",
    "Infinity",
    "NaN",
  ].map((value) => refuse(400, `6.2 Content-Length: ${value}`, contentLength(value)))
    .map(unframed),
  // Valid, but more than any server takes. It may wait for the rest, but not take 5 for all.
  ...["9007199254740992", "99999999999999999999999999"]
    .map((value) => refuse(400, `6.2 Content-Length: ${value}`, contentLength(value)))
    .map(must("reject", "none", "accept close", "accept open")),
  // Equal values may be taken for one.
  ...["5,5", "5, 5"]
    .map((value) => refuse(400, `6.2 Content-Length: ${value}`, contentLength(value)))
    .map(must("accept", "400 close")),
  must("accept", "400 close")(refuse(
    400,
    "6.3 two equal lengths",
    post("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde"),
  )),
  unframed(refuse(
    400,
    "6.3 two lengths",
    post("Content-Length: 5\r\ncontent-length: 6\r\n", "abcdef"),
  )),
  ...[
    accept("6.3 neither: no content", post(""), "POST /p "),
    accept(
      "6.3 Content_Length is another field",
      post("Content_Length: 5\r\n") + get(),
      "POST /p ",
      "GET /a ",
    ),
  ].map(must("accept", "411")),
  // RFC 9110 section 9.3.1: a server may refuse it, but not take the content for a request.
  must("accept", "reject close")(accept(
    "6 GET with content",
    get("Content-Length: 3\r\n") + "abc" + get(),
    "GET /a abc",
    "GET /a ",
  )),
  accept(
    "6.3 content that looks like a request",
    post(`Content-Length: ${embedded.length}\r\n`, embedded) + get(),
    `POST /p ${embedded}`,
    "GET /a ",
  ),
  acceptLast(
    "6.3 content in HTTP/1.0",
    "POST /p HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
    "POST /p abc",
  ),

  // The peer's end within content (8)
  incomplete(ended(refuse(
    400,
    "8 the end within content of known length",
    post("Content-Length: 9\r\n", "abc"),
  ))),
  ...[
    "",
    "3",
    "3\r\n",
    "3\r\nab",
    "3\r\nabc",
    "3\r\nabc\r\n",
    "3\r\nabc\r\n0\r\n",
  ].map((chunks) =>
    ended(
      refuse(400, `8 the end after ${chunks}`, post("Transfer-Encoding: chunked\r\n", chunks)),
    )
  ).map(incomplete),
  // The RFC does not say whether a client that ends its side still wants the response.
  may("accept close", "none close")(ended(acceptLast(
    "8 the end after the last octet",
    post("Content-Length: 3\r\n", "abc"),
    "POST /p abc",
  ))),
];
