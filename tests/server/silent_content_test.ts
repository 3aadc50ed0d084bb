// Responses whose content pauses, or never goes on, as event streams do: they do not delay the end
// of their connection, and are closed with it.

import { assertEquals } from "@std/assert";
import { encodeContent } from "../../lib/compression.ts";
import { fromStream } from "../../lib/http/content.ts";
import type { Handler, HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";

/** How many bytes come before the pause, and how the handler makes the response. */
const CASES: readonly [
  name: string,
  bytes: number,
  length: number | null,
  respond: (request: HttpRequest, response: HttpResponse) => HttpResponse | Promise<HttpResponse>,
][] = [
  ["after a piece", 3, null, (_, response) => response],
  ["from the beginning", 0, null, (_, response) => response],
  ["of a known length", 3, 6, (_, response) => response],
  ["in a coding", 3, null, encodeContent],
];

for (const [name, bytes, length, respond] of CASES) {
  for (const end of ["close", "drain"] as const) {
    const paused = Promise.withResolvers<void>();
    let isCancelled = false;
    const stream = () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          if (bytes > 0) controller.enqueue(new Uint8Array(bytes));
        },
        pull: () => paused.resolve(),
        cancel() {
          isCancelled = true;
        },
      }, { highWaterMark: 0 });
    const handler: Handler = (request) =>
      respond(request, { status: 200, content: fromStream(stream(), length) });
    const title = `Server.${end}() closes content that pauses ${name}`;
    testServer(title, { handler }, async ({ server, records, connect }) => {
      using client = await connect();
      await client.send(request("GET /", "Accept-Encoding: gzip"));
      await paused.promise;
      assertEquals(toLatin1(await client.read(15)), "HTTP/1.1 200 OK");
      await (end === "close" ? server.close() : server.drain(1));
      assertEquals(isCancelled, true);
      assertEquals(server.connections, []);
      assertEquals(
        records.map(({ status, isComplete, closeReason }) => [status, isComplete, closeReason]),
        [[200, false, "drain"]],
      );
    });
  }
}
