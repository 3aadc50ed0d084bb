// Clients that leave while a handler works or a stream is silent, and clients that only seem to.

import { assertEquals } from "@std/assert";
import { type Content, pieces } from "../../lib/http/content.ts";
import type { Handler, HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { toLatin1 } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { testServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

/** Reads the content, and waits for the client to leave. */
async function waitForAbort({ content, signal }: HttpRequest): Promise<HttpResponse> {
  for await (const _ of content);
  return await new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("The work was given up")));
  });
}

for (const leave of ["closes", "closes its sending side"] as const) {
  for (const headers of [[], ["Content-Length: 3"]]) {
    testServer(
      `Connection aborts the signal when a client ${leave} (${headers[0] ?? "no content"})`,
      { handler: waitForAbort },
      async ({ server, connect, records, closed }) => {
        const client = await connect();
        await client.send(request("POST /", ...headers) + (headers.length > 0 ? "abc" : ""));
        await until(() => server.connections[0]?.state === "answering");
        if (leave === "closes") client.close();
        else await client.endSending();
        await until(() => records.length === 1 && closed.length === 1);
        const { status, closeReason, isComplete } = records[0]!;
        assertEquals([status, closeReason, isComplete], [null, "client-gone", false]);
        if (leave !== "closes") client.close();
      },
    );
  }
}

/** A stream that is silent until it is closed. */
function silence(): Content {
  const closed = Promise.withResolvers<null>();
  const content: Content = {
    length: null,
    read: () => closed.promise,
    close: () => closed.resolve(null),
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return content;
}

testServer(
  "Connection sends the head of a silent stream at once, and closes it when the client leaves",
  { handler: () => ({ status: 200, content: silence() }) },
  async ({ connect, records, closed }) => {
    const client = await connect();
    await client.send(request("GET /"));
    assertEquals(toLatin1(await client.read(15)), "HTTP/1.1 200 OK");
    client.close();
    await until(() => records.length === 1 && closed.length === 1);
    const { status, bytesOut, closeReason, isComplete } = records[0]!;
    assertEquals([status, bytesOut, closeReason, isComplete], [200, 0, "client-gone", false]);
  },
);

/** Ten bytes, one after the other, each in less time than a client is given up after. */
async function* digits(): AsyncGenerator<Uint8Array> {
  for (const digit of "0123456789") {
    await new Promise((resolve) => setTimeout(resolve, 100));
    yield new TextEncoder().encode(digit);
  }
}

const trickle: Handler = () => {
  const source = digits();
  const content: Content = {
    length: 10,
    read: async () => (await source.next()).value ?? null,
    close: () => void source.return(undefined),
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return { status: 200, content };
};

testServer(
  "Connection finishes a slow response to a client that has closed its sending side",
  { handler: trickle },
  async ({ connect }) => {
    using client = await connect();
    await client.send(request("GET /"));
    await client.endSending();
    assertEquals((await client.readResponse()).text, "0123456789");
  },
);

const gate = Promise.withResolvers<void>();

const slow: Handler = async ({ path }) => {
  if (path === "/slow") await gate.promise;
  return { status: 200, content: path };
};

testServer(
  "Connection answers the requests that arrive while a handler works",
  { handler: slow },
  async ({ connect, server }) => {
    using client = await connect();
    await client.send(request("GET /slow"));
    await until(() => server.connections[0]?.state === "answering");
    // Some come before the read ahead begins, some are it, and some are beyond its size.
    for (let number = 0; number < 40; number++) {
      await client.send(request(`GET /${number}`, `X-Padding: ${"x".repeat(number * 20)}`));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    gate.resolve();
    for (const path of ["/slow", ...Array.from({ length: 40 }, (_, number) => `/${number}`)]) {
      assertEquals((await client.readResponse()).text, path);
    }
  },
);

/** Returns the content, each piece of which it has looked at for longer than a tick of the timer. */
async function readSlowly({ content }: HttpRequest): Promise<HttpResponse> {
  const copies: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of content) {
    await new Promise((resolve) => setTimeout(resolve, 600));
    copies.push(piece.slice());
  }
  return { status: 200, content: await new Blob(copies).bytes() };
}

for (const headers of ["Content-Length: 9000", "Transfer-Encoding: chunked"]) {
  testServer(
    `Connection leaves the content that a handler looks at alone while it reads ahead (${headers})`,
    { handler: readSlowly },
    async ({ connect }) => {
      using client = await connect();
      const content = "0123456789abcdefgh".repeat(500);
      const coded = headers.startsWith("C") ? content : `2328\r\n${content}\r\n0\r\n\r\n`;
      // The rest, and another request, arrive while the handler looks at the first piece.
      await client.send(request("POST /", headers) + coded.slice(0, 3000));
      await new Promise((resolve) => setTimeout(resolve, 100));
      await client.send(coded.slice(3000) + request("GET /"));
      const { status, text } = await client.readResponse();
      assertEquals([status, text], [200, content]);
      assertEquals((await client.readResponse()).status, 200);
    },
  );
}
