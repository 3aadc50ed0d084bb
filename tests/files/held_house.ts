// A directory whose server takes its files for settled, so that it holds them from the first
// request on, and which tells how many files have been opened. (The time of an inode's change
// cannot be set, so it is the server's clock that is ahead.)

import { assertEquals } from "@std/assert";
import { Root } from "../../lib/files/root.ts";
import { fileHandlers } from "../../lib/files/handlers.ts";
import { FileSystem, type OpenFile } from "../../lib/files/fs.ts";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve, type Server } from "../../lib/server/server.ts";
import { acquainted } from "../support/file_server.ts";
import type { RawResponse } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";
import { askAt, CHANGED } from "./reading_house.ts";

/** Milliseconds by which a clock is ahead for files to be held at once. */
export const AHEAD = 4000;

/**
 * A directory that counts how often files are opened. A look takes as long as the test says: on a
 * busy machine any could turn out slow, and then nothing is held for a while.
 */
export class CountingDirectory extends Root {
  opened = 0;
  /** Milliseconds of the clock that policy are timed by. */
  now = 0;
  override readonly fs: FileSystem = new FileSystem(this.path, () => this.now);

  override openFile(name: string): Promise<OpenFile | null> {
    this.opened++;
    return super.openFile(name);
  }
}

/** A directory, and a server of it. */
export interface House {
  readonly path: string;
  readonly directory: CountingDirectory;
  readonly server: Server;
  ask(request: string, ...lines: string[]): Promise<RawResponse>;
}

/** A house whose server holds files at once, in a directory of the test's own. */
export interface HeldHouse extends House {
  /** What is served is `served` in it; `outside` is not. */
  readonly root: string;
}

/**
 * A server of its own for a directory.
 *
 * @param clock Tells it how long ago a file was changed; one that lags holds nothing.
 */
export async function open(
  path: string,
  clock: () => number,
  errors: unknown[] = [],
): Promise<House> {
  const directory = await acquainted(new CountingDirectory(path));
  const settings = { ...DEFAULT_FILE_SETTINGS, allowsDelete: true, isDurable: false };
  const handlers = fileHandlers(directory, settings, clock);
  const observer = { onError: (error: unknown) => errors.push(error) };
  const server = serve(router(routes(handlers)), { port: 0, observer });
  const ask = (request: string, ...lines: string[]) => askAt(server.port, request, ...lines);
  return { path, directory, server, ask };
}

export async function withHeldHouse(run: (house: HeldHouse) => Promise<void>): Promise<void> {
  await withDirectory(async (root) => {
    await Deno.mkdir(`${root}/served`);
    await Deno.mkdir(`${root}/outside`);
    const errors: unknown[] = [];
    const house = await open(`${root}/served`, () => Date.now() + AHEAD, errors);
    try {
      await run({ root, ...house });
    } finally {
      await house.server.close();
    }
    assertEquals(errors, []);
  });
}

/** Writes a file that seems to have been left alone for years. */
export async function writeOld(path: string, content: string | Uint8Array): Promise<void> {
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
  await Deno.utime(path, CHANGED, CHANGED);
}

/** Whether the server holds a file: it answers without opening it. */
export async function isHeld({ ask, directory }: House, name: string): Promise<boolean> {
  const before = directory.opened;
  await ask(`GET /files/${name}`);
  return directory.opened === before;
}
