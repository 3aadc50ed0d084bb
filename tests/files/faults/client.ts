// A client that accepts what a server does when it fails: also half a response.

import { request } from "../../support/request.ts";
import { toLatin1 } from "../../support/raw_client.ts";
import type { Operation } from "./operations.ts";

/** What a client gets. */
export interface Answer {
  readonly status: number;
  /** The head, in lower case. */
  readonly head: string;
  readonly content: Uint8Array<ArrayBuffer>;
  /** Whether the framing of the response says that it is whole. */
  readonly isComplete: boolean;
}

/** Sends a request on a connection of its own, and reads until the server closes. */
export async function send(port: number, operation: Operation): Promise<Answer> {
  const { line, headers = [], body } = operation;
  const framing = body === undefined ? [] : [`Content-Length: ${body.length}`];
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = new TextEncoder().encode(
    request(line, "Connection: close", ...framing, ...headers),
  );
  // The server may answer and close before it has read everything.
  const sent = writeAll(conn, [head, ...body === undefined ? [] : [body]]).catch(() => {});
  const received = await readAll(conn);
  await sent;
  return parse(received, line.startsWith("HEAD "));
}

async function writeAll(conn: Deno.Conn, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) at += await conn.write(piece.subarray(at));
  }
}

async function readAll(conn: Deno.Conn): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const buffer = new Uint8Array(1 << 18);
  try {
    for (let count; (count = await conn.read(buffer)) !== null;) {
      pieces.push(buffer.slice(0, count));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error; // It was aborted.
  }
  return await new Blob(pieces).bytes();
}

function parse(received: Uint8Array<ArrayBuffer>, isHead: boolean): Answer {
  const start = toLatin1(received.subarray(0, 4096));
  const end = start.indexOf("\r\n\r\n") + 4;
  const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(start)?.[1]);
  if (end < 4 || Number.isNaN(status)) throw new Error(`No response: ${JSON.stringify(start)}`);
  const head = start.slice(0, end).toLowerCase();
  const content = received.slice(end);
  const length = /\r\ncontent-length: ([0-9]+)\r\n/.exec(head)?.[1];
  const isComplete = isHead || length !== undefined && content.length === Number(length) ||
    head.includes("\r\ntransfer-encoding: chunked\r\n") &&
      toLatin1(content.subarray(-5)) === "0\r\n\r\n" ||
    status === 204 && content.length === 0;
  return { status, head, content, isComplete };
}
