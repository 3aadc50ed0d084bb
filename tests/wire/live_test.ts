// The wire cases on a live socket: the outcome is in the responses, and in whether the connection
// is closed after them.

import { assertEquals } from "@std/assert";
import { collect } from "../../lib/http/content.ts";
import type { Handler } from "../../lib/http/message.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { fromLatin1, RawClient } from "../support/raw_client.ts";
import { wireCases } from "./cases.ts";

/** Answers with the request as the server has parsed it. */
const mirror: Handler = async ({ method, path, content }) => {
  const head = fromLatin1(`${method} ${path} `);
  const octets = await collect(content, 1 << 20);
  return { status: 200, content: await new Blob([head, octets]).bytes() };
};

/** A request that shows that the connection persists. */
const PROBE = "GET /probe HTTP/1.1\r\nHost: h\r\n\r\n";

testWith(
  ["net"],
  "serve() answers every wire case on a live socket",
  async (context) => {
    const server = serve(mirror, { port: 0, limits: { lingerTimeout: 200 } });
    for (
      const { name, sent, isEnded, requests, refusal, closes } of wireCases
    ) {
      await context.step(name, async () => {
        using client = await RawClient.connect(server.port);
        await client.trySend(sent);
        if (isEnded) await client.endSending();
        for (const request of requests) {
          const { status, text } = await client.readResponse();
          assertEquals({ status, text }, { status: 200, text: request });
        }
        if (refusal !== null) {
          const { status, fields } = await client.readResponse();
          assertEquals({ status, connection: fields.get("connection") }, {
            status: refusal,
            connection: "close",
          });
        }
        if (closes) {
          assertEquals(await client.readToEnd(), new Uint8Array(0));
        } else {
          await client.send(PROBE);
          assertEquals((await client.readResponse()).text, "GET /probe ");
        }
      });
    }
    await server.close();
  },
);
