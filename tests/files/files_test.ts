// The handlers of /files on the real file system: what is found, what is refused, and that
// nothing outside the directory is ever read or touched.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DigestCheck } from "../../lib/files/digest.ts";
import { Root, splitName, temporaryName } from "../../lib/files/root.ts";
import { fileHandlers } from "../../lib/files/handlers.ts";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { hasCompressedEnding } from "../../lib/files/get.ts";
import { storeFile, type StoreOptions } from "../../lib/files/put.ts";
import { type Content, fromStream } from "../../lib/http/content.ts";
import { Fields } from "../../lib/http/fields.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/server.ts";
import { acquainted } from "../support/file_server.ts";
import { type Permission, testWith } from "../support/needs.ts";
import { RawClient, type RawResponse, toLatin1 } from "../support/raw_client.ts";
import { listTree, withDirectory } from "../support/temp.ts";

/** Storing without conditions. */
const PLAIN: StoreOptions = {
  conditions: { method: "PUT", fields: new Fields(), allowsReplace: true },
  digest: await DigestCheck.of(new Fields()),
  isDurable: false,
};

const NEEDS: readonly Permission[] = ["net", "read", "write"];

/** A served directory `in` beside a file that nobody outside may see or change. */
interface House {
  readonly inside: string;
  readonly outside: string;
  get(target: string): Promise<RawResponse>;
  post(target: string, text: string): Promise<RawResponse>;
  ask(text: string): Promise<RawResponse>;
}

async function withHouse(run: (house: House) => Promise<void>): Promise<void> {
  await withDirectory(async (path) => {
    const inside = `${path}/in`;
    await Deno.mkdir(inside);
    await Deno.writeTextFile(`${path}/secret`, "secret");
    const directory = await acquainted(new Root(inside));
    const server = serve(router(routes(fileHandlers(directory, DEFAULT_FILE_SETTINGS))), {
      port: 0,
    });
    const ask = async (text: string) => {
      using client = await RawClient.connect(server.port);
      await client.send(text);
      return await client.readResponse();
    };
    try {
      await run({
        inside,
        outside: path,
        ask,
        get: (target) => ask(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`),
        post: (target, text) =>
          ask(
            `POST ${target} HTTP/1.1\r\nHost: h\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
          ),
      });
      assertEquals(await Deno.readTextFile(`${path}/secret`), "secret");
      assertEquals((await listTree(path)).filter((each) => !each.startsWith("in/")), [
        "secret",
      ]);
    } finally {
      await server.close();
    }
  });
}

/** Names that would leave the directory, or are none. */
const ESCAPES = [
  "../secret",
  "..%2fsecret",
  "%2e%2e/secret",
  "%2e%2e%2fsecret",
  "..%5csecret",
  "..\\secret",
  "a/../../secret",
  "./../secret",
  "a/..",
  "..",
  ".",
  "./a",
  "/a",
  "//a",
  "a//b",
  "%2fetc%2fpasswd",
  "/etc/passwd",
  "a%2fb",
  "a%5cb",
  "a\\b",
  `${temporaryName()}`,
  "%2e%2e",
];

testWith(
  NEEDS,
  "the handlers of /files refuse every name that is none",
  () =>
    withHouse(async ({ inside, get, post }) => {
      await Deno.mkdir(`${inside}/a`);
      for (const name of ESCAPES) {
        assertEquals((await get(`/files/${name}`)).status, 404, `GET ${name}`);
        assertEquals((await post(`/files/${name}`, "x")).status, 400, `POST ${name}`);
      }
      assertEquals((await get("/files/a%00b")).status, 400);
      assertEquals((await post("/files/a%00b", "x")).status, 400);
      assertEquals(await listTree(inside), ["a/"]);
    }),
);

testWith(
  NEEDS,
  "the handlers of /files follow links inside the directory only",
  () =>
    withHouse(async ({ inside, outside, get, post }) => {
      await Deno.mkdir(`${inside}/real`);
      await Deno.writeTextFile(`${inside}/real/file`, "real");
      await Deno.symlink("real", `${inside}/directory`);
      await Deno.symlink("real/file", `${inside}/file`);
      assertEquals((await get("/files/directory/file")).text, "real");
      assertEquals((await get("/files/file")).text, "real");
      assertEquals((await post("/files/file", "changed")).status, 201);
      assertEquals((await post("/files/directory/more", "more")).status, 201);
      assertEquals(await Deno.readTextFile(`${inside}/real/file`), "changed");
      assertEquals((await Deno.lstat(`${inside}/file`)).isSymlink, true);

      await Deno.symlink(".", `${inside}/self`);
      assertEquals((await get("/files/self/real/file")).text, "changed");
      assertEquals((await post("/files/self/real/file", "again")).status, 201);
      assertEquals((await get("/files/real/file")).text, "again");

      await Deno.symlink("../secret", `${inside}/leak`);
      await Deno.symlink(outside, `${inside}/out`);
      await Deno.symlink(`${outside}/new`, `${inside}/dangling`);
      await Deno.symlink("loop", `${inside}/loop`);
      await Deno.symlink(`${inside}-evil`, `${inside}/prefix`);
      for (const name of ["leak", "out/secret", "dangling", "loop", "loop/a", "out", "prefix/a"]) {
        assertEquals((await get(`/files/${name}`)).status, 404, `GET ${name}`);
        const { status } = await post(`/files/${name}`, "x");
        assert(status === 403 || status === 409, `POST ${name}: ${status}`);
      }
      assertEquals((await post("/files/out/new", "x")).status, 403);
      assertEquals((await post("/files/out/new/er", "x")).status, 403);
      assertEquals((await post("/files/dangling/er", "x")).status, 403);
    }),
);

testWith(
  NEEDS,
  "the handlers of /files answer what stands in the way",
  () =>
    withHouse(async ({ inside, get, post }) => {
      await Deno.mkdir(`${inside}/directory`);
      await Deno.writeTextFile(`${inside}/file`, "file");
      assertEquals((await get("/files/file/below")).status, 404);
      assertEquals((await post("/files/directory", "x")).status, 409);
      assertEquals((await post("/files/file/below", "x")).status, 409);
      assertEquals((await post("/files/file/far/below", "x")).status, 409);
      const long = "n".repeat(256);
      assertEquals((await get(`/files/${long}`)).status, 404);
      assertEquals((await post(`/files/${long}`, "x")).status, 400);
      assertEquals((await post(`/files/${long}/below`, "x")).status, 400);
      assertEquals((await post(`/files/new/${long}`, "x")).status, 400);
      assertEquals(await listTree(inside), ["directory/", "file"]);
    }),
);

testWith(
  NEEDS,
  "the handlers of /files take names of any script, and directories that are missing",
  () =>
    withHouse(async ({ inside, get, post }) => {
      for (
        const name of [
          "å/ß/文件.txt",
          "a b+c&d",
          "100%",
          "?#",
          "new\nline",
          "-rf",
          "a:b",
        ]
      ) {
        const target = `/files/${name.split("/").map(encodeURIComponent).join("/")}`;
        assertEquals((await post(target, name.length.toString())).status, 201, name);
        assertEquals(await Deno.readTextFile(`${inside}/${name}`), name.length.toString());
        assertEquals((await get(target)).text, name.length.toString());
      }
    }),
);

testWith(
  [...NEEDS, "mkfifo"],
  "the handlers of /files do not wait for a pipe",
  () =>
    withHouse(async ({ inside, get, post }) => {
      await new Deno.Command("mkfifo", { args: [`${inside}/pipe`] }).output();
      assertEquals((await get("/files/pipe")).status, 404);
      assertEquals((await post("/files/pipe", "x")).status, 403);
    }),
);

testWith(
  NEEDS,
  "writers of one name at the same time leave one file, whole",
  () =>
    withHouse(async ({ inside, post }) => {
      const texts = Array.from(
        { length: 16 },
        (_, each) => String.fromCharCode(97 + each).repeat(70_000),
      );
      const responses = await Promise.all(texts.map((text) => post("/files/deep/er/name", text)));
      assertEquals(responses.map(({ status }) => status), texts.map(() => 201));
      assert(texts.includes(await Deno.readTextFile(`${inside}/deep/er/name`)));
      assertEquals(await listTree(inside), ["deep/", "deep/er/", "deep/er/name"]);
    }),
);

testWith(
  NEEDS,
  "storeFile() takes everything back where the content breaks off, whoever else writes",
  () =>
    withDirectory(async (path) => {
      const directory = await acquainted(new Root(path));
      const broken = () => {
        let isFirst = true;
        return fromStream(
          new ReadableStream({
            pull(controller) {
              if (isFirst) controller.enqueue(new Uint8Array(10));
              else controller.error(new Error("gone"));
              isFirst = false;
            },
          }),
        );
      };
      await assertRejects(() => storeFile(directory, "a/b/c", broken(), PLAIN), Error, "gone");
      assertEquals(await listTree(path), []);
      for (let round = 0; round < 20; round++) {
        const names = ["a/b/c", "a/b/d", "a/e", "a/b/c/f", "a/g/h", "a/b/i/j"];
        await Promise.allSettled(names.map((name) => storeFile(directory, name, broken(), PLAIN)));
        assertEquals(await listTree(path), []);
      }

      const good = () => fromStream(ReadableStream.from([new Uint8Array(10)]));
      for (let round = 0; round < 20; round++) {
        const results = await Promise.allSettled([
          storeFile(directory, "a/b/broken", broken(), PLAIN),
          storeFile(directory, "a/b/good", good(), PLAIN),
          storeFile(directory, "a/other", good(), PLAIN),
        ]);
        assertEquals(results.map(({ status }) => status), ["rejected", "fulfilled", "fulfilled"]);
        assertEquals(await listTree(path), ["a/", "a/b/", "a/b/good", "a/other"]);
        await Deno.remove(`${path}/a`, { recursive: true });
      }
    }),
);

testWith(
  NEEDS,
  "storeFile() leaves the old file untouched where the content breaks off",
  () =>
    withDirectory(async (path) => {
      await Deno.writeTextFile(`${path}/a`, "old");
      const broken: Content = fromStream(
        new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) }),
      );
      const directory = await acquainted(new Root(path));
      await assertRejects(() => storeFile(directory, "a", broken, PLAIN), Error, "gone");
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await listTree(path), ["a"]);
    }),
);

testWith(
  NEEDS,
  "a link planted again and again never lets anything out or in",
  () =>
    withHouse(async ({ inside, outside, get, post }) => {
      await Deno.mkdir(`${inside}/real`);
      await Deno.writeTextFile(`${inside}/real/secret`, "public");
      await Deno.symlink(outside, `${inside}/evil`);
      await Deno.symlink("real", `${inside}/door`);
      let isOver = false;
      const plant = (async () => {
        for (let turn = 0; !isOver; turn++) {
          await Deno.symlink(turn % 2 === 0 ? outside : "real", `${inside}/next`);
          await Deno.rename(`${inside}/next`, `${inside}/door`);
        }
      })();
      for (let round = 0; round < 200; round++) {
        const { status, text } = await get("/files/door/secret");
        assert(status === 404 || text === "public", text);
        assert([201, 403, 409].includes((await post("/files/door/new", "x")).status));
      }
      isOver = true;
      await plant;
    }),
);

testWith(
  NEEDS,
  "a file that is cut while it is sent cuts the connection, coded or not",
  () =>
    withHouse(async ({ inside }) => {
      const bytes = new Uint8Array(16 * 1024 * 1024);
      for (let at = 0; at < bytes.length; at += 65536) {
        crypto.getRandomValues(bytes.subarray(at, at + 65536));
      }
      const errors: unknown[] = [];
      const directory = await acquainted(new Root(inside));
      const handler = router(routes(fileHandlers(directory, DEFAULT_FILE_SETTINGS)));
      const server = serve(handler, {
        port: 0,
        observer: { onError: (error) => errors.push(error) },
      });
      for (const coding of ["identity", "gzip"]) {
        await Deno.writeFile(`${inside}/large`, bytes);
        using client = await RawClient.connect(server.port);
        await client.send(
          `GET /files/large HTTP/1.1\r\nHost: h\r\nAccept-Encoding: ${coding}\r\n\r\n`,
        );
        await client.read(100);
        await Deno.truncate(`${inside}/large`, 1000);
        const received = await client.readToEnd();
        assert(received.length < bytes.length);
        assert(!toLatin1(received.slice(-5)).includes("0\r\n\r\n"));
      }
      await server.close();
      assertEquals(errors, []);
    }),
);

testWith(
  NEEDS,
  "an upload by HTTP/1.0 without its length is 411 rather than an empty file",
  () =>
    withHouse(async ({ inside, ask }) => {
      assertEquals((await ask("POST /files/a HTTP/1.0\r\n\r\nabc")).status, 411);
      assertEquals(await listTree(inside), []);
    }),
);

testWith(
  NEEDS,
  "storeFile() writes small and large pieces in their order",
  () =>
    withDirectory(async (path) => {
      const sizes = [1, 40_000, 3, 70_000, 30_000, 30_000, 30_000, 0, 5, 65_536, 32_768, 32_769, 1];
      let next = 0;
      const pieces = sizes.map((size) => Uint8Array.from({ length: size }, () => next++ % 251));
      const content = fromStream(ReadableStream.from(pieces));
      await storeFile(await acquainted(new Root(path)), "a", content, PLAIN);
      assertEquals(await Deno.readFile(`${path}/a`), await new Blob(pieces).bytes());
    }),
);

testWith(
  ["read", "write"],
  "Root takes what is a directory, and nothing else",
  () =>
    withDirectory(async (path) => {
      await Deno.writeTextFile(`${path}/file`, "");
      await Deno.symlink(path, `${path}/link`);
      assertEquals(new Root(`${path}/`).path, path);
      assertEquals(new Root(`${path}/link`).path, path);
      assertThrows(() => new Root(`${path}/file`), Deno.errors.NotADirectory);
      assertThrows(() => new Root(`${path}/none`), Deno.errors.NotFound);
    }),
);

Deno.test("splitName() takes names apart, and refuses what is none", () => {
  assertEquals(splitName("a/b c/.d", true), ["a", "b c", ".d"]);
  for (
    const name of [
      "",
      "/",
      "a/",
      "/a",
      "a//b",
      ".",
      "..",
      "a/../b",
      "a\\b",
      "a\0b",
      temporaryName(),
    ]
  ) {
    assertEquals(splitName(name, true), null, name);
  }
  assert(temporaryName() !== temporaryName());
});

Deno.test("hasCompressedEnding() judges by the last ending, whatever its case", () => {
  for (const name of ["a.png", "a.JPG", "a.tar.gz", "a.b/c.zip", ".gz"]) {
    assert(hasCompressedEnding(name), name);
  }
  for (const name of ["a.txt", "gz", "a.gz.txt", "a.", "png/a", "a.svg", ""]) {
    assert(!hasCompressedEnding(name), name);
  }
});
