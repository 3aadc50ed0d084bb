// Content of responses that has nothing to say for now, or for ever, as events have: it does not
// hold up the end of its connection, and is closed with it.

import { assertEquals } from "@std/assert";
import { encodeContent } from "../../lib/compression.ts";
import { fromStream } from "../../lib/http/content.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";

/** How many bytes come before the silence, and what the response is, given the content. */
const CASES: readonly [
  name: string,
  bytes: number,
  length: number | null,
  respond: (request: HttpRequest, response: HttpResponse) => HttpResponse | Promise<HttpResponse>,
  status: number | null,
][] = [
  ["after a piece", 3, null, (_, response) => response, 200],
  ["from the beginning", 0, null, (_, response) => response, null],
  ["of a known length", 3, 6, (_, response) => response, 200],
  ["in a coding", 3, null, encodeContent, 200],
];

for (const [name, bytes, length, respond, status] of CASES) {
  for (const end of ["close", "drain"] as const) {
    testWith(["net"], `Server.${end}() ends content that is silent ${name}`, async () => {
      const silent = Promise.withResolvers<void>();
      let isCancelled = false;
      const stream = () =>
        new ReadableStream<Uint8Array>({
          start(controller) {
            if (bytes > 0) controller.enqueue(new Uint8Array(bytes));
          },
          pull: () => silent.resolve(),
          cancel() {
            isCancelled = true;
          },
        }, { highWaterMark: 0 });
      const records: LogRecord[] = [];
      const errors: unknown[] = [];
      const server = serve(
        (request) => respond(request, { status: 200, content: fromStream(stream(), length) }),
        {
          port: 0,
          observer: {
            onRequest: (record) => records.push(record),
            onError: (error) => errors.push(error),
          },
        },
      );
      using client = await RawClient.connect(server.port);
      await client.send("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
      await silent.promise;
      await (end === "close" ? server.close() : server.drain(1));
      assertEquals(isCancelled, true);
      assertEquals(server.connections, []);
      assertEquals(
        records.map(({ status, isComplete, closeReason }) => [status, isComplete, closeReason]),
        [[status, false, "drain"]],
      );
      assertEquals(errors, []);
    });
  }
}
