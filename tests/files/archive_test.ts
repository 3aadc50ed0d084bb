// ?zip and ?tar, unpacked by unzip and tar.

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  BYTES,
  CHANGED,
  type Fixture,
  makeBytes,
  NEEDS,
  withFileServer,
  withWritable,
} from "../support/file_server.ts";
import { type Need, testWith } from "../support/needs.ts";
import { request } from "../support/request.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const KINDS = ["zip", "tar"] as const;

/** Unpacks an archive with the program that everybody has, which checks it. */
async function unpack(kind: "zip" | "tar", file: string, directory: string): Promise<void> {
  const [program, ...args] = kind === "zip"
    ? ["unzip", "-q", file, "-d", directory]
    : ["tar", "-xf", file, "-C", directory];
  const { code, stderr } = await new Deno.Command(program!, {
    args,
    env: { LC_ALL: "C.UTF-8", TZ: "Pacific/Chatham" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
}

/** Downloads an archive and unpacks it to a new directory. */
async function download(
  { ask, parent }: Fixture,
  kind: "zip" | "tar",
  target: string,
): Promise<string> {
  const { status, content, fields } = await ask(`GET ${target}`);
  assertEquals(status, 200, target);
  assertEquals(
    fields.get("content-type"),
    kind === "zip" ? "application/zip" : "application/x-tar",
  );
  const directory = await Deno.makeTempDir({ dir: parent });
  await Deno.writeFile(`${directory}.${kind}`, content);
  await unpack(kind, `${directory}.${kind}`, directory);
  return directory;
}

const NAMES = [
  "a",
  "å €.txt",
  "e\u0301",
  "quote\"'",
  "new\nline",
  "-rf",
  "C:x",
  "#%?&",
  "n".repeat(255),
  "😀",
];

async function writeTree(path: string): Promise<void> {
  await Deno.mkdir(`${path}/in/deep/empty`, { recursive: true });
  await Deno.mkdir(`${path}/in/.hidden`);
  for (const name of NAMES) await Deno.writeTextFile(`${path}/in/${name}`, name);
  await Deno.writeTextFile(`${path}/in/nothing`, "");
  await Deno.writeFile(`${path}/in/deep/large`, makeBytes(3_000_001));
  await Deno.writeTextFile(`${path}/in/.hidden/a`, "hidden");
  await Deno.symlink("a", `${path}/in/link`);
  await Deno.symlink("..", `${path}/in/deep/loop`);
  await Deno.symlink("/etc", `${path}/in/out`);
  await Deno.symlink("/etc/passwd", `${path}/in/leak`);
  for (const name of ["in/a", "in/deep/large", "in/deep/empty"]) {
    await Deno.utime(`${path}/${name}`, CHANGED, CHANGED);
  }
}

for (const kind of KINDS) {
  const needs: readonly Need[] = [...NEEDS, "run", kind === "zip" ? "unzip" : "tar"];

  testWith(
    needs,
    `GET with ?${kind} sends a folder with everything that clients may see`,
    () =>
      withWritable(async (server) => {
        await writeTree(server.path);
        const directory = await download(server, kind, `/in/?${kind}`);
        assertEquals(
          await listTree(directory),
          [
            "in/",
            // unzip leaves out what would change a terminal.
            ...NAMES.map((name) => `in/${kind === "zip" ? name.replace("\n", "") : name}`),
            "in/link",
            "in/nothing",
            "in/deep/",
            "in/deep/empty/",
            "in/deep/large",
          ].sort(),
        );
        for (const name of NAMES.filter((each) => kind === "tar" || !each.includes("\n"))) {
          assertEquals(await Deno.readTextFile(`${directory}/in/${name}`), name);
        }
        assertEquals(await Deno.readFile(`${directory}/in/deep/large`), makeBytes(3_000_001));
        assertEquals((await Deno.lstat(`${directory}/in/link`)).isFile, true);
        for (const name of ["in/a", "in/deep/large", "in/deep/empty"]) {
          const { mtime } = await Deno.stat(`${directory}/${name}`);
          assertEquals(mtime!.getTime(), Math.floor(CHANGED.getTime() / 1000) * 1000, name);
        }
      }),
  );

  testWith(
    needs,
    `GET with ?${kind} sends a selection, and the served folder itself`,
    () =>
      withWritable(async (server) => {
        await writeTree(server.path);
        const some = await download(
          server,
          kind,
          `/in/?${kind}&name=a&name=deep&name=%C3%A5%20%E2%82%AC.txt`,
        );
        assertEquals(await listTree(some), ["a", "deep/", "deep/empty/", "deep/large", "å €.txt"]);
        const all = await download(server, kind, `/?${kind}`);
        assertEquals((await listTree(all)).length, NAMES.length + 6);
        const none = await download(server, kind, `/in/deep/empty/?${kind}`);
        assertEquals(await listTree(none), ["empty/"]);
        for (const name of ["none", "..", ".hidden", "deep/large", "out", "leak", ""]) {
          const target = `/in/?${kind}&name=a&name=${encodeURIComponent(name)}`;
          assertEquals((await server.ask(`GET ${target}`)).status, 404, name);
        }
        assertEquals((await server.ask(`GET /none/?${kind}`)).status, 404);
      }),
  );
}

testWith(
  NEEDS,
  "GET with ?zip names the archive after the folder",
  () =>
    withFileServer(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/a "å"`);
      const names: [target: string, disposition: RegExp][] = [
        ["/files/?zip", /^attachment; filename="?files\.zip"?$/],
        ["/files/?tar", /^attachment; filename="?files\.tar"?$/],
        ["/files/a%20%22%C3%A5%22/?tar", /filename\*=UTF-8''a%20%22%C3%A5%22\.tar/],
      ];
      for (const [target, disposition] of names) {
        for (const method of ["GET", "HEAD"]) {
          const { status, fields } = await ask(`${method} ${target}`);
          assertEquals(status, 200);
          assertMatch(fields.get("content-disposition")!, disposition);
        }
      }
      const { status, fields } = await ask("GET /files/a%20%22%C3%A5%22?zip");
      assertEquals([status, fields.get("location")], [308, "/files/a%20%22%C3%A5%22/?zip"]);
    }),
);

testWith(
  NEEDS,
  "GET with ?zip is 503 for a client with many archives, and then 200",
  () =>
    withWritable(async ({ path, ask, connect }) => {
      for (let at = 0; at < 8; at++) await Deno.writeFile(`${path}/f${at}`, makeBytes(4_000_000));
      const clients = await Promise.all(Array.from({ length: 4 }, () => connect()));
      for (const client of clients) {
        await client.send(request("GET /?tar"));
        await client.read(1);
      }
      const { status, fields } = await ask("GET /?zip");
      assertEquals([status, fields.get("retry-after")], [503, "5"]);
      for (const client of clients) client.close();
      await until(async () => (await ask("HEAD /?zip")).status === 200);
    }),
);

for (const kind of KINDS) {
  testWith(
    NEEDS,
    `GET with ?${kind} cuts the connection when a file is truncated meanwhile`,
    () =>
      withWritable(async ({ path, connect, errors }) => {
        await Deno.writeFile(`${path}/a`, BYTES);
        // More than fits into the buffers of the system.
        for (const name of ["b", "c"]) {
          await Deno.truncate(await touch(`${path}/${name}`), 30_000_000);
        }
        using client = await connect();
        await client.send(request(`GET /?${kind}`));
        await client.read(1000);
        await Deno.truncate(`${path}/c`, 1000);
        await Deno.truncate(`${path}/b`, 10_000_000);
        // A reset is as good as an end.
        const rest = await client.readToEnd().catch(() => new Uint8Array(0));
        assert(rest.length < 60_000_000);
        assert(new TextDecoder().decode(rest.subarray(-5)) !== "0\r\n\r\n", "it ended as if whole");
        assertEquals(errors, []);
      }),
  );
}

async function touch(path: string): Promise<string> {
  await Deno.writeTextFile(path, "");
  return path;
}

testWith(
  [...NEEDS, "run", "curl", "unzip"],
  "?zip of a folder that changes all the time is a whole archive, or cut",
  () =>
    withDirectory((local) =>
      withWritable(async ({ path, port }) => {
        await Deno.mkdir(`${path}/in`);
        for (let at = 0; at < 200; at++) await Deno.writeTextFile(`${path}/in/f${at}`, "x");
        let isOver = false;
        const change = (async () => {
          for (let at = 0; !isOver; at = (at + 1) % 200) {
            await Deno.remove(`${path}/in/f${at}`);
            await Deno.writeTextFile(`${path}/in/f${at}`, "xx");
          }
        })();
        const file = `${local}/a.zip`;
        const args = ["-sSf", "-o", file, `http://127.0.0.1:${port}/in/?zip`];
        const { code } = await new Deno.Command("curl", { args }).output();
        isOver = true;
        await change;
        if (code === 18) return; // A file was replaced whenever it was opened.
        assertEquals(code, 0);
        await Deno.mkdir(`${local}/out`);
        await unpack("zip", file, `${local}/out`);
      })
    ),
);

const SLOW = "WIRESERVE_SLOW_TESTS";

function isSlowAllowed(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: SLOW });
  return state === "granted" && Deno.env.get(SLOW) !== undefined;
}

/** A file of 4 GiB and one byte, most of which takes no room, between two small ones. */
async function checkLargeFiles(kind: "zip" | "tar"): Promise<void> {
  await withDirectory((local) =>
    withWritable(async ({ path, port }) => {
      await Deno.writeTextFile(`${path}/a`, "a");
      await Deno.truncate(await touch(`${path}/b`), 4 * 1024 ** 3);
      await Deno.writeTextFile(`${path}/b`, "b", { append: true });
      await Deno.writeTextFile(`${path}/c`, "c");
      const archive = `${local}/archive.${kind}`;
      const url = `http://127.0.0.1:${port}/?${kind}`;
      const run = async (program: string, ...args: string[]) => {
        const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
        assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], program);
        return new TextDecoder().decode(stdout);
      };
      await run("curl", "-sSf", "-o", archive, url);
      const listed = kind === "zip"
        ? await run("unzip", "-l", archive)
        : await run("tar", "-tvf", archive);
      assertMatch(listed, /4294967297 .* b\n/);
      if (kind === "zip") assertMatch(await run("unzip", "-t", archive), /No errors detected/);
      await run(
        kind === "zip" ? "unzip" : "tar",
        ...(kind === "zip"
          ? ["-q", archive, "c", "-d", local]
          : ["-xf", archive, "-C", local, "c"]),
      );
      assertEquals(await Deno.readTextFile(`${local}/c`), "c");
    })
  );
}

for (const kind of KINDS) {
  const name = `?${kind} has files of more than 4 GiB`;
  if (isSlowAllowed()) {
    testWith(
      [...NEEDS, "run", "curl", kind === "zip" ? "unzip" : "tar"],
      name,
      () => checkLargeFiles(kind),
    );
  } else {
    Deno.test({ name: `${name} (ignored: slow, set ${SLOW})`, ignore: true, fn: () => {} });
  }
}
