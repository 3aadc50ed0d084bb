// WebSockets: the handshake, messages both ways by Deno's client, frames by a raw client after
// RFC 6455, and how they end.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fetchHandler } from "../../lib/fetch/mod.ts";
import type { Handler } from "../../lib/http/message.ts";
import { upgradeWebSocket, type WebSocketOptions } from "../../lib/fetch/websocket.ts";
import { type RawClient, toLatin1 } from "../support/raw_client.ts";
import { withBrowser } from "../support/browser.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { request } from "../support/request.ts";
import { type TestServer, testServer, withServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

const HANDSHAKE = [
  "Connection: keep-alive, Upgrade",
  "Upgrade: WebSocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** What the server's socket has seen. */
const events: string[] = [];

/** A handler that sends each message back. */
function echoing(options: WebSocketOptions = {}) {
  return fetchHandler((request) => {
    const { socket, response } = upgradeWebSocket(request, options);
    events.length = 0;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => events.push(`open ${socket.readyState}`);
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onerror = (event) => events.push(`error ${(event as ErrorEvent).message}`);
    socket.onclose = ({ code, reason, wasClean }) =>
      events.push(`close ${code} ${reason} ${wasClean}`);
    assertThrows(() => socket.send("early"), DOMException, "not open");
    return response;
  });
}

async function open({ connect }: TestServer, ...more: string[]): Promise<RawClient> {
  const client = await connect();
  await client.send(request("GET /", ...HANDSHAKE, ...more));
  await client.readResponse();
  return client;
}

testServer(
  "upgradeWebSocket() opens by the handshake of RFC 6455",
  { handler: echoing() },
  async (server) => {
    using client = await server.connect();
    await client.send(request("GET /", ...HANDSHAKE));
    const { status, fields } = await client.readResponse();
    assertEquals([status, fields.get("sec-websocket-accept")], [
      101,
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ]);
    assertEquals([fields.get("upgrade"), fields.get("connection")], ["websocket", "Upgrade"]);
    assertEquals(server.server.connections[0]!.state, "upgraded");
  },
);

const without = (name: string) => HANDSHAKE.filter((line) => !line.startsWith(name));

const REFUSED: readonly [name: string, line: string, headers: string[], status: number][] = [
  ["POST", "POST /", [...HANDSHAKE, "Content-Length: 0"], 405],
  ["no Upgrade", "GET /", without("Upgrade"), 426],
  ["no Connection", "GET /", without("Connection"), 426],
  ["no version", "GET /", without("Sec-WebSocket-Version"), 426],
  ["version 8", "GET /", [...without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 8"], 426],
  ["no key", "GET /", without("Sec-WebSocket-Key"), 400],
  ["a short key", "GET /", [...without("Sec-WebSocket-Key"), "Sec-WebSocket-Key: AAAA"], 400],
  ["bad subprotocols", "GET /", [...HANDSHAKE, "Sec-WebSocket-Protocol: a b"], 400],
];

for (const [name, line, headers, status] of REFUSED) {
  testServer(
    `upgradeWebSocket() refuses a handshake with ${name}`,
    { handler: echoing() },
    async ({ connect }) => {
      using client = await connect();
      await client.send(request(line, ...headers));
      const { status: found, fields } = await client.readResponse();
      assertEquals(found, status);
      if (status === 426) assertEquals(fields.get("upgrade"), "websocket");
    },
  );
}

testServer(
  "upgradeWebSocket() refuses a copy of a request, and a copy of its response cannot be sent",
  {
    handler: fetchHandler((request) => {
      if (request.url.endsWith("/copy")) return upgradeWebSocket(new Request(request)).response;
      const { response } = upgradeWebSocket(request);
      return new Response(response.body, response);
    }),
    hasErrors: true,
  },
  async ({ connect, errors }) => {
    for (const path of ["/", "/copy"]) {
      using client = await connect();
      await client.send(request(`GET ${path}`, ...HANDSHAKE));
      assertEquals((await client.readResponse()).status, 500);
    }
    assertMatch(String(errors[0]), /status/i);
    assertMatch(String(errors[1]), /a copy/);
  },
);

testServer(
  "upgradeWebSocket() speaks the subprotocol that both know",
  { handler: echoing({ protocol: "b" }), hasErrors: true },
  async ({ port, connect }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, ["a", "b"]);
    await new Promise((resolve) => socket.onopen = resolve);
    assertEquals(socket.protocol, "b");
    socket.close();
    await new Promise((resolve) => socket.onclose = resolve);
    using client = await connect();
    await client.send(request("GET /", ...HANDSHAKE));
    assertEquals((await client.readResponse()).status, 500);
  },
);

for (const compress of [false, true]) {
  testServer(
    `upgradeWebSocket() has messages both ways with Deno's client (compress: ${compress})`,
    { handler: echoing({ compress }) },
    async ({ port, records, closed }) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      socket.binaryType = "arraybuffer";
      const received: unknown[] = [];
      socket.onmessage = ({ data }) => received.push(data);
      await new Promise((resolve) => socket.onopen = resolve);
      const large = new Uint8Array(1 << 20).map((_, at) => at * 31);
      for (const data of ["", "text \u00e9 \u{1f600}", new Uint8Array([0, 255]), large]) {
        socket.send(data);
      }
      await until(() => received.length === 4);
      assertEquals(received.slice(0, 2), ["", "text \u00e9 \u{1f600}"]);
      assertEquals(new Uint8Array(received[2] as ArrayBuffer), new Uint8Array([0, 255]));
      assertEquals(new Uint8Array(received[3] as ArrayBuffer), large);
      socket.close(3001, "bye");
      const { code, wasClean } = await new Promise<CloseEvent>((resolve) =>
        socket.onclose = resolve
      );
      assertEquals([code, wasClean], [3001, true]);
      await until(() => closed.length === 1);
      assertEquals(events, ["open 1", "close 3001 bye true"]);
      const { status, closeReason, isComplete, bytesIn } = records[0]!;
      assertEquals([status, closeReason, isComplete], [101, "upgraded", true]);
      assert(bytesIn > large.length);
    },
  );
}

/** A frame of a client, with a mask of zeros: its payload is as it looks. */
function frame(
  opcode: number,
  payload: string,
  { isFinal = true, reserved = 0, masked = true } = {},
) {
  const first = (isFinal ? 0x80 : 0) | reserved << 4 | opcode;
  const { length } = payload;
  const size = length < 126 ? [length] : [126, length >> 8, length & 255];
  size[0]! |= masked ? 0x80 : 0;
  return String.fromCharCode(first, ...size) + (masked ? "\0\0\0\0" : "") + payload;
}

/** A frame of the server. */
const reply = (opcode: number, payload: string) => frame(opcode, payload, { masked: false });

const [MORE, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const closeWith = (code: number) => String.fromCharCode(code >> 8, code & 255);
const part = { isFinal: false };

/** What a client sends, and what it receives; the server closes after it where there is a code. */
const FRAMES: readonly [name: string, sent: string, received: string, code?: number][] = [
  ["text", frame(TEXT, "abc"), reply(TEXT, "abc")],
  ["binary", frame(BINARY, "\0\xff"), reply(BINARY, "\0\xff")],
  ["an empty message", frame(TEXT, ""), reply(TEXT, "")],
  ["126 bytes", frame(TEXT, "a".repeat(126)), reply(TEXT, "a".repeat(126))],
  [
    "fragments",
    frame(TEXT, "a", part) + frame(MORE, "", part) + frame(MORE, "b"),
    reply(TEXT, "ab"),
  ],
  [
    "a ping between fragments",
    frame(TEXT, "a", part) + frame(PING, "p") + frame(MORE, "b"),
    reply(PONG, "p") + reply(TEXT, "ab"),
  ],
  [
    "a character in two fragments",
    frame(TEXT, "\xc3", part) + frame(MORE, "\xa9"),
    reply(TEXT, "\xc3\xa9"),
  ],
  ["a ping of 125 bytes", frame(PING, "p".repeat(125)), reply(PONG, "p".repeat(125))],
  ["a pong that was not asked for", frame(PONG, "x") + frame(TEXT, "a"), reply(TEXT, "a")],
  ["a close", frame(CLOSE, closeWith(1000) + "bye"), reply(CLOSE, closeWith(1000) + "bye")],
  ["a close without a code", frame(CLOSE, ""), reply(CLOSE, "")],
  ["no mask", frame(TEXT, "a", { masked: false }), "", 1002],
  ["a reserved bit", frame(TEXT, "a", { reserved: 4 }), "", 1002],
  ["a reserved opcode", frame(3, ""), "", 1002],
  ["a reserved control opcode", frame(11, ""), "", 1002],
  ["a fragment without a beginning", frame(MORE, "a"), "", 1002],
  ["a beginning within fragments", frame(TEXT, "a", part) + frame(TEXT, "b"), "", 1002],
  ["a ping in fragments", frame(PING, "a", part), "", 1002],
  ["a ping of 126 bytes", frame(PING, "a".repeat(126)), "", 1002],
  ["a close of one byte", frame(CLOSE, "\x03"), "", 1002],
  ["a close with 1005", frame(CLOSE, closeWith(1005)), "", 1002],
  ["text that is not UTF-8", frame(TEXT, "\xff"), "", 1007],
  ["a surrogate", frame(TEXT, "\xed\xa0\x80"), "", 1007],
  ["a reason that is not UTF-8", frame(CLOSE, closeWith(1000) + "\xff"), "", 1007],
  ["a message over the limit", frame(BINARY, "a".repeat(201)), "", 1009],
  [
    "fragments over the limit",
    frame(BINARY, "a".repeat(150), part) + frame(MORE, "a".repeat(51)),
    "",
    1009,
  ],
];

for (const [name, sent, received, code] of FRAMES) {
  testServer(
    `a WebSocket ${
      code === undefined ? "takes" : `closes with ${code} for`
    } ${name}, at every split`,
    { handler: echoing({ maxMessage: 200 }) },
    async (server) => {
      const expected = received + (code === undefined ? "" : reply(CLOSE, closeWith(code)));
      const splits = sent.length > 60 ? [1, 3, sent.length - 1] : [...sent].map((_, at) => at);
      for (const at of splits) {
        using client = await open(server);
        await client.send(sent.slice(0, at));
        await client.trySend(sent.slice(at));
        const answer = toLatin1(await client.read(expected.length));
        // The sentence of a close is the library's.
        assertEquals(
          code === undefined ? answer : answer.slice(-2),
          code ? closeWith(code) : expected,
        );
      }
    },
  );
}

testServer(
  "a drain closes WebSockets with 1001, and waits for them",
  { handler: echoing() },
  async ({ port, server, records }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    await new Promise((resolve) => socket.onopen = resolve);
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    await server.drain(10_000);
    assertEquals((await closed).code, 1001);
    assertEquals([records[0]!.closeReason, records[0]!.isComplete], ["upgraded", true]);
  },
);

testServer(
  "a WebSocket whose client does not answer is cut",
  { handler: echoing({ idleTimeout: 0.2 }) },
  async (server) => {
    using client = await open(server);
    assertMatch(toLatin1(await client.readToEnd()), /^\x89\0/);
    await until(() => server.closed.length === 1);
    assertEquals(events, ["open 1", "error The peer does not answer", "close 1006  false"]);
  },
);

testServer(
  "a WebSocket whose client vanishes is closed with 1006",
  { handler: echoing() },
  async (server) => {
    const client = await open(server);
    client.close();
    await until(() => server.closed.length === 1 && events.length > 1);
    assertEquals(events.at(-1), "close 1006  false");
  },
);

testServer(
  "a WebSocket whose client does not read is cut when too much waits",
  {
    handler: fetchHandler((request) => {
      const { socket, response } = upgradeWebSocket(request, { maxBuffered: 1 << 20 });
      events.length = 0;
      socket.onopen = async () => {
        for (let count = 0; count < 1000 && socket.readyState === socket.OPEN; count++) {
          socket.send(new Uint8Array(1 << 16));
          await new Promise((resolve) => setTimeout(resolve));
        }
        events.push("done");
      };
      socket.addEventListener("error", (event) => events.push((event as ErrorEvent).message));
      return response;
    }),
  },
  async (server) => {
    const client = await open(server);
    await until(() => server.closed.length === 1 && events.includes("done"));
    assertMatch(events.join(), /does not read/);
    client.close();
  },
);

testServer("a WebSocket refuses a code and a reason that it cannot send", {
  handler: fetchHandler((request) => {
    const { socket, response } = upgradeWebSocket(request);
    assertThrows(() => socket.close(1001), DOMException, "1001");
    assertThrows(() => socket.close(1000, "a".repeat(124)), DOMException, "123");
    socket.close(1000, "at once");
    return response;
  }),
}, async ({ port }) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  const { code, reason } = await new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  assertEquals([code, reason], [1000, "at once"]);
});

testWith([...FOR_PROGRAM, "chromium"], "a browser has a WebSocket, and sees a drain", async () => {
  const echo = echoing();
  const handler: Handler = (request) =>
    request.path === "/"
      ? { status: 200, fields: { "Content-Type": "text/html" }, content: "<!DOCTYPE html>" }
      : echo(request);
  await withServer({ handler }, async ({ server }) => {
    await withBrowser([], async (browser) => {
      const page = await browser.newPage();
      await page.goto(server.url);
      const received = await page.evaluate(() =>
        new Promise<unknown[]>((resolve) => {
          const socket = new WebSocket("/socket");
          const received: unknown[] = [];
          Object.assign(globalThis, { end: new Promise((done) => socket.onclose = done) });
          socket.onopen = () => {
            socket.send("text \u00e9");
            socket.send(new Uint8Array([1, 2, 3]));
          };
          socket.onmessage = async ({ data }) => {
            received.push(
              typeof data === "string" ? data : [...new Uint8Array(await data.arrayBuffer())],
            );
            if (received.length === 2) resolve(received);
          };
        })
      );
      assertEquals(received, ["text \u00e9", [1, 2, 3]]);
      const code = page.evaluate(async () =>
        (await (globalThis as unknown as { end: Promise<CloseEvent> }).end).code
      );
      await server.drain(10_000);
      assertEquals(await code, 1001);
    });
  });
});
