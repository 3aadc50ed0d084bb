// Load that checks every response: clients upload files of their own, read them back, compare every
// byte, and record every request. Each request has a number in its query, to be found in logs.

import { Buffer } from "node:buffer";
import { RawClient } from "../support/raw_client.ts";

export interface Outcome {
  readonly id: number;
  readonly method: string;
  /** When it began, in milliseconds of `performance.now()`. */
  readonly startedAt: number;
  readonly problem: string | null;
}

const SIZES = [1, 700, 5000, 70_000, 300_000];

const FILES = 4;

/** Content that differs from that of every other number. */
export function contentOf(id: number, size: number): Uint8Array<ArrayBuffer> {
  const pattern = `${id};`;
  return new TextEncoder().encode(pattern.repeat(Math.ceil(size / pattern.length)).slice(0, size));
}

export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** Where a content differs from what it should be, for a message. */
export function difference(content: Uint8Array, expected: Uint8Array): string {
  const at = expected.findIndex((byte, index) => content[index] !== byte);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(at, at + 20));
  return `${content.length} bytes, at ${at} "${text(content)}" in place of "${text(expected)}"`;
}

/** Contents that a file may have, null for no file: an upload that failed may have been stored. */
type AllowedByFile = (Uint8Array | null)[];

export class Load {
  readonly #port: number;
  readonly #outcomes: Outcome[] = [];
  readonly #clients: Promise<void>[];
  #count = 0;
  #isOver = false;

  /**
   * @param port The port of the server.
   * @param clients The number of clients, each with one connection.
   */
  constructor(port: number, clients: number) {
    this.#port = port;
    this.#clients = Array.from({ length: clients }, (_, index) => this.#run(`load/${index}`));
    for (const client of this.#clients) client.catch(() => {}); // stop() throws it.
  }

  get count(): number {
    return this.#outcomes.length;
  }

  /** Ends the load, and gives the results of all requests. */
  async stop(): Promise<readonly Outcome[]> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    return this.#outcomes;
  }

  async #run(name: string): Promise<void> {
    const allowedByFile: AllowedByFile[] = Array.from({ length: FILES }, () => [null]);
    let client: RawClient | null = null;
    for (let turn = 0; !this.#isOver; turn++) {
      client ??= await RawClient.connect(this.#port);
      const file = turn % FILES;
      const path = `/files/${name}-${file}`;
      const allallowedByFile = allowedByFile[file]!;
      const isGood = Math.floor(turn / FILES) % 2 === 0
        ? await this.#put(
          client,
          path,
          allallowedByFile,
          SIZES[(turn + turn / 8 | 0) % SIZES.length]!,
        )
        : await this.#get(client, path, allallowedByFile);
      if (isGood) continue;
      client.close();
      client = null;
    }
    client?.close();
  }

  async #put(
    client: RawClient,
    path: string,
    allallowedByFile: AllowedByFile,
    size: number,
  ): Promise<boolean> {
    const id = this.#count++;
    const content = contentOf(id, size);
    allallowedByFile.push(content);
    return await this.#record(id, "PUT", async () => {
      await client.send(head("PUT", path, id, size));
      await client.send(content);
      const { status } = await client.readResponse();
      if (status !== 201 && status !== 204) return `status ${status}`;
      allallowedByFile.splice(0, allallowedByFile.length, content);
      return null;
    });
  }

  async #get(
    client: RawClient,
    path: string,
    allallowedByFile: AllowedByFile,
  ): Promise<boolean> {
    const id = this.#count++;
    return await this.#record(id, "GET", async () => {
      await client.send(head("GET", path, id));
      const { status, content } = await client.readResponse();
      if (status === 404 && allallowedByFile.includes(null)) return null;
      if (status !== 200) return `status ${status}`;
      return allallowedByFile.some((each) => each !== null && isSame(each, content))
        ? null
        : "other bytes";
    });
  }

  async #record(id: number, method: string, run: () => Promise<string | null>): Promise<boolean> {
    const startedAt = performance.now();
    let problem: string | null;
    try {
      problem = await run();
    } catch (error) {
      problem = String(error);
    }
    this.#outcomes.push({ id, method, startedAt, problem });
    return problem === null;
  }
}

function head(method: string, path: string, id: number, length?: number): string {
  const framing = length === undefined ? "" : `Content-Length: ${length}\r\n`;
  return `${method} ${path}?n=${id} HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n`;
}
