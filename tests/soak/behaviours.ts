// What clients do to a server: each behaviour is one session, and throws when a response is not
// exactly right. A client may disconnect at any moment; the others must not notice.

import { assert, assertEquals } from "@std/assert";
import { toBytes } from "@std/streams/to-bytes";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { headCases } from "../wire/head_cases.ts";
import { targetCases } from "../wire/target_cases.ts";
import type { Random } from "./random.ts";

export interface Session {
  readonly port: number;
  readonly random: Random;
  /** A name that no other client has. */
  readonly name: string;
}

export type Behaviour = (session: Session) => Promise<void>;

const refusals = [...headCases, ...targetCases].filter(({ refusal, requests, isEnded }) =>
  refusal !== null && requests.length === 0 && !isEnded
);

async function withClient(
  session: Session,
  run: (client: RawClient) => Promise<void>,
): Promise<void> {
  using client = await RawClient.connect(session.port);
  await run(client);
}

function echo(text: string): string {
  return request(`GET /echo/${text}`);
}

function upload(name: string, content: string): string {
  return request(`POST /files/${name}`, `Content-Length: ${content.length}`) + content;
}

async function assertText(client: RawClient, text: string): Promise<void> {
  const response = await client.readResponse();
  assertEquals([response.status, response.text], [200, text]);
}

const sequence: Behaviour = (session) =>
  withClient(session, async (client) => {
    for (let count = session.random.integer(1, 10); count > 0; count--) {
      const text = session.random.text(session.random.integer(0, 2000));
      await client.send(echo(text));
      await assertText(client, text);
    }
  });

const pipeline: Behaviour = (session) =>
  withClient(session, async (client) => {
    const texts = Array.from(
      { length: session.random.integer(2, 50) },
      () => session.random.text(session.random.integer(1, 100)),
    );
    await client.send(texts.map((text) => echo(text)).join(""));
    for (const text of texts) await assertText(client, text);
  });

/** A valid request in pieces of a few bytes. */
const sendSlowly: Behaviour = (session) =>
  withClient(session, async (client) => {
    const text = session.random.text(10);
    const bytes = echo(text);
    for (let at = 0; at < bytes.length;) {
      const end = at + session.random.integer(1, 20);
      await client.send(bytes.slice(at, end));
      await new Promise((resolve) => setTimeout(resolve, session.random.integer(0, 5)));
      at = end;
    }
    await assertText(client, text);
  });

/** Uploads a file, chunked or not, and downloads it, compressed or not. */
const storeFile: Behaviour = (session) =>
  withClient(session, async (client) => {
    const { random, name } = session;
    const content = random.text(random.pick([0, 1, 1000, 70_000])).repeat(random.integer(1, 3));
    if (random.integer(0, 1) === 0) {
      await client.send(upload(name, content));
    } else {
      await client.send(request(`POST /files/${name}`, "Transfer-Encoding: chunked"));
      for (let at = 0; at < content.length;) {
        const data = content.slice(at, at + random.integer(1, 30_000));
        await client.send(`${data.length.toString(16)}\r\n${data}\r\n`);
        at += data.length;
      }
      await client.send("0\r\n\r\n");
    }
    assertEquals((await client.readResponse()).status, 201);
    const coding = random.pick(["gzip", "identity"]);
    await client.send(request(`GET /files/${name}`, `Accept-Encoding: ${coding}`));
    const response = await client.readResponse();
    const isCompressed = coding === "gzip" && content !== "";
    // Long content is sent as it is while the server compresses its maximum of responses.
    if (!isCompressed || content.length < 65_536 || response.fields.has("content-encoding")) {
      assertEquals(response.fields.get("content-encoding"), isCompressed ? "gzip" : undefined);
    }
    assertEquals(await decoded(response), content);
  });

async function decoded({ fields, content, text }: RawResponse): Promise<string> {
  if (!fields.has("content-encoding")) return text;
  const stream = new Blob([content.slice()]).stream();
  const bytes = await toBytes(stream.pipeThrough(new DecompressionStream("gzip")));
  return new TextDecoder().decode(bytes);
}

/** A malformed request, in some sessions after a valid one. */
const sendMalformed: Behaviour = (session) =>
  withClient(session, async (client) => {
    const { sent, refusal } = session.random.pick(refusals);
    const isSecond = session.random.integer(0, 1) === 0;
    await client.trySend((isSecond ? echo("first") : "") + sent);
    if (isSecond) await assertText(client, "first");
    const { status, fields } = await client.readResponse();
    assertEquals([status, fields.get("connection")], [refusal, "close"]);
    assertEquals((await client.readToEnd()).length, 0);
  });

const abandonUpload: Behaviour = (session) =>
  withClient(session, async (client) => {
    const bytes = upload(`${session.name}-never`, session.random.text(50_000));
    await client.send(bytes.slice(0, session.random.integer(1, bytes.length - 1)));
  });

/** Disconnects within a download, or before it begins. */
const abandonDownload: Behaviour = (session) =>
  withClient(session, async (client) => {
    const coding = session.random.pick(["gzip", "identity"]);
    await client.send(request("GET /files/large", `Accept-Encoding: ${coding}`));
    if (session.random.integer(0, 3) > 0) await client.read(session.random.integer(1, 200_000));
  });

const halfClose: Behaviour = (session) =>
  withClient(session, async (client) => {
    const isWhole = session.random.integer(0, 1) === 0;
    await client.send(isWhole ? echo("last") : echo("last").slice(0, 20));
    await client.endSending();
    if (isWhole) await assertText(client, "last");
    else assertEquals((await client.readResponse()).status, 400);
    assertEquals((await client.readToEnd()).length, 0);
  });

const stayIdle: Behaviour = (session) =>
  withClient(session, async (client) => {
    if (session.random.integer(0, 1) === 0) await client.send("GET /ec");
    await new Promise((resolve) => setTimeout(resolve, session.random.integer(0, 50)));
  });

/** An upload that is refused before it is read: the response arrives, and no byte is a request. */
const uploadRefused: Behaviour = (session) =>
  withClient(session, async (client) => {
    const inner = echo("smuggled").repeat(session.random.integer(1, 5000));
    const outer = request("POST /echo/x", `Content-Length: ${inner.length}`);
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

export const behaviours: Readonly<Record<string, Behaviour>> = {
  sequence,
  pipeline,
  sendSlowly,
  storeFile,
  sendMalformed,
  abandonUpload,
  abandonDownload,
  halfClose,
  stayIdle,
  uploadRefused,
};

assert(refusals.length > 100);
