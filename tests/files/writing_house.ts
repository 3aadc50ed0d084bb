// A directory to write to, a server for it, and a way to ask.

import { assertEquals } from "@std/assert";
import { Directory } from "../../lib/files/directory.ts";
import { fileHandlers } from "../../lib/files/handlers.ts";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/listener.ts";
import type { Permission } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { listTree, withDirectory } from "../support/temp.ts";

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
  const settings = { ...DEFAULT_FILE_SETTINGS, isDurable: false, ...changes };
  await withDirectory(async (path) => {
    const errors: unknown[] = [];
    const directory = new Directory(path, settings.showsHidden);
    const server = serve(router(routes(fileHandlers(directory, settings))), {
      port: 0,
      observer: { onError: (error) => errors.push(error) },
    });
    const { port } = server;
    try {
      await run({ path, port, ask: (...request) => askAt(port, ...request) });
    } finally {
      await server.close();
    }
    assertEquals(errors, []);
    assertEquals((await listTree(path)).filter((each) => each.endsWith(".part")), []);
  });
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

/** The tree, or nothing where a folder goes while it is looked into. */
export async function treeOf(path: string): Promise<string[]> {
  return await listTree(path).catch(() => []);
}
