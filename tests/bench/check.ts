// Correctness first: a server is asked just what it will be timed with, by a client that reads by
// the letter, and refused where its answer is not right.

import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { contentOf } from "./servers.ts";
import type { Ask, Family, Work } from "./works.ts";

/** A server has answered something else than it should. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

/** Milliseconds in which an answer has to be there: far more than it ever takes. */
const PATIENCE = 30_000;

/** The field lines and the rest of a head, as wrk sends it. */
export function headOf({ method, path, fields, upload }: Ask, port: number): string {
  const all = { Host: `127.0.0.1:${port}`, ...fields };
  const length = upload > 0 ? { "Content-Length": `${upload}` } : {};
  const lines = Object.entries({ ...all, ...length }).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

/**
 * Asks a server on a port of this machine.
 *
 * @param family Which it is: the floor answers the same to everything.
 * @throws {WrongAnswer} where it does not answer as it should, or not in HTTP/1.1 at all.
 */
export async function checkAnswer(port: number, family: Family, work: Work): Promise<void> {
  try {
    if (typeof work.answer.content === "number" && work.answer.content > 1 << 20) {
      return await checkLargeFile(port, work);
    }
    using client = await RawClient.connect(port);
    const timer = setTimeout(() => client.close(), PATIENCE);
    try {
      await checkPlain(client, port, family, work);
    } finally {
      clearTimeout(timer);
    }
    if (work.ask.upload > 0) await checkStored(port, work);
  } catch (error) {
    if (error instanceof WrongAnswer) throw error;
    throw new WrongAnswer(error instanceof Error ? error.message : String(error));
  }
}

/** As many requests at once as the row pipelines, all different where the server can tell. */
async function checkPlain(
  client: RawClient,
  port: number,
  family: Family,
  { ask, answer }: Work,
): Promise<void> {
  const suffixes = Array.from(
    { length: ask.pipelined },
    (_, index) => ask.pipelined > 1 && family !== "floor" ? `-${index}` : "",
  );
  await client.send(
    suffixes.map((suffix) => headOf({ ...ask, path: `${ask.path}${suffix}` }, port)).join(""),
  );
  if (ask.upload > 0) await client.send(contentOf(ask.upload));
  for (const suffix of suffixes) {
    const expected = family === "floor" ? "abc" : answer.content;
    const response = await client.readResponse(ask.method);
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

/** By fetch, which does not gather 100 MiB byte by byte. */
async function checkLargeFile(port: number, { ask, answer }: Work): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${ask.path}`, {
    headers: { "Accept-Encoding": "identity" },
    signal: AbortSignal.timeout(PATIENCE),
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

/** What has been uploaded can be read again. */
async function checkStored(port: number, { ask }: Work): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${ask.path}`, {
    headers: { "Accept-Encoding": "identity" },
    signal: AbortSignal.timeout(PATIENCE),
  });
  const content = await response.bytes();
  const isKept = await digest(content) === await digest(contentOf(ask.upload));
  if (!isKept) throw new WrongAnswer("the upload has not been kept as it was");
}
