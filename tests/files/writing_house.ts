// A directory to write to, a server for it, and a way to ask.

import { assertEquals } from "@std/assert";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "../../lib/files/settings.ts";
import { withFileServer } from "../support/file_server.ts";
import type { Permission } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { listTree } from "../support/temp.ts";

export const NEEDS: readonly Permission[] = ["net", "read", "write"];

/** A directory, and a server for it. */
export interface House {
  readonly path: string;
  readonly port: number;
  /** Asks for a target by a method, with content (null for none) and lines of fields. */
  ask(request: string, content?: string | null, ...lines: string[]): Promise<RawResponse>;
}

/** After the run, nothing that is temporary may be left, and no fault of the server's. */
export async function withHouse(
  run: (house: House) => Promise<void>,
  changes: Partial<FileSettings> = {},
): Promise<void> {
  await withFileServer(
    { ...DEFAULT_FILE_SETTINGS, isDurable: false, ...changes },
    ({ path, port }) => run({ path, port, ask: (...request) => askAt(port, ...request) }),
    async ({ path, errors }) => {
      assertEquals(errors, []);
      assertEquals((await listTree(path)).filter((each) => each.endsWith(".part")), []);
    },
  );
}

export async function askAt(
  port: number,
  request: string,
  content: string | null = null,
  ...lines: string[]
): Promise<RawResponse> {
  using client = await RawClient.connect(port);
  const framing = content === null ? [] : [`Content-Length: ${content.length}`];
  await client.trySend(head(request, ...framing, ...lines) + (content ?? ""));
  return await client.readResponse(request.split(" ")[0]);
}

export function head(request: string, ...lines: string[]): string {
  return [`${request} HTTP/1.1`, "Host: h", ...lines, "", ""].join("\r\n");
}

export const CHANGED = new Date(Date.UTC(2020, 10, 20, 9, 0, 0, 500));
export const SAME = "Fri, 20 Nov 2020 09:00:00 GMT";
export const EARLIER = "Fri, 20 Nov 2020 08:59:59 GMT";

/** Writes the file `a`, as it was long ago. */
export async function writeOld(path: string): Promise<void> {
  await Deno.writeTextFile(`${path}/a`, "old");
  await Deno.utime(`${path}/a`, CHANGED, CHANGED);
}

export async function etagOf({ ask }: House, target: string): Promise<string> {
  return (await ask(`GET ${target}`)).fields.get("etag")!;
}

export async function countParts(path: string): Promise<number> {
  return (await treeOf(path)).filter((each) => each.endsWith(".part")).length;
}

/** The tree, or nothing where a directory goes while it is looked into. */
export async function treeOf(path: string): Promise<string[]> {
  return await listTree(path).catch(() => []);
}
