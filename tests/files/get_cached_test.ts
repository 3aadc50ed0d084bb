// Files in the cache: the very next request after a change sees it.

import { assert, assertEquals } from "@std/assert";
import {
  cachingClock,
  CHANGED,
  type Fixture,
  isCached,
  NEEDS,
  nextSecond,
  serveDirectory,
  withFileServer,
  writeOld,
} from "../support/file_server.ts";
import { type Need, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";

/** How the directory is served, by all servers. */
const SETTINGS = { settings: { allowsDelete: true } };
const CACHING = { ...SETTINGS, clock: cachingClock };

const OLD = "old bytes";
const NEW = "new bytes";

/** What is done to the file `d/a`, and what the next request gets: its content, or a status. */
interface Change {
  readonly name: string;
  readonly change: (file: string, fixture: Fixture) => Promise<unknown>;
  readonly expected: string | number;
  readonly needs?: readonly Need[];
}

const CHANGES: readonly Change[] = [
  {
    name: "replaced",
    change: async (file) => {
      await writeOld(`${file}.new`, NEW);
      await Deno.rename(`${file}.new`, file);
    },
    expected: NEW,
  },
  {
    name: "replaced by one from elsewhere",
    change: async (file, { parent }) => {
      await writeOld(`${parent}/outside/a`, NEW);
      await Deno.rename(`${parent}/outside/a`, file);
    },
    expected: NEW,
  },
  { name: "cut", change: (file) => Deno.truncate(file, 3), expected: "old" },
  { name: "cut to nothing", change: (file) => Deno.truncate(file), expected: "" },
  {
    name: "cut, its time set back",
    change: async (
      file,
    ) => (await Deno.truncate(file, 3), await Deno.utime(file, CHANGED, CHANGED)),
    expected: "old",
  },
  {
    name: "appended to",
    change: (file) => Deno.writeTextFile(file, "!", { append: true }),
    expected: `${OLD}!`,
  },
  { name: "written into", change: (file) => Deno.writeTextFile(file, NEW), expected: NEW },
  {
    name: "written into, its time set back",
    change: async (file) => {
      await nextSecond(file);
      await writeOld(file, NEW);
    },
    expected: NEW,
  },
  { name: "deleted", change: (file) => Deno.remove(file), expected: 404 },
  {
    name: "deleted and made anew",
    change: async (file) => {
      await Deno.remove(file);
      await Deno.writeTextFile(file, NEW);
    },
    expected: NEW,
  },
  {
    name: "replaced by a link to a file in the directory",
    change: async (file, { path }) => {
      await writeOld(`${path}/other`, NEW);
      await Deno.remove(file);
      await Deno.symlink("../other", file);
    },
    expected: NEW,
  },
  {
    name: "replaced by a link to itself, moved within the directory",
    change: async (file, { path }) => {
      await Deno.rename(file, `${path}/moved`);
      await Deno.symlink("../moved", file);
    },
    expected: OLD,
  },
  {
    name: "replaced by a link to itself, moved out of the directory",
    change: async (file, { parent }) => {
      await Deno.rename(file, `${parent}/outside/a`);
      await Deno.symlink("../../outside/a", file);
    },
    expected: 404,
  },
  {
    name: "replaced by a directory",
    change: async (file) => (await Deno.remove(file), await Deno.mkdir(file)),
    expected: 308,
  },
  {
    name: "replaced by a pipe",
    change: async (file) => {
      await Deno.remove(file);
      assert((await new Deno.Command("mkfifo", { args: [file] }).output()).success);
    },
    expected: 404,
    needs: ["mkfifo"],
  },
  {
    name: "behind a directory that has become a link out of the directory",
    change: async (_, { parent, path }) => {
      await Deno.rename(`${path}/d`, `${parent}/outside/d`);
      await Deno.symlink("../outside/d", `${path}/d`);
    },
    expected: 404,
  },
  {
    name: "behind a directory that has become a link within the directory",
    change: async (_, { path }) => {
      await Deno.rename(`${path}/d`, `${path}/e`);
      await Deno.symlink("e", `${path}/d`);
    },
    expected: OLD,
  },
  {
    name: "behind a directory that has become hidden",
    change: async (_, { path }) => {
      await Deno.rename(`${path}/d`, `${path}/.d`);
      await Deno.symlink(".d", `${path}/d`);
    },
    expected: 404,
  },
  {
    name: "behind a directory that has become a file",
    change: async (_, { path }) => {
      await Deno.rename(`${path}/d`, `${path}/e`);
      await Deno.writeTextFile(`${path}/d`, NEW);
    },
    expected: 404,
  },
  { name: "written by PUT", change: (_, { server }) => put(server.port), expected: NEW },
  {
    name: "deleted by DELETE",
    change: (_, { ask }) => ask("DELETE /files/d/a"),
    expected: 404,
  },
  {
    name: "written by PUT to another server",
    change: async (_, { path }) => {
      const { server } = await serveDirectory(path, SETTINGS);
      await put(server.port).finally(() => server.close());
    },
    expected: NEW,
  },
  {
    name: "deleted through another server",
    change: async (_, { path }) => {
      const { server, ask } = await serveDirectory(path, SETTINGS);
      await ask("DELETE /files/d/a").finally(() => server.close());
    },
    expected: 404,
  },
];

async function put(port: number): Promise<void> {
  using client = await RawClient.connect(port);
  await client.send(request("PUT /files/d/a", `Content-Length: ${NEW.length}`) + NEW);
  assertEquals((await client.readResponse()).status, 204);
}

for (const { name, change, expected, needs = [] } of CHANGES) {
  testWith(
    [...NEEDS, ...needs],
    `GET of a cached file sees that it is ${name}`,
    () =>
      withFileServer(async (fixture) => {
        const { parent, path, ask } = fixture;
        await Deno.mkdir(`${path}/d`);
        await Deno.mkdir(`${parent}/outside`);
        const file = `${path}/d/a`;
        await writeOld(file, OLD);
        for (let read = 0; read < 2; read++) {
          assertEquals((await ask("GET /files/d/a")).text, OLD);
        }
        assert(await isCached(fixture, "d/a"));
        await change(file, fixture);
        const { status, text } = await ask("GET /files/d/a");
        assertEquals(typeof expected === "number" ? status : text, expected);
        assertEquals((await ask("HEAD /files/d/a")).status, status);
      }, CACHING),
  );
}

testWith(
  NEEDS,
  "GET of a cached file sees that it may no longer be read",
  () =>
    withFileServer(async (fixture) => {
      const file = `${fixture.path}/a`;
      await writeOld(file, OLD);
      for (let read = 0; read < 2; read++) await fixture.ask("GET /files/a");
      assert(await isCached(fixture, "a"));
      await nextSecond(file);
      await Deno.chmod(file, 0);
      const isReadable = await Deno.readTextFile(file).then(() => true, () => false); // By root.
      const { opened } = fixture.root;
      assertEquals((await fixture.ask("GET /files/a")).status, isReadable ? 200 : 403);
      assertEquals(fixture.root.opened, opened + 1);
    }, CACHING),
);

testWith(
  NEEDS,
  "GET does not cache a file that has just changed",
  () =>
    withFileServer(async ({ path }) => {
      await writeOld(`${path}/a`, OLD);
      const { ctime } = await Deno.stat(`${path}/a`);
      const fixture = await serveDirectory(path, { clock: () => ctime!.getTime() + 2999 });
      for (let read = 0; read < 2; read++) await fixture.ask("GET /files/a");
      const hasFile = await isCached(fixture, "a");
      await fixture.server.close();
      assertEquals(hasFile, false);
    }),
);

testWith(
  NEEDS,
  "GET sends the present state of a file that is written into all the time",
  () =>
    withFileServer(async ({ path }) => {
      const { server, ask } = await serveDirectory(path, SETTINGS);
      for (let round = 0; round < 200; round++) {
        const content = `${1000 + round}`;
        if (round % 2 === 0) await Deno.writeTextFile(`${path}/a`, content);
        else await writeOld(`${path}/a`, content);
        const { text } = await ask("GET /files/a");
        if (text !== content) await server.close();
        assertEquals(text, content);
      }
      await server.close();
    }),
);

testWith(
  NEEDS,
  "GET reads a cached file while synchronous calls are not allowed",
  () =>
    withFileServer(async (fixture) => {
      await writeOld(`${fixture.path}/a`, OLD);
      for (let read = 0; read < 2; read++) await fixture.ask("GET /files/a");
      assert(await isCached(fixture, "a"));
      const { root } = fixture;
      root.fs.policy.measure(() => root.now += 60);
      assert(!await isCached(fixture, "a"));
      await Deno.writeTextFile(`${fixture.path}/a`, NEW);
      assertEquals((await fixture.ask("GET /files/a")).text, NEW);
      assert(!await isCached(fixture, "a"));
      root.now += 50 * 60;
      assert(!await isCached(fixture, "a")); // From now on it is.
      assert(await isCached(fixture, "a"));
    }, CACHING),
);

testWith(
  NEEDS,
  "GET does not cache a file that is read once among thousands, and one that is read again",
  () =>
    withFileServer(async (fixture) => {
      const names = Array.from({ length: 1100 }, (_, at) => `${at}`);
      for (const name of names) await writeOld(`${fixture.path}/${name}`, OLD);
      for (const name of names) await fixture.ask(`GET /files/${name}`);
      assert(!await isCached(fixture, "0"), "it is read for the first time since long ago");
      assert(!await isCached(fixture, "1099"), "it is read again");
      assert(await isCached(fixture, "1099"));
    }, CACHING),
);
