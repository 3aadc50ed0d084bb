// Load that knows what it is owed: clients that upload files of their own, read them back byte by
// byte, and keep book of every request. Each has a number in its query, to be found in logs.

import { RawClient } from "../support/raw_client.ts";

/** A request and what came of it. */
export interface Outcome {
  /** Its number. */
  readonly id: number;
  readonly method: string;
  /** When it was begun: milliseconds, as `performance.now()` has them. */
  readonly startedAt: number;
  /** What went wrong, or null. */
  readonly problem: string | null;
}

/** Sizes of the files, in turn. */
const SIZES = [1, 700, 5000, 70_000, 300_000];

/** Files of each client. */
const FILES = 4;

/** Content that differs from that of every other number. */
export function contentOf(id: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const pattern = new TextEncoder().encode(`${id};`);
  for (let at = 0; at < size; at++) bytes[at] = pattern[at % pattern.length]!;
  return bytes;
}

/** Whether two arrays hold the same bytes. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** What a file may hold, null for nothing: an upload that failed may have been stored. */
type Owed = (Uint8Array | null)[];

/** The load while it is on. */
export class Load {
  readonly #port: number;
  readonly #outcomes: Outcome[] = [];
  readonly #clients: Promise<void>[];
  #count = 0;
  #isOver = false;

  /**
   * @param port Where the requests go to.
   * @param clients How many clients there are, each with one connection.
   */
  constructor(port: number, clients: number) {
    this.#port = port;
    this.#clients = Array.from({ length: clients }, (_, index) => this.#run(`load/${index}`));
    for (const client of this.#clients) client.catch(() => {}); // stop() hears of it.
  }

  /** How many requests have come to their end. */
  get count(): number {
    return this.#outcomes.length;
  }

  /** Ends the load; gives what came of every request. */
  async stop(): Promise<readonly Outcome[]> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    return this.#outcomes;
  }

  async #run(name: string): Promise<void> {
    const owed: Owed[] = Array.from({ length: FILES }, () => [null]);
    let client: RawClient | null = null;
    for (let turn = 0; !this.#isOver; turn++) {
      client ??= await RawClient.connect(this.#port);
      const file = turn % FILES;
      const path = `/files/${name}-${file}`;
      const allowed = owed[file]!;
      const isSound = Math.floor(turn / FILES) % 2 === 0
        ? await this.#put(client, path, allowed, SIZES[(turn + turn / 8 | 0) % SIZES.length]!)
        : await this.#get(client, path, allowed);
      if (isSound) continue;
      client.close();
      client = null;
    }
    client?.close();
  }

  async #put(
    client: RawClient,
    path: string,
    allowed: Owed,
    size: number,
  ): Promise<boolean> {
    const id = this.#count++;
    const content = contentOf(id, size);
    allowed.push(content);
    return await this.#note(id, "PUT", async () => {
      await client.send(head("PUT", path, id, size));
      await client.send(content);
      const { status } = await client.readResponse();
      if (status !== 201 && status !== 204) return `status ${status}`;
      allowed.splice(0, allowed.length, content);
      return null;
    });
  }

  async #get(
    client: RawClient,
    path: string,
    allowed: Owed,
  ): Promise<boolean> {
    const id = this.#count++;
    return await this.#note(id, "GET", async () => {
      await client.send(head("GET", path, id));
      const { status, content } = await client.readResponse();
      if (status === 404 && allowed.includes(null)) return null;
      if (status !== 200) return `status ${status}`;
      return allowed.some((each) => each !== null && isSame(each, content)) ? null : "other bytes";
    });
  }

  async #note(id: number, method: string, run: () => Promise<string | null>): Promise<boolean> {
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
  return `${method} ${path}?n=${id} HTTP/1.1\r\nHost: files\r\n${framing}\r\n`;
}
