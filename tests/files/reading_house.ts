// A directory with a file of known bytes, a server for it, and a way to ask.

import { assertEquals } from "@std/assert";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "../../lib/files/settings.ts";
import { withFileServer } from "../support/file_server.ts";
import type { Permission } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";

export const NEEDS: readonly Permission[] = ["net", "read", "write"];

/** A directory, and a server for it. */
export interface House {
  readonly path: string;
  readonly port: number;
  /** What the server has reported. */
  readonly errors: unknown[];
  /** Asks for a target of a method, with lines of fields; nothing may follow the response. */
  ask(request: string, ...lines: string[]): Promise<RawResponse>;
}

export async function withHouse(
  run: (house: House) => Promise<void>,
  changes: Partial<FileSettings> = {},
): Promise<void> {
  await withFileServer(
    { ...DEFAULT_FILE_SETTINGS, ...changes },
    (server) => run({ ...server, ask: (...request) => askAt(server.port, ...request) }),
  );
}

export async function askAt(
  port: number,
  request: string,
  ...lines: string[]
): Promise<RawResponse> {
  using client = await RawClient.connect(port);
  await client.send(head(request, ...lines, "Connection: close"));
  const response = await client.readResponse(request.split(" ")[0]);
  assertEquals(await client.readToEnd(), new Uint8Array(0), `${request}: bytes too many`);
  return response;
}

export function head(request: string, ...lines: string[]): string {
  return [`${request} HTTP/1.1`, "Host: h", ...lines, "", ""].join("\r\n");
}

/** Bytes of which no two ranges are alike. */
export function makeBytes(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) % 256);
}

/** A file of 1000 bytes, named `a`. */
export const BYTES = makeBytes(1000);

export async function withFile(run: (house: House) => Promise<void>): Promise<void> {
  await withHouse(async (house) => {
    await Deno.writeFile(`${house.path}/a`, BYTES);
    await Deno.utime(`${house.path}/a`, CHANGED, CHANGED);
    await run(house);
  });
}

export const CHANGED = new Date(Date.UTC(2020, 10, 20, 9, 0, 0, 500));
export const SAME = "Fri, 20 Nov 2020 09:00:00 GMT";
export const EARLIER = "Fri, 20 Nov 2020 08:59:59 GMT";
export const LATER = "Fri, 20 Nov 2020 09:00:01 GMT";

/** Milliseconds of a tick of the file system's clock: 10 at the most, and some more. */
const TICK = 50;

/**
 * Of the time of an inode, Deno tells whole seconds: waits until a change shows there. The file
 * system's clock goes by ticks, and is up to one behind.
 */
export async function nextSecond(file: string): Promise<void> {
  const { ctime } = await Deno.stat(file);
  await until(() => Date.now() > ctime!.getTime() + 1000 + TICK);
}

export async function namesIn({ ask }: House, target: string): Promise<string[]> {
  const { status, text } = await ask(`GET ${target}`, "Accept: application/json");
  assertEquals(status, 200, target);
  return (JSON.parse(text) as { name: string }[]).map(({ name }) => name);
}
