// Requests of every kind for bursts, with the exact bytes of their responses and their records, and
// the handler that answers them.

import { assert, assertEquals } from "@std/assert";
import { type Content, fromStream } from "../../lib/http/content.ts";
import type { Handler, HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import type { Limits } from "../../lib/server/limits.ts";
import { fromLatin1, type RawClient, toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { type TestServer, testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

/** A kind of request, and the exact bytes of its response except the Date. */
export interface Kind {
  readonly method: string;
  readonly headers?: readonly string[];
  readonly content?: string;
  readonly answer: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  readonly status: string;
  readonly fields?: string;
  readonly body: string;
}

export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31) % 256);
const LATIN = "\x80caf\xe9\xff";
const dateless = (response: Omit<HttpResponse, "status">): HttpResponse => ({
  status: 200,
  isDateless: true,
  ...response,
});
const streamed = (...pieces: string[]): Content =>
  fromStream(ReadableStream.from(pieces.map(fromLatin1)));

const TEXT = "Content-Type: text/plain; charset=utf-8\r\n";

/** The response with text, or with bytes where `type` is empty. */
function sized(body: string, fields = "", type = TEXT): Pick<Kind, "status" | "fields" | "body"> {
  const length = `Content-Length: ${body.length}\r\n`;
  return { status: "200 OK", fields: `${type}${fields}${length}`, body };
}

function failure(status: string, sentence: string): Pick<Kind, "status" | "fields" | "body"> {
  const fields = `Date: D\r\nContent-Type: text/plain\r\nContent-Length: ${
    sentence.length + 1
  }\r\n`;
  return { status, fields, body: `${sentence}\n` };
}

/** The kinds of requests by name, which is also their path. */
export const KINDS: Readonly<Record<string, Kind>> = {
  sync: { method: "GET", answer: () => dateless({ content: "sync" }), ...sized("sync") },
  async: {
    method: "GET",
    answer: async () => (await turn(), dateless({ content: "later" })),
    ...sized("later"),
  },
  streamed: {
    method: "GET",
    answer: () => dateless({ content: streamed("one", "three") }),
    status: "200 OK",
    fields: "Transfer-Encoding: chunked\r\n",
    body: "3\r\none\r\n5\r\nthree\r\n0\r\n\r\n",
  },
  content: {
    method: "POST",
    headers: ["Content-Length: 7"],
    content: "GET / H",
    answer: async ({ content }) => {
      let text = "";
      for await (const piece of content) text += toLatin1(piece);
      return dateless({ content: text });
    },
    ...sized("GET / H"),
  },
  unread: {
    method: "POST",
    headers: ["Transfer-Encoding: chunked"],
    content: "3\r\nabc\r\n0\r\n\r\n",
    answer: () => dateless({ content: "unread" }),
    ...sized("unread"),
  },
  missing: {
    method: "GET",
    answer: () => {
      throw new StatusError(404, "Nothing.");
    },
    ...failure("404 Not Found", "Nothing."),
  },
  throws: {
    method: "GET",
    answer: () => {
      throw new Error("A fault");
    },
    ...failure("500 Internal Server Error", "The server has failed to answer the request."),
  },
  rejects: {
    method: "GET",
    answer: () => Promise.reject(new Error("A fault")),
    ...failure("500 Internal Server Error", "The server has failed to answer the request."),
  },
  head: { method: "HEAD", answer: () => dateless({ content: "sync" }), ...sized("sync"), body: "" },
  none: {
    method: "GET",
    answer: () => dateless({ status: 204 } as HttpResponse),
    ...noContent(204),
  },
  same: {
    method: "GET",
    answer: () => ({ status: 304, isDateless: true, content: "never sent" }),
    ...noContent(304),
  },
  latin: {
    method: "GET",
    answer: () => dateless({ fields: { "X-A": LATIN }, content: "ascii" }),
    ...sized("ascii", `X-A: ${LATIN}\r\n`),
  },
  both: {
    method: "GET",
    answer: () => dateless({ fields: { "X-A": LATIN }, content: "caf\u00e9 \u20ac" }),
    ...sized("caf\xc3\xa9 \xe2\x82\xac", `X-A: ${LATIN}\r\n`),
  },
  ...large("bytes16", bytesOf(16 * 1024)),
  ...large("bytes100", bytesOf(100 * 1024)),
  ...large("bytes1024", bytesOf(1024 * 1024)),
  ...large("text16", "x".repeat(16 * 1024)),
  ...large("text100", "y".repeat(100 * 1024)),
  ...large("text1024", "z".repeat(1024 * 1024)),
};

function noContent(status: 204 | 304): Pick<Kind, "status" | "fields" | "body"> {
  return { status: status === 204 ? "204 No Content" : "304 Not Modified", fields: "", body: "" };
}

function large(name: string, content: string | Uint8Array): Record<string, Kind> {
  const [body, type] = typeof content === "string" ? [content, TEXT] : [toLatin1(content), ""];
  const expected = sized(body, "", type);
  return { [name]: { method: "GET", answer: () => dateless({ content }), ...expected } };
}

export function sentFor(name: string): string {
  const { method, headers = [], content = "" } = KINDS[name]!;
  return request(`${method} /${name}`, ...headers) + content;
}

/** The bytes of its response, with `D` for the Date. */
export function expectedFor(name: string): string {
  const { status, fields = "", body } = KINDS[name]!;
  return `HTTP/1.1 ${status}\r\n${fields}\r\n${body}`;
}

export const handler: Handler = (request) => KINDS[request.path.slice(1)]!.answer(request);

/** Registers a test of a server that answers every kind, unless it has a handler of its own. */
export function testPipeline(
  name: string,
  run: (server: TestServer) => Promise<void>,
  limits: Partial<Limits> = {},
  ownHandler: Handler = handler,
): void {
  testServer(name, { handler: ownHandler, limits, hasErrors: true }, run);
}

/** Sends requests at once, and checks every byte that arrives, and every record. */
export async function burst(
  client: RawClient,
  records: LogRecord[],
  names: string[],
): Promise<void> {
  records.length = 0;
  const sending = client.send(names.map(sentFor).join(""));
  for (const [index, name] of names.entries()) {
    const expected = expectedFor(name);
    let found = "";
    while (found.length < expected.length) {
      found += toLatin1(await client.read(expected.length - found.length));
      found = found.replace(/^Date: [^\r]+/m, "Date: D");
    }
    assert(found === expected, `${index} of ${names}: ${JSON.stringify(found.slice(0, 300))}`);
  }
  await sending;
  await until(() => records.length === names.length);
  assertEquals(
    records.map(({ requestLine, status, bytesOut }) => [requestLine, status, bytesOut]),
    names.map((name) => {
      const { method, status, body } = KINDS[name]!;
      return [`${method} /${name} HTTP/1.1`, Number(status.slice(0, 3)), body.length];
    }),
  );
}
