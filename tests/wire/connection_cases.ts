// Persistence, pipelining and expectations: RFC 9112 section 9, RFC 9110 section 10.1.1.

import { accept, acceptLast, get, may, must, post, refuse, should, type WireCase } from "./case.ts";

const connection = (value: string) => get(`Connection: ${value}\r\n`);
const old = (lines = "") => `GET /a HTTP/1.0\r\n${lines}\r\n`;

/**
 * Section 9.6: nothing after a request with "close" is processed. A client must not send anything
 * after it, so that a server may refuse both.
 */
const lastRequest = must("accept close", "reject close");

export const connectionCases: readonly WireCase[] = [
  // Persistence (9.3)
  ...[
    accept("9.3 HTTP/1.1 persists", get() + get(), "GET /a ", "GET /a "),
    ...["keep-alive", "foo", "x-close", "", "upgrade", "closed"].map((value) =>
      accept(`9.3 Connection: ${value}`, connection(value), "GET /a ")
    ),
  ].map(should("accept keep")),
  ...[
    "close",
    "Close",
    "CLOSE",
    "foo, close",
    "close,foo",
    "foo ,\tclose",
    "close, keep-alive",
  ].map(
    (value) =>
      acceptLast(
        `9.6 Connection: ${value}`,
        connection(value) + get(),
        "GET /a ",
      ),
  ).map(lastRequest),
  lastRequest(acceptLast(
    "9.6 close in a second line",
    get("Connection: foo\r\nconnection: close\r\n") + get(),
    "GET /a ",
  )),
  should("accept close")(acceptLast("9.3 HTTP/1.0 closes", old() + get(), "GET /a ")),
  may("accept")(accept(
    "9.3 HTTP/1.0 with keep-alive",
    old("Connection: Keep-Alive\r\n") + get(),
    "GET /a ",
    "GET /a ",
  )),
  lastRequest(acceptLast(
    "9.3 HTTP/1.0 with both",
    old("Connection: keep-alive, close\r\n") + get(),
    "GET /a ",
  )),

  // Pipelining (9.3.2)
  should("accept keep")(accept(
    "9.3.2 a hundred requests in one go",
    Array.from({ length: 100 }, (_, each) => get("", `/${each}`)).join(""),
    ...Array.from({ length: 100 }, (_, each) => `GET /${each} `),
  )),
  must("accept", "late reject", "411")(accept(
    "9.3.2 content between requests",
    post("Content-Length: 3\r\n", "abc") + get() +
      post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n") + get(),
    "POST /p abc",
    "GET /a ",
    "POST /p x",
    "GET /a ",
  )),
  refuse(
    400,
    "9.3.2 a good request, then a bad one",
    get() + "BAD\r\n\r\n" + get(),
    "GET /a ",
  ),
  // The second method is not known, and a server may have seen that before it answers the first.
  must("accept", "late reject", "reject close")(accept(
    "9.3.2 content takes what its length says, be it of the next request",
    post("Content-Length: 5\r\n", "abc") + get(),
    "POST /p abcGE",
    "T /a ",
  )),

  // Expectations
  accept(
    "9110 10.1.1 the content is there already",
    post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"),
    "POST /p abc",
  ),
  accept(
    "9110 10.1.1 the case does not matter",
    post("Expect: 100-Continue\r\nContent-Length: 3\r\n", "abc"),
    "POST /p abc",
  ),
  ...[
    refuse(417, "9110 10.1.1 another expectation", get("Expect: magic\r\n")),
    accept("9110 10.1.1 an empty expectation", get("Expect:\r\n"), "GET /a "),
    refuse(
      417,
      "9110 10.1.1 an expectation with a parameter",
      get("Expect: 100-continue;a=b\r\n"),
    ),
    refuse(
      417,
      "9110 10.1.1 two expectations",
      get("Expect: 100-continue, magic\r\n"),
    ),
    acceptLast(
      "9110 10.1.1 HTTP/1.0 expects nothing",
      old("Expect: magic\r\n"),
      "GET /a ",
    ),
  ].map(may("accept", "417")),
  may("accept", "reject")(accept(
    "9110 10.1.1 the same expectation twice",
    post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 3\r\n", "abc"),
    "POST /p abc",
  )),

  // Others
  may("accept", "101")(accept(
    "9110 7.8 Upgrade is ignored",
    get("Connection: upgrade\r\nUpgrade: h2c\r\n") + get(),
    "GET /a ",
    "GET /a ",
  )),
];
