// The responses of the program's routes on the wire: methods, persistence, and their fields. One
// row is one connection.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { handlersOf } from "../../lib/files/handlers.ts";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient, toLatin1 } from "../support/raw_client.ts";

const HOST = "Host: h\r\n";
const ask = (method: string, target = "/echo/abc", fields = "") =>
  `${method} ${target} HTTP/1.1\r\n${HOST}${fields}\r\n`;

const ECHO_ALLOW = "Allow: GET, HEAD, OPTIONS";
const ALL_ALLOW = "Allow: GET, HEAD, POST, PUT, OPTIONS";

/** The octets sent on one connection, and all responses until the server closes it. */
interface Row {
  readonly name: string;
  readonly sent: string;
  /** Status, fields and content of each response, with `Date` in place of the date. */
  readonly answers: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    name: "9110 9.3.1 GET",
    sent: ask("GET"),
    answers: ["200|Date|Content-Type: text/plain|Vary: Accept-Encoding|Content-Length: 3|abc"],
  },
  {
    name: "9110 9.3.2 HEAD has GET's fields, and no content",
    sent: ask("HEAD"),
    answers: ["200|Date|Content-Type: text/plain|Vary: Accept-Encoding|Content-Length: 3|"],
  },
  {
    name: "9110 9.3.7 OPTIONS of a path is 204 with Allow and no length",
    sent: ask("OPTIONS"),
    answers: [`204|Date|${ECHO_ALLOW}|`],
  },
  {
    name: "9110 9.3.7 OPTIONS *",
    sent: ask("OPTIONS", "*"),
    answers: [`204|Date|${ALL_ALLOW}|`],
  },
  {
    name: "9110 15.5.6 a known method that the path does not allow is 405 with Allow",
    sent: ask("DELETE") + ask("PATCH") + ask("PUT"),
    answers: Array(3).fill(
      `405|Date|Content-Type: text/plain|${ECHO_ALLOW}|Content-Length: 45|` +
        "This path allows GET, HEAD and OPTIONS only.\n",
    ),
  },
  {
    name: "9110 9.3.8 TRACE is 405, and nothing is reflected",
    sent: ask("TRACE", "/echo/abc", "X-Secret: 1\r\n"),
    answers: [
      `405|Date|Content-Type: text/plain|${ECHO_ALLOW}|Content-Length: 45|` +
      "This path allows GET, HEAD and OPTIONS only.\n",
    ],
  },
  {
    name: "9110 9.1 an unknown method, or one in lower case, is 501",
    sent: ask("BREW") + ask("get"),
    answers: Array(2).fill(
      "501|Date|Content-Type: text/plain|Content-Length: 38|" +
        "This server does not know the method.\n",
    ),
  },
  {
    name: "9110 9.3.6 CONNECT is 501, and what follows is no request",
    sent: ask("CONNECT", "h:443") + ask("GET"),
    answers: [
      "501|Date|Content-Type: text/plain|Content-Length: 28|Connection: close|" +
      "This server is not a proxy.\n",
    ],
  },
  {
    name: "9112 9.6 Connection: close is answered with Connection: close",
    sent: ask("GET", "/", "Connection: close\r\n") + ask("GET"),
    answers: ["200|Content-Length: 0|Connection: close|"],
  },
  {
    name: "9112 9.3 HTTP/1.0 closes, with Connection: close",
    sent: `GET / HTTP/1.0\r\n\r\n${ask("GET")}`,
    answers: ["200|Content-Length: 0|Connection: close|"],
  },
  {
    name: "9112 9.3 HTTP/1.0 with keep-alive persists, with Connection: keep-alive",
    sent: `GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n${ask("GET", "/")}`,
    answers: ["200|Content-Length: 0|Connection: keep-alive|", "200|Content-Length: 0|"],
  },
  {
    name: "9112 9.3.2 a good request, then a bad one",
    sent: `${ask("GET", "/")}BAD\r\n\r\n${ask("GET")}`,
    answers: [
      "200|Content-Length: 0|",
      "400|Date|Content-Type: text/plain|Content-Length: 25|Connection: close|" +
      "The method is malformed.\n",
    ],
  },
  {
    name: "9110 6.6.1 Date on errors, too",
    sent: ask("GET", "/nothing"),
    answers: [
      "404|Date|Content-Type: text/plain|Content-Length: 31|There is nothing at this path.\n",
    ],
  },
  {
    name: "9110 7.8 Upgrade is ignored",
    sent: ask("GET", "/", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + ask("GET", "/"),
    answers: ["200|Content-Length: 0|", "200|Content-Length: 0|"],
  },
  // The route reads no content. What has arrived with the head is judged all the same.
  ...["5\r\r;AB", "a\r\n0123456789\n0", "0_2e", "3\r\nabcd\r\n0\r\n\r\n"].map((content): Row => ({
    name: `9112 2.2 GET / with the malformed content ${JSON.stringify(content)} is 400`,
    sent: ask("GET", "/", "Transfer-Encoding: chunked\r\n") + content,
    answers: [
      "400|Date|Content-Type: text/plain|Content-Length: 48|Connection: close|" +
      "The chunked coding of the content is malformed.\n",
    ],
  })),
];

const DATE =
  /^Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$/gm;

/** The responses of one connection, as the answers of a row. */
function readAnswers(received: string): string[] {
  return received.split(/(?=HTTP\/1\.1 )/).filter((each) => each !== "").map((response) => {
    const [head = "", ...content] = response.split("\r\n\r\n");
    const lines = head.replaceAll("\r", "").replace(DATE, "Date").split("\n");
    const status = /^HTTP\/1\.1 ([0-9]{3}) /.exec(lines[0]!)?.[1] ?? lines[0];
    return [status, ...lines.slice(1), content.join("\r\n\r\n")].join("|");
  });
}

testWith(["net"], "serve() answers on the wire as the routes and the RFCs say", async (context) => {
  const server = serve(router(routes(handlersOf(null, DEFAULT_FILE_SETTINGS))), { port: 0 });
  for (const { name, sent, answers } of ROWS) {
    await context.step(name, async () => {
      using client = await RawClient.connect(server.port);
      await client.send(sent);
      await client.endSending();
      assertEquals(readAnswers(toLatin1(await client.readToEnd())), [...answers]);
    });
  }
  await server.close();
});

testWith(["net"], "serve() says whether an escape is malformed or not UTF-8", async () => {
  const server = serve(router(routes(handlersOf(null, DEFAULT_FILE_SETTINGS))), { port: 0 });
  for (
    const [target, sentence] of [
      ["/echo/%zz", "is no percent-encoding"],
      ["/echo/%4", "is no percent-encoding"],
      ["/echo/%ff", "is not UTF-8"],
    ] as const
  ) {
    using client = await RawClient.connect(server.port);
    await client.send(ask("GET", target));
    const { status, text } = await client.readResponse();
    assertEquals(status, 400);
    assertStringIncludes(text, sentence, target);
  }
  await server.close();
});
