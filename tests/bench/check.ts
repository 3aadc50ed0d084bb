// Correctness comes first: a strict client sends a server the requests that it will be measured
// with, and a server that gives a wrong response is not measured.

import type { RawClient, RawResponse } from "../support/raw_client.ts";
import { bytesOf, compresses, FILE_SETS } from "./files.ts";
import { expand, headOf, isVaried } from "./requests.ts";
import type { Answer, Coding, Family, Row, RowRequest } from "./row.ts";
import { type Address, connect } from "./servers.ts";

export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

/** Milliseconds for a response: far more than any takes. */
const TIMEOUT = 30_000;

/** A request, and what its response must have. */
interface Exchange {
  readonly request: RowRequest;
  readonly n: number;
  readonly answer: Answer;
}

/** Requests of a row whose numbers differ. */
const VARIED = 3;

function exchangesOf(row: Row, family: Family): Exchange[] {
  const { request, answer } = row;
  const numbered = (count: number) => Array.from({ length: count }, (_, n) => n);
  if (row.driver === "visits") {
    return numbered(FILE_SETS.site.count).map((n) => ({
      ...{ request: { ...request, path: `/files/${FILE_SETS.site.path(n)}` }, n, answer },
    }));
  }
  // The bare loop answers all requests alike.
  if (family === "loop") {
    return numbered(request.pipelined).map((n) => ({ request, n, answer: { text: "abc" } }));
  }
  if (request.pipelined === 1) {
    const count = isVaried(request) && request.upload === 0 ? VARIED : 1;
    return numbered(count).map((n) => ({ request, n, answer }));
  }
  const different = { ...request, path: `${request.path}-{n}` };
  return numbered(request.pipelined).map((n) => ({
    ...{ request: different, n, answer: { ...answer, text: `${answer.text}-{n}` } },
  }));
}

/**
 * Checks the responses of a server.
 *
 * @throws {WrongAnswer} if a response is wrong, or not HTTP/1.1 at all.
 */
export async function checkAnswer(address: Address, family: Family, row: Row): Promise<void> {
  try {
    if (row.answer.file === "large") {
      return await checkLarge(address, row.request, FILE_SETS.large.content(0));
    }
    const exchanges = exchangesOf(row, family);
    const isClosed = row.request.fields["Connection"] === "close";
    const batches = isClosed ? exchanges.map((each) => [each]) : [exchanges];
    for (const batch of batches) {
      using client = await connect(address);
      const timer = setTimeout(() => client.close(), TIMEOUT);
      try {
        await checkAll(client, address, batch);
      } finally {
        clearTimeout(timer);
      }
    }
    if (row.request.upload > 0) {
      await checkLarge(address, row.request, bytesOf(row.request.upload));
    }
  } catch (error) {
    if (error instanceof WrongAnswer) throw error;
    throw new WrongAnswer(error instanceof Error ? error.message : String(error));
  }
}

/** Sends requests without waiting for the responses, and compares them. */
async function checkAll(
  client: RawClient,
  { port }: Address,
  exchanges: readonly Exchange[],
): Promise<void> {
  await client.send(exchanges.map(({ request, n }) => headOf(request, port, n)).join(""));
  for (const { request, n, answer } of exchanges) {
    if (request.upload > 0) await client.send(bytesOf(request.upload));
    await compare(await client.readResponse(request.method), answer, n);
  }
}

async function compare(
  { status, fields, content }: RawResponse,
  { text, file, includes, codings }: Answer,
  n: number,
): Promise<void> {
  if (status !== 200 && status !== 201 && status !== 204) {
    throw new WrongAnswer(`the status is ${status}`);
  }
  const isCoded = codings !== undefined &&
    (file === undefined || compresses(FILE_SETS[file].path(n)));
  const coding = fields.get("content-encoding") ?? null;
  const isRight = isCoded ? codings.some((each) => each === coding) : coding === null;
  if (!isRight) throw new WrongAnswer(`the coding is ${coding ?? "none"}`);
  const decoded = coding === null ? content : await decode(content, coding as Coding);
  if (includes !== undefined && !new TextDecoder().decode(decoded).includes(includes)) {
    throw new WrongAnswer(`the content does not include ${includes}`);
  }
  const wanted = text !== undefined
    ? new TextEncoder().encode(expand(text, n))
    : file !== undefined
    ? FILE_SETS[file].content(n)
    : decoded;
  if (!isEqual(decoded, wanted)) throw new WrongAnswer("the content is not what it should be");
}

async function decode(content: Uint8Array, coding: Coding): Promise<Uint8Array> {
  const stream = new Blob([content.slice()]).stream();
  const format = coding === "br" ? "brotli" : coding;
  return await new Response(stream.pipeThrough(new DecompressionStream(format))).bytes();
}

function isEqual(some: Uint8Array, other: Uint8Array): boolean {
  return some.length === other.length && some.every((byte, at) => byte === other[at]);
}

/** Downloads a file with fetch, which is faster than RawClient for 100 MiB. */
async function checkLarge(
  { port }: Address,
  { path }: RowRequest,
  wanted: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${expand(path, 0)}`, {
    headers: { "Accept-Encoding": "identity" },
    signal: AbortSignal.timeout(TIMEOUT),
  });
  const content = await response.bytes();
  if (response.status !== 200) {
    throw new WrongAnswer(`the status of the file is ${response.status}`);
  }
  if (await digest(content) !== await digest(wanted)) {
    throw new WrongAnswer("the file is not what it should be");
  }
}

async function digest(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
}
