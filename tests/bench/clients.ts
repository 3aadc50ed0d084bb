// Loads that wrk cannot make: whole uploads, files that are requested once, browsers, and
// connections whose waits count even if no response comes.

import type { RawClient, RawResponse } from "../support/raw_client.ts";
import { bytesOf, compresses, FILE_SETS } from "./files.ts";
import { headOf } from "./requests.ts";
import type { Row, RowRequest } from "./row.ts";
import { type Address, connect } from "./servers.ts";
import { quantile } from "./statistics.ts";
import type { Load } from "./wrk.ts";

/** Milliseconds after which an open connection is given up. */
const OVERTIME = 10_000;

/** Connections to one server, which are closed at the end, or if it does not answer. */
class Connections {
  readonly #clients: RawClient[] = [];
  readonly #address: Address;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(address: Address, milliseconds: number) {
    this.#address = address;
    this.#timer = setTimeout(() => this.#close(), milliseconds);
  }

  async open(): Promise<RawClient> {
    const client = await connect(this.#address);
    this.#clients.push(client);
    return client;
  }

  #close(): void {
    for (const client of this.#clients) client[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#close();
  }
}

/** Latencies and errors of a load. */
export class Recorder {
  readonly #start = performance.now();
  readonly #latencies: number[] = [];
  readonly #errors = new Set<string>();
  #requests = 0;

  get elapsed(): number {
    return performance.now() - this.#start;
  }

  /** Counts responses, of which the slowest, or all together, took so long. */
  add(requests: number, milliseconds: number): void {
    this.#requests += requests;
    this.#latencies.push(milliseconds);
  }

  fail(error: string): void {
    this.#errors.add(error);
  }

  expect({ status }: RawResponse, ...statuses: readonly number[]): void {
    if (!statuses.includes(status)) this.fail(`a status of ${status}`);
  }

  /** A server that is busy may send content as it is, which is not the same work. */
  expectCoding({ fields }: RawResponse): void {
    if (!fields.has("content-encoding")) this.fail("a response that is not compressed");
  }

  result(): Load {
    const at = (part: number) => quantile(this.#latencies, part);
    return {
      requests: this.#requests,
      seconds: this.elapsed / 1000,
      p50: at(0.5),
      p99: at(0.99),
      p999: at(0.999),
      max: at(1),
      errors: [...this.#errors],
    };
  }
}

function together<T>(count: number, run: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => run(index)));
}

const PIECE = 1 << 20;

export async function driveUploads(
  { request }: Row,
  address: Address,
  milliseconds: number,
): Promise<Load> {
  const content = bytesOf(request.upload);
  using connections = new Connections(address, milliseconds + OVERTIME);
  const client = await connections.open();
  const recorder = new Recorder();
  do {
    const before = recorder.elapsed;
    await client.send(headOf(request, address.port));
    for (let at = 0; at < content.length; at += PIECE) {
      await client.send(content.subarray(at, at + PIECE));
    }
    recorder.expect(await client.readResponse(request.method), 200, 201, 204);
    recorder.add(1, recorder.elapsed - before);
  } while (recorder.elapsed < milliseconds);
  return recorder.result();
}

/** Requests each file of a slice once, from the one with number `first`. */
export async function drivePages(
  { request, connections: count }: Row,
  address: Address,
  first: number,
): Promise<Load> {
  using connections = new Connections(address, 60_000);
  const clients = await together(count, () => connections.open());
  const recorder = new Recorder();
  const end = first + FILE_SETS.first.count;
  let next = first;
  await Promise.all(clients.map(async (client) => {
    while (next < end) {
      const before = recorder.elapsed;
      await client.send(headOf(request, address.port, next++));
      const response = await client.readResponse();
      recorder.expect(response, 200);
      recorder.expectCoding(response);
      recorder.add(1, recorder.elapsed - before);
    }
  }));
  return recorder.result();
}

/** Connections that browsers open to one server. */
const PER_BROWSER = 6;

/** Browsers at a time, which load pages until the time has passed. */
export async function driveVisits(
  { request, connections: count }: Row,
  address: Address,
  milliseconds: number,
): Promise<Load> {
  const recorder = new Recorder();
  await together(count / PER_BROWSER, async () => {
    do {
      const before = recorder.elapsed;
      const requests = await visit(request, address, recorder);
      recorder.add(requests, recorder.elapsed - before);
    } while (recorder.elapsed < milliseconds);
  });
  return recorder.result();
}

/** Loads the page and its assets on six connections, and reloads them with conditions. */
async function visit(request: RowRequest, address: Address, recorder: Recorder): Promise<number> {
  using connections = new Connections(address, OVERTIME);
  const clients = [await connections.open()];
  const validators = new Map<number, Record<string, string>>();
  const fetchAll = async (indexes: readonly number[], expected: number) => {
    const queue = [...indexes];
    await Promise.all(clients.map(async (client) => {
      for (let index; (index = queue.shift()) !== undefined;) {
        const path = `/files/${FILE_SETS.site.path(index)}`;
        const fields = { ...request.fields, ...validators.get(index) };
        await client.send(headOf({ ...request, path, fields }, address.port));
        const response = await client.readResponse();
        recorder.expect(response, expected);
        if (expected === 200 && compresses(path)) recorder.expectCoding(response);
        validators.set(index, conditionsFor(response));
      }
    }));
  };
  const assets = Array.from({ length: FILE_SETS.site.count - 1 }, (_, index) => index + 1);
  await fetchAll([0], 200);
  clients.push(...await together(PER_BROWSER - 1, () => connections.open()));
  await fetchAll(assets, 200);
  await fetchAll([0], 304);
  await fetchAll(assets, 304);
  return 2 * FILE_SETS.site.count;
}

/** The conditions that a browser sends when it has a response already. */
function conditionsFor({ fields }: RawResponse): Record<string, string> {
  const [etag, modified] = [fields.get("etag"), fields.get("last-modified")];
  return {
    ...(etag === undefined ? {} : { "If-None-Match": etag }),
    ...(modified === undefined ? {} : { "If-Modified-Since": modified }),
  };
}

/** Milliseconds between two requests of a witness: few, beside thousands of other connections. */
const BETWEEN = 20;

/**
 * Opens connections that send a request now and then. A load measures only responses that have
 * come; these connections also count the wait for one that has not.
 *
 * @returns A function that closes them and tells the longest wait in milliseconds.
 */
export async function watch(row: Row, address: Address): Promise<() => Promise<number>> {
  const connections = new Connections(address, 600_000);
  const clients = await together(row.witnesses, () => connections.open());
  const since = clients.map(() => Infinity);
  let longest = 0;
  let isOver = false;
  const waits = Promise.allSettled(clients.map(async (client, index) => {
    for (let n = 0; !isOver; n++) {
      since[index] = performance.now();
      await client.send(headOf(row.request, address.port, n));
      await client.readResponse();
      longest = Math.max(longest, performance.now() - since[index]);
      since[index] = Infinity;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN));
    }
  }));
  return async () => {
    isOver = true;
    const now = performance.now();
    longest = Math.max(longest, ...since.map((each) => now - each));
    connections[Symbol.dispose]();
    await waits;
    return longest;
  };
}
