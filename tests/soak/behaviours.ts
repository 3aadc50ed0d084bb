// What clients do to a server: each behaviour is one visit, and throws where the server's answer
// is not exactly right. Visitors may leave at any moment; nobody else may notice.

import { assert, assertEquals } from "@std/assert";
import { toBytes } from "@std/streams/to-bytes";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { headCases } from "../wire/head_cases.ts";
import { targetCases } from "../wire/target_cases.ts";
import type { Random } from "./random.ts";

/** Who visits. */
export interface Visitor {
  /** The port of the server. */
  readonly port: number;
  /** What the visitor's choices come from. */
  readonly random: Random;
  /** A name that no other visitor has. */
  readonly name: string;
}

/** One visit. */
export type Behaviour = (visitor: Visitor) => Promise<void>;

const HOST = "Host: localhost\r\n";

const refusals = [...headCases, ...targetCases].filter(({ refusal, requests, isEnded }) =>
  refusal !== null && requests.length === 0 && !isEnded
);

async function visit(visitor: Visitor, run: (client: RawClient) => Promise<void>): Promise<void> {
  using client = await RawClient.connect(visitor.port);
  await run(client);
}

function echo(text: string, fields = ""): string {
  return `GET /echo/${text} HTTP/1.1\r\n${HOST}${fields}\r\n`;
}

function upload(name: string, content: string): string {
  return `POST /files/${name} HTTP/1.1\r\n${HOST}Content-Length: ${content.length}\r\n\r\n${content}`;
}

async function assertText(client: RawClient, text: string): Promise<void> {
  const response = await client.readResponse();
  assertEquals([response.status, response.text], [200, text]);
}

/** Several good requests, one after the other, on one connection. */
const ask: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    for (let count = visitor.random.integer(1, 10); count > 0; count--) {
      const text = visitor.random.text(visitor.random.integer(0, 2000));
      await client.send(echo(text));
      await assertText(client, text);
    }
  });

/** Several good requests at once. */
const pipeline: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const texts = Array.from(
      { length: visitor.random.integer(2, 50) },
      () => visitor.random.text(visitor.random.integer(1, 100)),
    );
    await client.send(texts.map((text) => echo(text)).join(""));
    for (const text of texts) await assertText(client, text);
  });

/** A good request, byte by byte or nearly so. */
const dawdle: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const text = visitor.random.text(10);
    const request = echo(text);
    for (let at = 0; at < request.length;) {
      const end = at + visitor.random.integer(1, 20);
      await client.send(request.slice(at, end));
      await new Promise((resolve) => setTimeout(resolve, visitor.random.integer(0, 5)));
      at = end;
    }
    await assertText(client, text);
  });

/** A file comes in, chunked or not, and goes out, coded or not. */
const store: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const { random, name } = visitor;
    const content = random.text(random.pick([0, 1, 1000, 70_000])).repeat(random.integer(1, 3));
    if (random.integer(0, 1) === 0) {
      await client.send(upload(name, content));
    } else {
      await client.send(
        `POST /files/${name} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
      );
      for (let at = 0; at < content.length;) {
        const data = content.slice(at, at + random.integer(1, 30_000));
        await client.send(`${data.length.toString(16)}\r\n${data}\r\n`);
        at += data.length;
      }
      await client.send("0\r\n\r\n");
    }
    assertEquals((await client.readResponse()).status, 201);
    const coding = random.pick(["gzip", "identity"]);
    await client.send(`GET /files/${name} HTTP/1.1\r\n${HOST}Accept-Encoding: ${coding}\r\n\r\n`);
    const response = await client.readResponse();
    const isWanted = coding === "gzip" && content !== "";
    // While very much is coded on its way already, what is long is sent as it is.
    if (!isWanted || content.length < 65_536 || response.fields.has("content-encoding")) {
      assertEquals(response.fields.get("content-encoding"), isWanted ? "gzip" : undefined);
    }
    assertEquals(await decoded(response), content);
  });

async function decoded({ fields, content, text }: RawResponse): Promise<string> {
  if (!fields.has("content-encoding")) return text;
  const stream = new Blob([content.slice()]).stream();
  const bytes = await toBytes(stream.pipeThrough(new DecompressionStream("gzip")));
  return new TextDecoder().decode(bytes);
}

/** Something malformed, perhaps after a good request. */
const insult: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const { sent, refusal } = visitor.random.pick(refusals);
    const isPolite = visitor.random.integer(0, 1) === 0;
    await client.trySend((isPolite ? echo("first") : "") + sent);
    if (isPolite) await assertText(client, "first");
    const { status, fields } = await client.readResponse();
    assertEquals([status, fields.get("connection")], [refusal, "close"]);
    assertEquals((await client.readToEnd()).length, 0);
  });

/** A visitor who leaves in the middle of an upload. */
const abandonUpload: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const request = upload(`${visitor.name}-never`, visitor.random.text(50_000));
    await client.send(request.slice(0, visitor.random.integer(1, request.length - 1)));
  });

/** A visitor who leaves in the middle of a download, or before it begins. */
const abandonDownload: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const coding = visitor.random.pick(["gzip", "identity"]);
    await client.send(`GET /files/large HTTP/1.1\r\n${HOST}Accept-Encoding: ${coding}\r\n\r\n`);
    if (visitor.random.integer(0, 3) > 0) await client.read(visitor.random.integer(1, 200_000));
  });

/** A visitor who ends the sending side, after a request or within. */
const halfClose: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const isWhole = visitor.random.integer(0, 1) === 0;
    await client.send(isWhole ? echo("last") : echo("last").slice(0, 20));
    await client.endSending();
    if (isWhole) await assertText(client, "last");
    else assertEquals((await client.readResponse()).status, 400);
    assertEquals((await client.readToEnd()).length, 0);
  });

/** A visitor who says nothing at all, or just begins. */
const remainSilent: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    if (visitor.random.integer(0, 1) === 0) await client.send("GET /ec");
    await new Promise((resolve) => setTimeout(resolve, visitor.random.integer(0, 50)));
  });

/** An upload that is refused before it is read: the answer arrives, and no byte is a request. */
const intrude: Behaviour = (visitor) =>
  visit(visitor, async (client) => {
    const inner = echo("smuggled").repeat(visitor.random.integer(1, 5000));
    const outer = `POST /echo/x HTTP/1.1\r\n${HOST}Content-Length: ${inner.length}\r\n\r\n`;
    await client.trySend(outer + inner);
    const { status, fields } = await client.readResponse();
    assertEquals(status, 405);
    if (fields.get("connection") === "close") {
      assertEquals((await client.readToEnd()).length, 0);
    } else {
      await client.send(echo("after"));
      await assertText(client, "after");
    }
  });

/** The behaviours, by name. */
export const behaviours: Readonly<Record<string, Behaviour>> = {
  ask,
  pipeline,
  dawdle,
  store,
  insult,
  abandonUpload,
  abandonDownload,
  halfClose,
  remainSilent,
  intrude,
};

assert(refusals.length > 100);
