// A server of files in this process, on a directory of a test's own.

import { Root } from "../../lib/files/root.ts";
import { fileHandlers } from "../../lib/files/handlers.ts";
import type { FileSettings } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/server.ts";
import { withDirectory } from "./temp.ts";
import { until } from "./wait.ts";

/** A directory, the port that it is served at, and what the server has reported. */
export interface FileServer {
  readonly path: string;
  readonly port: number;
  readonly errors: unknown[];
}

/**
 * A directory that has learnt where its files are: it asks the system at the first need, and some
 * tests are over before the answer is there.
 */
export async function acquainted<T extends Root>(directory: T): Promise<T> {
  await until(() => directory.fs.policy.isAllowed);
  return directory;
}

/**
 * Runs with a new directory and a server for it.
 *
 * @param run What is done while it is served.
 * @param check What is looked at once the server has been closed.
 */
export async function withFileServer(
  settings: FileSettings,
  run: (server: FileServer) => Promise<void>,
  check: (server: FileServer) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await withDirectory(async (path) => {
    const errors: unknown[] = [];
    const directory = await acquainted(new Root(path, settings.showsHidden));
    const server = serve(router(routes(fileHandlers(directory, settings))), {
      port: 0,
      observer: { onError: (error) => errors.push(error) },
    });
    const fileServer = { path, port: server.port, errors };
    try {
      await run(fileServer);
    } finally {
      await server.close();
    }
    await check(fileServer);
  });
}
