// The end of a connection follows its last response at once: nothing is done in between, because
// clients look for it, and code that runs for the first time takes long.

import { assert, assertEquals } from "@std/assert";
import { fromStream } from "../../lib/http/content.ts";
import { errorResponse, type HttpResponse } from "../../lib/http/message.ts";
import { Connection } from "../../lib/server/connection.ts";
import { DeadlineTimer } from "../../lib/server/deadlines.ts";
import { DEFAULT_LIMITS } from "../../lib/server/limits.ts";
import { request } from "../support/request.ts";

interface Case {
  readonly received: string;
  readonly respond: () => HttpResponse;
  /** What follows the last write: the end of the connection, or of its output alone. */
  readonly end: "close" | "end of output";
}

const LAST = request("GET /", "Connection: close");
const whole = () => ({ status: 200, content: "abc" });

const CASES: Readonly<Record<string, Case>> = {
  "a whole response": { received: LAST, respond: whole, end: "close" },
  "a whole response, and ignores what is behind its request": {
    received: `${LAST}GET / HTTP/1.1\r\n`,
    respond: whole,
    end: "end of output",
  },
  "a whole response to a request with content": {
    received: request("POST /", "Connection: close", "Content-Length: 3") + "abc",
    respond: whole,
    end: "end of output",
  },
  "a whole response to a malformed request": {
    received: "GET\r\n\r\n",
    respond: whole,
    end: "end of output",
  },
  "a streamed response": {
    received: LAST,
    respond: () => ({ status: 200, content: fromStream(new Blob(["abc"]).stream()) }),
    end: "end of output",
  },
};

for (const [name, { received, respond, end }] of Object.entries(CASES)) {
  Deno.test(`Connection ends with ${name}, and then reports it`, async () => {
    const bytes = new TextEncoder().encode(received);
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
        events.push("end of output");
        return Promise.resolve();
      },
      close() {
        events.push("close");
      },
    };
    const accepted = {
      conn: conn as unknown as Deno.Conn,
      peer: "127.0.0.1",
      peerPort: 1,
      isSecure: false,
    };
    const connection = new Connection(accepted, "1", {
      handler: respond,
      limits: DEFAULT_LIMITS,
      callbacks: {
        errorPage: errorResponse,
        onRequest: ({ isComplete }) => void events.push(isComplete ? "record" : "failure"),
        onError: (error) => assert(!error),
        onProtocolMismatch: (_, problem) => assert(!problem),
      },
      timer: new DeadlineTimer(),
      isAtCapacity: () => false,
      clientOf: null,
    });
    await connection.serve();
    const closed = end === "close" ? [] : ["close"];
    assertEquals(events.slice(events.lastIndexOf("write")), ["write", end, "record", ...closed]);
  });
}
