// A directory with a file of known octets, a server for it, and a way to ask.

import { assertEquals } from "@std/assert";
import { Directory } from "../../lib/files/directory.ts";
import { fileHandlers } from "../../lib/files/handlers.ts";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/listener.ts";
import type { Permission } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";

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
  const settings = { ...DEFAULT_FILE_SETTINGS, ...changes };
  await withDirectory(async (path) => {
    const errors: unknown[] = [];
    const directory = new Directory(path, settings.showsHidden);
    const server = serve(router(routes(fileHandlers(directory, settings))), {
      port: 0,
      observer: { onError: (error) => errors.push(error) },
    });
    const { port } = server;
    try {
      await run({ path, port, errors, ask: (...request) => askAt(port, ...request) });
    } finally {
      await server.close();
    }
  });
}

export async function askAt(
  port: number,
  request: string,
  ...lines: string[]
): Promise<RawResponse> {
  using client = await RawClient.connect(port);
  await client.send(head(request, ...lines, "Connection: close"));
  const response = await client.readResponse(request.split(" ")[0]);
  assertEquals(await client.readToEnd(), new Uint8Array(0), `${request}: octets too many`);
  return response;
}

export function head(request: string, ...lines: string[]): string {
  return [`${request} HTTP/1.1`, "Host: h", ...lines, "", ""].join("\r\n");
}

/** Octets of which no two ranges are alike. */
export function makeOctets(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) % 256);
}

/** A file of 1000 octets, named `a`. */
export const OCTETS = makeOctets(1000);

export async function withFile(run: (house: House) => Promise<void>): Promise<void> {
  await withHouse(async (house) => {
    await Deno.writeFile(`${house.path}/a`, OCTETS);
    await Deno.utime(`${house.path}/a`, CHANGED, CHANGED);
    await run(house);
  });
}

export const CHANGED = new Date(Date.UTC(2020, 10, 20, 9, 0, 0, 500));
export const SAME = "Fri, 20 Nov 2020 09:00:00 GMT";
export const EARLIER = "Fri, 20 Nov 2020 08:59:59 GMT";
export const LATER = "Fri, 20 Nov 2020 09:00:01 GMT";

export async function namesIn({ ask }: House, target: string): Promise<string[]> {
  const { status, text } = await ask(`GET ${target}`, "Accept: application/json");
  assertEquals(status, 200, target);
  return (JSON.parse(text) as { name: string }[]).map(({ name }) => name);
}
