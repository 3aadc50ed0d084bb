// Whatever a web handler returns or throws, each request gets one response, and the server goes on.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { fetchHandler } from "../../lib/fetch/mod.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

/** Timers that have not fired yet: a stream that is not read any more leaves one. */
let timers = 0;

async function later(): Promise<void> {
  timers++;
  await new Promise((resolve) => setTimeout(resolve));
  timers--;
}

/** A stream that yields some values, some of them later, and then ends or fails. */
function streamOf(values: readonly unknown[], end: "close" | "error" | "wait"): ReadableStream {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (end === "wait") await later();
      if (at < values.length) return controller.enqueue(values[at++]);
      if (end === "error") controller.error(new Error("The stream fails"));
      else controller.close();
    },
  });
}

const bytes = new Uint8Array([97, 98, 99]);

const value = fc.oneof(
  fc.anything(),
  fc.constantFrom<unknown>(
    bytes,
    bytes.buffer,
    "text",
    new Response("x").body,
    Response.error(),
    Symbol("s"),
    new Headers(),
  ),
);

const body = fc.oneof(
  fc.constantFrom<unknown>(null, "", "text \u20ac", bytes, new Blob(["blob"]), new FormData()),
  fc.tuple(
    fc.array(fc.constantFrom<unknown>(bytes, new Uint8Array(0), "text", null, {}), {
      maxLength: 4,
    }),
    fc.constantFrom<"close" | "error" | "wait">("close", "error", "wait"),
  ),
);

const header = fc.tuple(
  fc.constantFrom(
    ...["Content-Length", "Transfer-Encoding", "Connection", "Set-Cookie", "Content-Type", "X-A"],
    ...["Upgrade", "Trailer", "Date", "Keep-Alive", "Content-Encoding"],
  ),
  fc.constantFrom(
    "0",
    "3",
    "4",
    "-1",
    "3, 3",
    "chunked",
    "close",
    "a=b",
    "text/html",
    "",
    "\u00e9",
  ),
);

const response = fc.record({
  status: fc.constantFrom(200, 201, 204, 205, 206, 301, 304, 400, 418, 500, 599),
  headers: fc.array(header, { maxLength: 4 }),
  body,
  /** What is done to it before it is returned. */
  abuse: fc.constantFrom("nothing", "read", "lock", "cancel", "clone", "late"),
});

type Made = typeof response extends fc.Arbitrary<infer T> ? T : never;

async function make({ status, headers, body, abuse }: Made): Promise<unknown> {
  const stream = Array.isArray(body) ? streamOf(body[0], body[1]) : body;
  const isEmpty = [204, 205, 304].includes(status);
  const made = new Response(isEmpty ? null : stream as BodyInit, { status, headers });
  if (abuse === "read") await made.bytes().catch(() => {});
  if (abuse === "lock") made.body?.getReader();
  if (abuse === "cancel") await made.body?.cancel();
  if (abuse === "late") await later();
  return abuse === "clone" ? made.clone() : made;
}

type Behaviour = { readonly made: Made } | { readonly returned: unknown; readonly throws: boolean };

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.record({ made: response }),
  fc.record({ returned: value, throws: fc.boolean() }),
);

let current: Behaviour;

testServer(
  "fetchHandler() gives each request one response, whatever a handler returns or throws",
  {
    handler: fetchHandler(
      ((): unknown => {
        if ("made" in current) return make(current.made);
        if (current.throws) throw current.returned;
        return current.returned;
      }) as () => Response,
    ),
    hasErrors: true,
  },
  async ({ connect, records, errors }) => {
    let complete = 0;
    await fc.assert(
      fc.asyncProperty(behaviour, fc.constantFrom("GET", "HEAD", "POST"), async (next, method) => {
        current = next;
        records.length = errors.length = 0;
        using client = await connect();
        await client.send(request(`${method} /`, "Connection: close", "Content-Length: 0"));
        const received = new TextDecoder().decode(await client.readToEnd());
        await until(() => records.length === 1);
        const { status, isComplete } = records[0]!;
        assert(received.startsWith(`HTTP/1.1 ${status} `), received);
        assertEquals(received.split("\r\nDate: ").length, 2, received);
        // A failure is told once: by a 500, or by a response that is cut.
        const hasFailed = status === 500 && received.includes("The server has failed");
        if (!isComplete || hasFailed) assertEquals(errors.length, 1, received);
        if (isComplete) complete++;
      }),
      { numRuns: 400 },
    );
    await until(() => timers === 0);
    assert(complete > 200, `${complete} of them were complete`);
  },
);
