// The benchmark's own clients, against servers in this process.

import { assert, assertEquals } from "@std/assert";
import { testWith } from "../support/needs.ts";
import { drivePages, driveVisits, watch } from "./clients.ts";
import { FILE_SETS } from "./files.ts";
import type { Row } from "./row.ts";
import { ROWS } from "./rows.ts";
import type { Address } from "./servers.ts";

function row(id: string): Row {
  return ROWS.find((each) => each.id === id)!;
}

async function withServer(
  handler: (request: Request) => Response,
  run: (address: Address) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  await run({ port: server.addr.port, authority: null });
}

testWith(["net"], "driveVisits() loads the page with its assets, and reloads all with 304", () => {
  const paths = new Map<string, number>();
  const handler = (request: Request) => {
    const { pathname } = new URL(request.url);
    paths.set(pathname, (paths.get(pathname) ?? 0) + 1);
    const isReload = request.headers.get("if-none-match") === `"${pathname}"`;
    const headers = { etag: `"${pathname}"`, "content-encoding": "br" };
    return new Response(isReload ? null : "a", { status: isReload ? 304 : 200, headers });
  };
  return withServer(handler, async (address) => {
    const load = await driveVisits({ ...row("visit"), connections: 6 }, address, 0);
    assertEquals([load.requests, load.errors], [62, []]);
    assertEquals([paths.size, new Set(paths.values())], [31, new Set([2])]);
  });
});

testWith(
  ["net"],
  "driveVisits() reports a server that ignores codings and conditions",
  () =>
    withServer(() => new Response("a", { headers: { etag: '"a"' } }), async (address) => {
      const { errors } = await driveVisits({ ...row("visit"), connections: 6 }, address, 0);
      assertEquals(errors, ["a response that is not compressed", "a status of 200"]);
    }),
);

testWith(["net"], "drivePages() requests each page of the slice once", () => {
  const paths: string[] = [];
  const handler = (request: Request) => {
    paths.push(new URL(request.url).pathname);
    return new Response("a", { headers: { "content-encoding": "gzip" } });
  };
  return withServer(handler, async (address) => {
    const { count } = FILE_SETS.first;
    const { requests, errors } = await drivePages(row("page-first"), address, 2 * count);
    assertEquals([requests, errors, new Set(paths).size], [count, [], count]);
    assert(paths.includes(`/files/first/${2 * count}.html`), paths[0]);
  });
});

testWith(["net"], "watch() counts the wait for a response that never comes", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const address = { port: listener.addr.port, authority: null };
  const stop = await watch({ ...row("connections-1000"), witnesses: 1 }, address);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const longest = await stop();
  (await accepted).close();
  assert(longest >= 45, `${longest}`);
});
