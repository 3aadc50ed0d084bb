// The end of a connection follows its last response at once: nothing is done in between, because
// clients look for it, and code that runs for the first time takes long.

import { assert, assertEquals } from "@std/assert";
import { fromStream } from "../../lib/http/content.ts";
import type { HttpResponse } from "../../lib/http/message.ts";
import { Connection } from "../../lib/server/connection.ts";
import { DeadlineTimer } from "../../lib/server/deadlines.ts";
import { DEFAULT_LIMITS } from "../../lib/server/limits.ts";
import { request } from "../support/request.ts";

const RESPONSES: Readonly<Record<string, () => HttpResponse>> = {
  whole: () => ({ status: 200, content: "abc" }),
  streamed: () => ({ status: 200, content: fromStream(new Blob(["abc"]).stream()) }),
};

for (const [kind, respond] of Object.entries(RESPONSES)) {
  Deno.test(`Connection ends its output after a last response that is ${kind}, and then reports it`, async () => {
    const bytes = new TextEncoder().encode(request("GET /", "Connection: close"));
    const events: string[] = [];
    let isRead = false;
    const conn = {
      read(into: Uint8Array) {
        if (isRead) return Promise.resolve(null);
        isRead = true;
        into.set(bytes);
        return Promise.resolve(bytes.length);
      },
      write(from: Uint8Array) {
        events.push("write");
        return Promise.resolve(from.length);
      },
      closeWrite() {
        events.push("end");
        return Promise.resolve();
      },
      close() {},
    };
    const accepted = { conn: conn as unknown as Deno.Conn, peer: "127.0.0.1", isSecure: false };
    const connection = new Connection(accepted, "1", {
      handler: respond,
      limits: DEFAULT_LIMITS,
      observer: {
        onRequest: ({ isComplete }) => void events.push(isComplete ? "record" : "failure"),
        onError: (error) => assert(!error),
        onProtocolMismatch: (_, problem) => assert(!problem),
      },
      timer: new DeadlineTimer(),
      isAtCapacity: () => false,
      clientOf: null,
    });
    await connection.serve();
    assertEquals(events.slice(-3), ["write", "end", "record"]);
    assertEquals(events.filter((event) => event === "end").length, 1);
  });
}
