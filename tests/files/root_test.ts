// Names and containment: what is found, what is refused, and that nothing outside the directory is
// read or written.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { FileContent } from "../../lib/files/file_body.ts";
import { Root, splitName, temporaryName } from "../../lib/files/root.ts";
import { collect } from "../../lib/http/content.ts";
import { StatusError } from "../../lib/http/status.ts";
import { NEEDS, probed, withFileServer, withWritable } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import type { RawResponse } from "../support/raw_client.ts";
import { listTree, withDirectory } from "../support/temp.ts";

/** A served directory beside a file that no client may see or change. */
interface Guarded {
  readonly inside: string;
  readonly outside: string;
  get(target: string): Promise<RawResponse>;
  post(target: string, body: string): Promise<RawResponse>;
}

async function withSecret(run: (server: Guarded) => Promise<void>): Promise<void> {
  await withFileServer(async ({ path, parent, ask }) => {
    await Deno.writeTextFile(`${parent}/secret`, "secret");
    await run({
      inside: path,
      outside: parent,
      get: (target) => ask(`GET ${target}`),
      post: (target, body) => ask(`POST ${target}`, { body }),
    });
    assertEquals(await Deno.readTextFile(`${parent}/secret`), "secret");
    const outside = (await listTree(parent)).filter((each) => !each.startsWith("served/"));
    assertEquals(outside, ["secret"]);
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
  "GET is 404, POST 400 when a name is not allowed",
  () =>
    withSecret(async ({ inside, get, post }) => {
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
  "GET and POST follow links inside the directory only",
  () =>
    withSecret(async ({ inside, outside, get, post }) => {
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
  "GET is 404, POST 409 or 400 when the path is blocked or too long",
  () =>
    withSecret(async ({ inside, get, post }) => {
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
  "POST accepts names in any script, and creates missing directories",
  () =>
    withSecret(async ({ inside, get, post }) => {
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
  "GET and POST do not wait for a pipe",
  () =>
    withSecret(async ({ inside, get, post }) => {
      await new Deno.Command("mkfifo", { args: [`${inside}/pipe`] }).output();
      assertEquals((await get("/files/pipe")).status, 404);
      assertEquals((await post("/files/pipe", "x")).status, 403);
    }),
);

testWith(
  NEEDS,
  "nothing outside is read or written when a link is swapped all the time",
  () =>
    withSecret(async ({ inside, outside, get, post }) => {
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
        assert(status === 404 || status === 503 || text === "public", text);
        assert([201, 403, 409].includes((await post("/files/door/new", "x")).status));
      }
      isOver = true;
      await plant;
    }),
);

/** Exchanges two names as fast as it can, with pauses of different lengths, until it is killed. */
const EXCHANGE = `
import ctypes, random, sys
libc = ctypes.CDLL(None, use_errno=True)
one, other = (each.encode() for each in sys.argv[1:])
while True:
    if libc.renameat2(-100, one, -100, other, 2) != 0: sys.exit(1)
    for _ in range(random.randrange(50)): pass
`;

testWith(
  [...NEEDS, "linux", "python3"],
  "nothing outside is read when a directory and a link are exchanged all the time",
  () =>
    withSecret(async ({ inside, outside }) => {
      await Deno.mkdir(`${inside}/door`);
      await Deno.writeTextFile(`${inside}/door/secret`, "public");
      await Deno.symlink(outside, `${inside}/link`);
      const root = await probed(new Root(inside));
      const args = ["-c", EXCHANGE, `${inside}/door`, `${inside}/link`];
      const attacker = new Deno.Command("python3", { args }).spawn();
      const end = performance.now() + 3000;
      while (performance.now() < end) {
        // Contested for too long, it is 503.
        const open = await root.openFile("door/secret").catch((error) => {
          assert(error instanceof StatusError, String(error));
        });
        if (!open) continue;
        const bytes = await collect(new FileContent(open), 100);
        assertEquals(new TextDecoder().decode(bytes), "public");
      }
      attacker.kill("SIGKILL");
      await attacker.status;
    }),
);

testWith(
  [...NEEDS, "linux", "python3"],
  "nothing outside is moved, deleted or found when a directory and a link are exchanged",
  () =>
    withDirectory((outside) =>
      withWritable(async ({ path, ask, errors }) => {
        await Deno.mkdir(`${outside}/folder`);
        for (const name of ["secret", "folder/a"]) {
          await Deno.writeTextFile(`${outside}/${name}`, "secret");
        }
        await Deno.mkdir(`${path}/door/folder`, { recursive: true });
        await Deno.writeTextFile(`${path}/public`, "public");
        await Deno.symlink(outside, `${path}/link`);
        const args = ["-c", EXCHANGE, `${path}/door`, `${path}/link`];
        const attacker = new Deno.Command("python3", { args }).spawn();
        const end = performance.now() + 5000;
        while (performance.now() < end) {
          // Outside there are such names already.
          await Deno.link(`${path}/public`, `${path}/door/secret`).catch(() => {});
          await Deno.mkdir(`${path}/door/folder`).catch(() => {});
          await ask("MOVE /door/secret", { headers: ["Destination: /taken"] });
          await ask("DELETE /door/folder/");
          const taken = await ask("GET /taken");
          assert(taken.status !== 200 || taken.text === "public", taken.text);
          await ask("DELETE /taken");
          const { text } = await ask("GET /?q=secre", { headers: ["Accept: text/plain"] });
          assert(text.split("\n").every((each) => !each || /^(?:door|link)\/secret$/.test(each)));
          for (const kind of ["tar", "zip"]) {
            const archive = await ask(`GET /?${kind}`).catch(() => null);
            assert(!archive?.text.includes("folder/a"));
          }
        }
        attacker.kill("SIGKILL");
        await attacker.status;
        errors.splice(0);
        assertEquals(await listTree(outside), ["folder/", "folder/a", "secret"]);
        for (const name of ["secret", "folder/a"]) {
          assertEquals(await Deno.readTextFile(`${outside}/${name}`), "secret");
        }
      }, { settings: { listsAsText: true } })
    ),
);

testWith(
  ["read", "write"],
  "Root accepts directories only",
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

Deno.test("splitName() splits names, and is null for those that are not allowed", () => {
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

testWith(
  ["read", "write"],
  "Root.probe() says what is wrong with the directory",
  () =>
    withDirectory(async (path) => {
      await Deno.mkdir(`${path}/served`);
      const root = new Root(`${path}/served`);
      assertEquals(await Promise.all([root.probe(), root.probe()]), [null, null]);
      await Deno.remove(`${path}/served`);
      assertEquals(await root.probe(), "missing");
      await Deno.writeTextFile(`${path}/served`, "");
      assertEquals(await root.probe(), "missing");
      await Deno.remove(`${path}/served`);
      await Deno.symlink(path, `${path}/served`);
      assertEquals(await root.probe(), "missing");
      await Deno.remove(`${path}/served`);
      await Deno.mkdir(`${path}/served`);
      assertEquals(await root.probe(), null);
      await Deno.remove(path, { recursive: true });
      await Deno.writeTextFile(path, "");
      assertEquals(await root.probe(), "failing");
      await Deno.remove(path);
      await Deno.mkdir(path);
    }),
);
