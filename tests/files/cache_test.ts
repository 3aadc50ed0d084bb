// Files that are held in memory: the very next request after a change sees it, whatever the change.

import { assert, assertEquals } from "@std/assert";
import { type Need, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { type HeldHouse, isHeld, open, withHeldHouse, writeOld } from "./held_house.ts";
import { CHANGED, head, NEEDS, nextSecond } from "./reading_house.ts";

const OLD = "old bytes";
const NEW = "new bytes";

/** What is done to the file `d/a`, and what the next request gets: its content, or a status. */
interface Change {
  readonly name: string;
  readonly change: (file: string, house: HeldHouse) => Promise<unknown>;
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
    change: async (file, { root }) => {
      await writeOld(`${root}/outside/a`, NEW);
      await Deno.rename(`${root}/outside/a`, file);
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
    change: async (file, { root }) => {
      await Deno.rename(file, `${root}/outside/a`);
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
    change: async (_, { root, path }) => {
      await Deno.rename(`${path}/d`, `${root}/outside/d`);
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
      const { server } = await open(path, Date.now);
      await put(server.port).finally(() => server.close());
    },
    expected: NEW,
  },
  {
    name: "deleted through another server",
    change: async (_, { path }) => {
      const { server, ask } = await open(path, Date.now);
      await ask("DELETE /files/d/a").finally(() => server.close());
    },
    expected: 404,
  },
];

async function put(port: number): Promise<void> {
  using client = await RawClient.connect(port);
  await client.send(head("PUT /files/d/a", `Content-Length: ${NEW.length}`) + NEW);
  assertEquals((await client.readResponse()).status, 204);
}

for (const { name, change, expected, needs = [] } of CHANGES) {
  testWith(
    [...NEEDS, ...needs],
    `GET of a held file sees that it is ${name}`,
    () =>
      withHeldHouse(async (house) => {
        const { path, ask } = house;
        await Deno.mkdir(`${path}/d`);
        const file = `${path}/d/a`;
        await writeOld(file, OLD);
        assertEquals((await ask("GET /files/d/a")).text, OLD);
        assert(await isHeld(house, "d/a"));
        await change(file, house);
        const { status, text } = await ask("GET /files/d/a");
        assertEquals(typeof expected === "number" ? status : text, expected);
        assertEquals((await ask("HEAD /files/d/a")).status, status);
      }),
  );
}

testWith(
  NEEDS,
  "GET of a held file sees that it is no longer to be read",
  () =>
    withHeldHouse(async (house) => {
      const file = `${house.path}/a`;
      await writeOld(file, OLD);
      await house.ask("GET /files/a");
      assert(await isHeld(house, "a"));
      await nextSecond(file);
      await Deno.chmod(file, 0);
      const isReadable = await Deno.readTextFile(file).then(() => true, () => false); // By root.
      const { opened } = house.directory;
      assertEquals((await house.ask("GET /files/a")).status, isReadable ? 200 : 403);
      assertEquals(house.directory.opened, opened + 1);
    }),
);

testWith(
  NEEDS,
  "a file that was changed just now is not held",
  () =>
    withHeldHouse(async ({ path }) => {
      await writeOld(`${path}/a`, OLD);
      const { ctime } = await Deno.stat(`${path}/a`);
      const house = await open(path, () => ctime!.getTime() + 2999);
      await house.ask("GET /files/a");
      const held = await isHeld(house, "a");
      await house.server.close();
      assertEquals(held, false);
    }),
);

testWith(
  NEEDS,
  "a file that is written into again and again is sent as it is each time",
  () =>
    withHeldHouse(async ({ path }) => {
      const { server, ask } = await open(path, Date.now);
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
  "a held file is dropped while policy are slow, and comes back",
  () =>
    withHeldHouse(async (house) => {
      await writeOld(`${house.path}/a`, OLD);
      await house.ask("GET /files/a");
      assert(await isHeld(house, "a"));
      const { directory } = house;
      directory.fs.policy.measure(() => directory.now += 60);
      assert(!await isHeld(house, "a"));
      await Deno.writeTextFile(`${house.path}/a`, NEW);
      assertEquals((await house.ask("GET /files/a")).text, NEW);
      assert(!await isHeld(house, "a"));
      directory.now += 50 * 60;
      assert(!await isHeld(house, "a")); // From now on it is.
      assert(await isHeld(house, "a"));
    }),
);
