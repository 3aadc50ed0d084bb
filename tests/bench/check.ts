// Correctness comes first: a strict client sends a server the requests that it will be measured
// with, and a server that gives a wrong response is not measured.

import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { contentOf } from "./servers.ts";
import type { Family, Work, WorkRequest } from "./works.ts";

export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

/** Milliseconds for a response: far more than any takes. */
const TIMEOUT = 30_000;

export function headOf({ method, path, fields, upload }: WorkRequest, port: number): string {
  const all = { Host: `127.0.0.1:${port}`, ...fields };
  const length = upload > 0 ? { "Content-Length": `${upload}` } : {};
  const lines = Object.entries({ ...all, ...length }).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

/**
 * Checks the responses of a server on a port of this machine.
 *
 * @param family The kind of server: the floor answers every request alike.
 * @throws {WrongAnswer} if a response is wrong, or not HTTP/1.1 at all.
 */
export async function checkAnswer(port: number, family: Family, work: Work): Promise<void> {
  try {
    if (typeof work.answer.content === "number" && work.answer.content > 1 << 20) {
      return await checkLargeFile(port, work);
    }
    using client = await RawClient.connect(port);
    const timer = setTimeout(() => client.close(), TIMEOUT);
    try {
      await checkPlain(client, port, family, work);
    } finally {
      clearTimeout(timer);
    }
    if (work.request.upload > 0) await checkStored(port, work);
  } catch (error) {
    if (error instanceof WrongAnswer) throw error;
    throw new WrongAnswer(error instanceof Error ? error.message : String(error));
  }
}

/** Sends the requests that the row pipelines, all different unless the server is the floor. */
async function checkPlain(
  client: RawClient,
  port: number,
  family: Family,
  { request, answer }: Work,
): Promise<void> {
  const suffixes = Array.from(
    { length: request.pipelined },
    (_, index) => request.pipelined > 1 && family !== "floor" ? `-${index}` : "",
  );
  await client.send(
    suffixes.map((suffix) => headOf({ ...request, path: `${request.path}${suffix}` }, port)).join(
      "",
    ),
  );
  if (request.upload > 0) await client.send(contentOf(request.upload));
  for (const suffix of suffixes) {
    const expected = family === "floor" ? "abc" : answer.content;
    const response = await client.readResponse(request.method);
    await compare(response, typeof expected === "string" ? expected + suffix : expected, answer);
  }
}

async function compare(
  { status, fields, content }: RawResponse,
  expected: string | number | null,
  { coding }: Work["answer"],
): Promise<void> {
  if (status !== 200 && status !== 201 && status !== 204) {
    throw new WrongAnswer(`the status is ${status}`);
  }
  if ((fields.get("content-encoding") ?? null) !== (coding ?? null)) {
    throw new WrongAnswer(`the coding is ${fields.get("content-encoding") ?? "none"}`);
  }
  if (expected === null) return;
  const decoded = coding === undefined ? content : await decode(content, coding);
  const wanted = typeof expected === "string"
    ? new TextEncoder().encode(expected)
    : contentOf(expected);
  if (!isEqual(decoded, wanted)) throw new WrongAnswer("the content is not what it should be");
}

async function decode(content: Uint8Array, coding: "gzip"): Promise<Uint8Array> {
  const stream = new Blob([content.slice()]).stream();
  return await new Response(stream.pipeThrough(new DecompressionStream(coding))).bytes();
}

function isEqual(some: Uint8Array, other: Uint8Array): boolean {
  return some.length === other.length && some.every((byte, at) => byte === other[at]);
}

/** Uses fetch, which is faster than RawClient for 100 MiB. */
async function checkLargeFile(port: number, { request, answer }: Work): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${request.path}`, {
    headers: { "Accept-Encoding": "identity" },
    signal: AbortSignal.timeout(TIMEOUT),
  });
  const content = await response.bytes();
  const [got, wanted] = await Promise.all(
    [content, contentOf(Number(answer.content))].map((each) => digest(each)),
  );
  if (response.status !== 200) throw new WrongAnswer(`the status is ${response.status}`);
  if (got !== wanted) throw new WrongAnswer("the content is not what it should be");
}

async function digest(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
}

async function checkStored(port: number, { request }: Work): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${request.path}`, {
    headers: { "Accept-Encoding": "identity" },
    signal: AbortSignal.timeout(TIMEOUT),
  });
  const content = await response.bytes();
  const isKept = await digest(content) === await digest(contentOf(request.upload));
  if (!isKept) throw new WrongAnswer("the upload was not stored as it was sent");
}
