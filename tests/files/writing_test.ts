// Writing /files through a live server: what is created, replaced and deleted, under which
// conditions and with which digests, who wins a race, and what a sweep takes away.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Directory } from "../../lib/files/directory.ts";
import { fileHandlers } from "../../lib/files/handlers.ts";
import { temporaryName } from "../../lib/files/names.ts";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "../../lib/files/settings.ts";
import { sweep } from "../../lib/files/sweep.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/listener.ts";
import { type Permission, testWith } from "../support/needs.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { listTree, withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const NEEDS: readonly Permission[] = ["net", "read", "write"];

/** A directory, and a server for it. */
interface House {
  readonly path: string;
  readonly port: number;
  /** Asks for a target by a method, with content (null for none) and lines of fields. */
  ask(request: string, content?: string | null, ...lines: string[]): Promise<RawResponse>;
}

/** After the run, nothing that is temporary may be left, and no fault of the server's. */
async function withHouse(
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

async function askAt(
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

function head(request: string, ...lines: string[]): string {
  return [`${request} HTTP/1.1`, "Host: h", ...lines, "", ""].join("\r\n");
}

const CHANGED = new Date(Date.UTC(2020, 10, 20, 9, 0, 0, 500));
const SAME = "Fri, 20 Nov 2020 09:00:00 GMT";
const EARLIER = "Fri, 20 Nov 2020 08:59:59 GMT";

/** Writes the file `a`, as it was long ago. */
async function writeOld(path: string): Promise<void> {
  await Deno.writeTextFile(`${path}/a`, "old");
  await Deno.utime(`${path}/a`, CHANGED, CHANGED);
}

async function etagOf({ ask }: House, target: string): Promise<string> {
  return (await ask(`GET ${target}`)).fields.get("etag")!;
}

// --- What is stored

for (const isDurable of [true, false]) {
  testWith(
    NEEDS,
    `uploads are stored and told of, ${isDurable ? "durable" : "fast"}`,
    () =>
      withHouse(async ({ path, ask }) => {
        const requests: [request: string, content: string, status: number][] = [
          ["POST /files/a", "one", 201],
          ["POST /files/a", "two!", 201],
          ["PUT /files/a", "three", 204],
          ["PUT /files/b%20c/d/e?x=y", "four", 201],
          ["PUT /files/b%20c/d/e", "", 204],
          ["POST /files/b%20c/f", "", 201],
          ["PUT /files/large", "large".repeat(50_000), 201],
        ];
        for (const [request, content, status] of requests) {
          const response = await ask(request, content);
          assertEquals(response.status, status, request);
          const target = request.split(/[ ?]/)[1]!;
          if (status === 201) assertEquals(response.fields.get("location"), target);
          const stored = await ask(`GET ${target}`);
          assertEquals(stored.text, content, request);
          for (const name of ["etag", "last-modified"]) {
            assertMatch(response.fields.get(name) ?? "", /./, `${request}: ${name}`);
            assertEquals(response.fields.get(name), stored.fields.get(name), `${request}: ${name}`);
          }
        }
        const names = ["a", "b c/", "b c/d/", "b c/d/e", "b c/f", "large"];
        assertEquals(await listTree(path), names);
      }, { isDurable }),
  );
}

testWith(NEEDS, "chunked content is stored, too", () =>
  withHouse(async ({ path, port }) => {
    using client = await RawClient.connect(port);
    await client.send(head("PUT /files/a", "Transfer-Encoding: chunked"));
    await client.send("3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX: y\r\n\r\n");
    assertEquals((await client.readResponse()).status, 201);
    assertEquals(await Deno.readTextFile(`${path}/a`), "abcdefg");
  }));

testWith(
  NEEDS,
  "an upload that breaks off leaves the old file, and nothing else",
  () =>
    withHouse(async ({ path, port }) => {
      await writeOld(path);
      for (const target of ["/files/a", "/files/new/b"]) {
        const client = await RawClient.connect(port);
        await client.send(head(`PUT ${target}`, "Content-Length: 10") + "12345");
        await until(async () => await countParts(path) === 1);
        client.close();
        await until(async () => (await treeOf(path)).length === 1);
        assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      }
    }),
);

// --- Deleting

testWith(
  NEEDS,
  "DELETE removes a file, and nothing but a file",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in`);
      for (const name of ["a", "in/å", ".env", temporaryName()]) {
        await Deno.writeTextFile(`${path}/${name}`, name);
      }
      const requests: [target: string, status: number][] = [
        ["a", 204],
        ["a", 404],
        ["in", 409],
        ["in/%C3%A5", 204],
        ["in/none", 404],
        ["none/none", 404],
        ["in%2fb", 404],
        [".env", 404],
        ["..", 404],
        ["", 404],
        ["n".repeat(256), 404],
      ];
      for (const [target, status] of requests) {
        assertEquals((await ask(`DELETE /files/${target}`)).status, status, target);
      }
      assertEquals((await ask("DELETE /files")).status, 405);
      const [hidden, temporary] = await listTree(path);
      assertEquals((await ask(`DELETE /files/${temporary}`)).status, 404);
      assertEquals(hidden, ".env");
      await Deno.remove(`${path}/${temporary}`);
      assertEquals(await listTree(path), [".env", "in/"]);
    }, { allowsDelete: true }),
);

testWith(NEEDS, "DELETE is 404 for what is below a file", () =>
  withHouse(async ({ path, ask }) => {
    await writeOld(path);
    assertEquals((await ask("DELETE /files/a/b")).status, 404);
    assertEquals((await ask("DELETE /files/a/b/c")).status, 404);
  }, { allowsDelete: true }));

testWith(
  NEEDS,
  "DELETE takes a link away rather than what it leads to, and none that leads out",
  () =>
    withDirectory((outside) =>
      withHouse(async ({ path, ask }) => {
        await Deno.writeTextFile(`${outside}/secret`, "secret");
        await writeOld(path);
        await Deno.symlink("a", `${path}/link`);
        await Deno.symlink(outside, `${path}/out`);
        assertEquals((await ask("DELETE /files/link")).status, 204);
        assertEquals((await ask("DELETE /files/out/secret")).status, 404);
        assertEquals(await Deno.readTextFile(`${path}/a`), "old");
        assertEquals(await listTree(outside), ["secret"]);
      }, { allowsDelete: true })
    ),
);

testWith(NEEDS, "DELETE heeds conditions", () =>
  withHouse(async (house) => {
    const { path, ask } = house;
    await writeOld(path);
    const etag = await etagOf(house, "/files/a");
    const lines: [target: string, line: string, status: number][] = [
      ["a", 'If-Match: "x"', 412],
      ["a", `If-Match: W/${etag}`, 412],
      ["a", `If-Unmodified-Since: ${EARLIER}`, 412],
      ["a", "If-None-Match: *", 412],
      ["none", "If-Match: *", 412],
      ["a", `If-Match: ${etag}`, 204],
    ];
    for (const [target, line, status] of lines) {
      assertEquals((await ask(`DELETE /files/${target}`, null, line)).status, status, line);
    }
    await writeOld(path);
    const { status } = await ask("DELETE /files/a", null, `If-Unmodified-Since: ${SAME}`);
    assertEquals([status, await listTree(path)], [204, []]);
  }, { allowsDelete: true }));

testWith(NEEDS, "of simultaneous DELETEs, one deletes", () =>
  withHouse(async ({ path, ask }) => {
    await writeOld(path);
    const answers = Array.from({ length: 20 }, () => ask("DELETE /files/a"));
    const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
    assertEquals(statuses, [204, ...Array(19).fill(404)]);
  }, { allowsDelete: true }));

// --- What is allowed

/** Settings, the methods that are refused, and Allow. */
const ALLOWED: [changes: Partial<FileSettings>, refused: string[], allow: string[]][] = [
  [{}, ["DELETE", "PATCH"], ["GET", "HEAD", "POST", "PUT", "OPTIONS"]],
  [{ allowsDelete: true }, ["PATCH"], ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]],
  [{ isReadOnly: true }, ["POST", "PUT", "DELETE"], ["GET", "HEAD", "OPTIONS"]],
  [
    { isReadOnly: true, allowsDelete: true },
    ["POST", "PUT", "DELETE"],
    ["GET", "HEAD", "OPTIONS"],
  ],
];

testWith(NEEDS, "what the settings do not allow is 405 and not in Allow", async () => {
  for (const [changes, refused, allow] of ALLOWED) {
    await withHouse(async ({ path, ask }) => {
      await writeOld(path);
      const check = ({ status, fields }: RawResponse, expected: number) => {
        assertEquals(status, expected, JSON.stringify(changes));
        assertEquals(fields.get("allow")!.split(", ").sort(), allow.toSorted());
      };
      for (const method of refused) check(await ask(`${method} /files/a`, "new"), 405);
      for (const method of refused) check(await ask(`${method} /files/none`, "new"), 405);
      check(await ask("OPTIONS /files/a"), 204);
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await listTree(path), ["a"]);
    }, changes);
  }
});

testWith(
  NEEDS,
  "what may not be replaced is 409, what is new is 201",
  () =>
    withHouse(async ({ path, ask }) => {
      await writeOld(path);
      for (const method of ["POST", "PUT"]) {
        assertEquals((await ask(`${method} /files/a`, "new")).status, 409, method);
        assertEquals((await ask(`${method} /files/${method}`, "new")).status, 201, method);
        assertEquals((await ask(`${method} /files/${method}`, "newer")).status, 409, method);
        assertEquals(await Deno.readTextFile(`${path}/${method}`), "new");
      }
      assertEquals((await ask("PUT /files/a", "new", "If-None-Match: *")).status, 412);
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
    }, { allowsReplace: false }),
);

// --- Races

/** Uploads of one name at the same time: once all are let in by their heads, all content. */
async function race(
  { path, port }: House,
  request: string,
  ...lines: string[]
): Promise<{ statuses: number[]; texts: string[] }> {
  const texts = Array.from(
    { length: 20 },
    (_, each) => String.fromCharCode(97 + each).repeat(9999),
  );
  const clients = await Promise.all(texts.map(() => RawClient.connect(port)));
  const framing = `Content-Length: ${texts[0]!.length}`;
  await Promise.all(clients.map((client) => client.send(head(request, framing, ...lines))));
  await until(async () => await countParts(path) === texts.length);
  const answers = clients.map(async (client, each) => {
    await client.trySend(texts[each]!);
    return (await client.readResponse()).status;
  });
  const statuses = await Promise.all(answers);
  for (const client of clients) client.close();
  return { statuses, texts };
}

async function countParts(path: string): Promise<number> {
  return (await treeOf(path)).filter((each) => each.endsWith(".part")).length;
}

/** The tree, or nothing where a folder goes while it is looked into. */
async function treeOf(path: string): Promise<string[]> {
  return await listTree(path).catch(() => []);
}

/** What refuses all creators but one. */
const CREATORS: [request: string, lines: string[], changes: Partial<FileSettings>, lost: number][] =
  [
    ["PUT /files/in/a", ["If-None-Match: *"], {}, 412],
    ["POST /files/a", ["If-None-Match: *"], {}, 412],
    ["PUT /files/in/a", [], { allowsReplace: false }, 409],
    ["POST /files/a", [], { allowsReplace: false }, 409],
  ];

for (const [request, lines, changes, lost] of CREATORS) {
  const name = `${request} ${lines}${JSON.stringify(changes)}`;
  testWith(
    NEEDS,
    `of simultaneous creators one wins, the others get ${lost}: ${name}`,
    () =>
      withHouse(async (house) => {
        const { statuses, texts } = await race(house, request, ...lines);
        assertEquals(statuses.toSorted(), [201, ...Array(19).fill(lost)]);
        const stored = await Deno.readTextFile(`${house.path}/${request.split("/files/")[1]}`);
        assertEquals(stored, texts[statuses.indexOf(201)]);
      }, changes),
  );
}

testWith(
  NEEDS,
  "of simultaneous writers without conditions one is left, whole",
  () =>
    withHouse(async (house) => {
      const { statuses, texts } = await race(house, "PUT /files/a");
      assertEquals(statuses.toSorted(), [201, ...Array(19).fill(204)]);
      assert(texts.includes(await Deno.readTextFile(`${house.path}/a`)));
      assertEquals(await listTree(house.path), ["a"]);
    }),
);

testWith(
  NEEDS,
  "of simultaneous writers who name the same old file one wins",
  () =>
    withHouse(async (house) => {
      await writeOld(house.path);
      const etag = await etagOf(house, "/files/a");
      const { statuses, texts } = await race(house, "PUT /files/a", `If-Match: ${etag}`);
      assertEquals(statuses.toSorted(), [204, ...Array(19).fill(412)]);
      assertEquals(await Deno.readTextFile(`${house.path}/a`), texts[statuses.indexOf(204)]);
    }),
);

// --- Conditions

/** What comes of conditions on a PUT; `ETAG` stands for the file's entity tag. */
const CONDITIONS: [line: string, present: number, absent: number][] = [
  ["If-None-Match: *", 412, 201],
  ["If-None-Match: ETAG", 412, 201],
  ["If-None-Match: W/ETAG", 412, 201],
  ['If-None-Match: "x"', 204, 201],
  ["If-Match: *", 204, 412],
  ["If-Match: ETAG", 204, 412],
  ['If-Match: "x", ETAG', 204, 412],
  ["If-Match: W/ETAG", 412, 412],
  ['If-Match: "x"', 412, 412],
  [`If-Unmodified-Since: ${SAME}`, 204, 201],
  ["If-Unmodified-Since: Friday, 20-Nov-20 09:00:00 GMT", 204, 201],
  ["If-Unmodified-Since: Fri Nov 20 09:00:00 2020", 204, 201],
  [`If-Unmodified-Since: ${EARLIER}`, 412, 201],
  ["If-Unmodified-Since: yesterday", 204, 201],
  [`If-Modified-Since: ${SAME}`, 204, 201],
];

testWith(NEEDS, "PUT heeds conditions", () =>
  withHouse(async (house) => {
    const { path, ask } = house;
    for (const [template, present, absent] of CONDITIONS) {
      await writeOld(path);
      const line = template.replace("ETAG", await etagOf(house, "/files/a"));
      assertEquals((await ask("PUT /files/a", "new", line)).status, present, line);
      assertEquals(await Deno.readTextFile(`${path}/a`), present === 412 ? "old" : "new", line);
      assertEquals((await ask("PUT /files/in/b", "new", line)).status, absent, line);
      assertEquals(await listTree(path), absent === 412 ? ["a"] : ["a", "in/", "in/b"], line);
      if (absent !== 412) await Deno.remove(`${path}/in`, { recursive: true });
    }
  }));

/** Uploads that are refused by their head, of a file that is there or a name that is none. */
const REFUSED: [
  request: string,
  lines: string[],
  changes: Partial<FileSettings>,
  status: number,
][] = [
  ["PUT /files/a", ["If-None-Match: *"], {}, 412],
  ["POST /files/a", ['If-Match: "x"'], {}, 412],
  ["PUT /files/none", ["If-Match: *"], {}, 412],
  ["PUT /files/a", [`If-Unmodified-Since: ${EARLIER}`], {}, 412],
  ["PUT /files/a", [], { allowsReplace: false }, 409],
  ["PUT /files/a", [], { isReadOnly: true }, 405],
  ["PUT /files/a", ["Content-Encoding: gzip"], {}, 415],
  ["PUT /files/a", ["Content-Range: bytes 0-2/3"], {}, 400],
  ["PUT /files/a", ["Content-Digest: ?"], {}, 400],
  ["PUT /files/.a", [], {}, 400],
  ["PUT /files/a/b", [], {}, 409],
];

testWith(NEEDS, "what the head of an upload tells is answered before its content", async () => {
  for (const [request, lines, changes, status] of REFUSED) {
    await withHouse(async ({ path, port }) => {
      await writeOld(path);
      using client = await RawClient.connect(port);
      await client.send(head(request, "Content-Length: 3", "Expect: 100-continue", ...lines));
      assertEquals((await client.readResponse()).status, status, `${request} ${lines}`);
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await listTree(path), ["a"]);
    }, changes);
  }
});

testWith(
  NEEDS,
  "what the head of an upload does not rule out is asked for with 100",
  () =>
    withHouse(async ({ path, port }) => {
      using client = await RawClient.connect(port);
      const lines = ["Content-Length: 3", "Expect: 100-continue", "If-None-Match: *"];
      await client.send(head("PUT /files/a", ...lines));
      assertEquals((await client.readResponse()).status, 100);
      await client.send("new");
      assertEquals((await client.readResponse()).status, 201);
      assertEquals(await Deno.readTextFile(`${path}/a`), "new");
    }),
);

/** What happens to the file `a` between the head and the end of the content of an upload. */
type Change = (house: House) => Promise<unknown>;

const REPLACE: Change = ({ ask }) => ask("PUT /files/a", "other");
const WRITE: Change = ({ path }) => Deno.writeTextFile(`${path}/a`, "other");
const REMOVE: Change = ({ path }) => Deno.remove(`${path}/a`);

/** Conditions that hold at first: whether there is a file, the change, what comes of it. */
const LATE: [line: string, isThere: boolean, change: Change, status: number, left: string[]][] = [
  ["If-Match: ETAG", true, REPLACE, 412, ["other"]],
  ["If-Match: ETAG", true, WRITE, 412, ["other"]],
  ["If-Match: ETAG", true, REMOVE, 412, []],
  [`If-Unmodified-Since: ${SAME}`, true, REPLACE, 412, ["other"]],
  [`If-Unmodified-Since: ${SAME}`, true, REMOVE, 201, ["new"]],
  ["If-None-Match: *", false, REPLACE, 412, ["other"]],
  ["If-None-Match: *", false, WRITE, 412, ["other"]],
  ['If-None-Match: "x"', false, REPLACE, 204, ["new"]],
  ["X: no condition", false, REPLACE, 204, ["new"]],
  ["X: no condition", true, REMOVE, 201, ["new"]],
];

testWith(NEEDS, "conditions are looked at again when the content is complete", async () => {
  for (const [template, isThere, change, status, left] of LATE) {
    await withHouse(async (house) => {
      const { path, port } = house;
      if (isThere) await writeOld(path);
      const line = isThere ? template.replace("ETAG", await etagOf(house, "/files/a")) : template;
      using client = await RawClient.connect(port);
      await client.send(head("PUT /files/a", "Content-Length: 3", line) + "n");
      await until(async () => await countParts(path) === 1);
      await change(house);
      await client.send("ew");
      assertEquals((await client.readResponse()).status, status, line);
      const names = await listTree(path);
      const texts = names.map((name) => Deno.readTextFileSync(`${path}/${name}`));
      assertEquals(texts, left, line);
    });
  }
});

testWith(
  NEEDS,
  "a name that may not be replaced and is taken meanwhile is 409",
  () =>
    withHouse(async ({ path, port }) => {
      for (
        const make of [() => Deno.writeTextFile(`${path}/a`, "x"), () => Deno.mkdir(`${path}/a`)]
      ) {
        using client = await RawClient.connect(port);
        await client.send(head("PUT /files/a", "Content-Length: 3") + "n");
        await until(async () => await countParts(path) === 1);
        await make();
        await client.send("ew");
        assertEquals((await client.readResponse()).status, 409);
        await Deno.remove(`${path}/a`);
      }
    }, { allowsReplace: false }),
);

testWith(
  NEEDS,
  "a name that becomes that of a folder meanwhile is 409",
  () =>
    withHouse(async ({ path, port }) => {
      for (const line of ["X: no condition", 'If-None-Match: "x"']) {
        using client = await RawClient.connect(port);
        await client.send(head("PUT /files/a", "Content-Length: 3", line) + "n");
        await until(async () => await countParts(path) === 1);
        await Deno.mkdir(`${path}/a`);
        await client.send("ew");
        assertEquals((await client.readResponse()).status, 409, line);
        await Deno.remove(`${path}/a`);
      }
    }),
);

// --- What is refused

async function digest(algorithm: "SHA-256" | "SHA-512", text: string): Promise<string> {
  const octets = await crypto.subtle.digest(algorithm, new TextEncoder().encode(text));
  return `:${new Uint8Array(octets).toBase64()}:`;
}

const RIGHT_256 = `sha-256=${await digest("SHA-256", "new")}`;
const RIGHT_512 = `sha-512=${await digest("SHA-512", "new")}`;
const WRONG_256 = `sha-256=${await digest("SHA-256", "old")}`;
const WRONG_512 = `sha-512=${await digest("SHA-512", "old")}`;

/** Values of Content-Digest and of Repr-Digest, and whether the content is taken. */
const DIGESTS: [value: string, isTaken: boolean][] = [
  [RIGHT_256, true],
  [RIGHT_512, true],
  [`${RIGHT_256}, ${RIGHT_512}`, true],
  [`${RIGHT_256};x=y`, true],
  ["md5=:AAAA:", true],
  ["unheard=token", true],
  [`md5=:AAAA:, ${RIGHT_512}`, true],
  ["", true],
  [WRONG_256, false],
  [WRONG_512, false],
  [`${RIGHT_256}, ${WRONG_512}`, false],
  [`${WRONG_256}, ${RIGHT_512}`, false],
  [`md5=:AAAA:, ${WRONG_256}`, false],
  ["sha-256=:AAAA:", false],
  ["sha-256=::", false],
  [RIGHT_256.replaceAll(":", ""), false],
  [RIGHT_256.replaceAll(":", '"'), false],
  [RIGHT_256.slice(0, -1), false],
  [`${RIGHT_256},`, false],
  [`(${RIGHT_256})`, false],
  [RIGHT_256.toUpperCase(), false],
  ["sha-256", false],
  ["sha-256=:not base64!:", false],
  ["?", false],
];

testWith(
  NEEDS,
  "content is stored only with the digests that came with it",
  () =>
    withHouse(async ({ path, ask }) => {
      for (const [value, isTaken] of DIGESTS) {
        for (const name of ["Content-Digest", "Repr-Digest"]) {
          const line = `${name}: ${value}`;
          await writeOld(path);
          const put = await ask("PUT /files/a", "new", line);
          assertEquals(put.status, isTaken ? 204 : 400, line);
          assertEquals(await Deno.readTextFile(`${path}/a`), isTaken ? "new" : "old", line);
          const post = await ask("POST /files/in/b", "new", line);
          assertEquals(post.status, isTaken ? 201 : 400, line);
          assertEquals(await listTree(path), isTaken ? ["a", "in/", "in/b"] : ["a"], line);
          if (isTaken) await Deno.remove(`${path}/in`, { recursive: true });
        }
      }
    }),
);

testWith(
  NEEDS,
  "both fields of digests count, and so do both lines of one",
  () =>
    withHouse(async ({ path, ask }) => {
      const cases: [lines: string[], status: number][] = [
        [[`Content-Digest: ${RIGHT_256}`, `Repr-Digest: ${RIGHT_512}`], 201],
        [[`Content-Digest: ${RIGHT_256}`, `Repr-Digest: ${WRONG_256}`], 400],
        [[`Content-Digest: ${WRONG_512}`, `Repr-Digest: ${RIGHT_512}`], 400],
        [[`Content-Digest: ${RIGHT_512}`, `Content-Digest: ${RIGHT_256}`], 201],
        [[`Content-Digest: ${RIGHT_512}`, `Content-Digest: ${WRONG_256}`], 400],
      ];
      for (const [lines, status] of cases) {
        assertEquals((await ask("POST /files/a", "new", ...lines)).status, status, lines.join());
        assertEquals(await listTree(path), status === 201 ? ["a"] : []);
        if (status === 201) await Deno.remove(`${path}/a`);
      }
    }),
);

testWith(
  NEEDS,
  "the digest is that of the whole content, whatever the pieces",
  () =>
    withHouse(async ({ path, port, ask }) => {
      const text = "0123456789".repeat(30_000);
      const line = `Repr-Digest: sha-512=${await digest("SHA-512", text)}`;
      assertEquals((await ask("PUT /files/a", text, line)).status, 201);
      assertEquals((await ask("PUT /files/a", text.slice(1), line)).status, 400);
      using client = await RawClient.connect(port);
      await client.send(head("PUT /files/b", "Transfer-Encoding: chunked", line));
      for (let at = 0; at < text.length; at += 30_000) {
        await client.send(`${(30_000).toString(16)}\r\n${text.slice(at, at + 30_000)}\r\n`);
      }
      await client.send("0\r\n\r\n");
      assertEquals((await client.readResponse()).status, 201);
      for (const name of ["a", "b"]) assert(await Deno.readTextFile(`${path}/${name}`) === text);
    }),
);

testWith(
  NEEDS,
  "content in a coding is 415, a part of a file 400",
  () =>
    withHouse(async ({ path, ask }) => {
      const cases: [line: string, status: number][] = [
        ["Content-Encoding: gzip", 415],
        ["Content-Encoding: BR", 415],
        ["Content-Encoding: identity, gzip", 415],
        ["Content-Range: bytes 0-2/3", 400],
        ["Content-Range: bytes 0-2/*", 400],
        ["Content-Encoding: identity", 204],
      ];
      for (const [line, status] of cases) {
        await writeOld(path);
        assertEquals((await ask("PUT /files/a", "new", line)).status, status, line);
        assertEquals(await Deno.readTextFile(`${path}/a`), status === 204 ? "new" : "old", line);
      }
    }),
);

/** Names, and what a PUT of them is answered with, hidden ones not shown and shown. */
const NAMES: [name: string, status: number, shown: number][] = [
  [".env", 400, 201],
  [".git/config", 400, 201],
  ["in/.env", 400, 201],
  [".wireserve-x.part", 400, 201],
  [temporaryName(), 400, 400],
  [`in/${temporaryName()}`, 400, 400],
  [`${temporaryName()}/a`, 400, 400],
  ["n".repeat(255), 201, 201],
  ["n".repeat(256), 400, 400],
  ["%C3%A5".repeat(128), 400, 400],
  [Array(30).fill("n".repeat(200)).join("/"), 400, 400],
  ["folder", 409, 409],
  ["folder/", 400, 400],
  ["file/below", 409, 409],
  ["file/far/below", 409, 409],
  ["", 400, 400],
  [".", 400, 400],
  ["in/..", 400, 400],
  ["a%00b", 400, 400],
];

for (const showsHidden of [false, true]) {
  testWith(
    NEEDS,
    `names are written that may be, hidden ones ${showsHidden ? "" : "not "}shown`,
    () =>
      withHouse(async ({ path, ask }) => {
        await Deno.mkdir(`${path}/folder`);
        await Deno.writeTextFile(`${path}/file`, "old");
        for (const [name, hidden, shown] of NAMES) {
          const status = showsHidden ? shown : hidden;
          const { text, ...response } = await ask(`PUT /files/${name}`, "new");
          assertEquals(response.status, status, name.slice(0, 50));
          if (status !== 201) assertMatch(text, /^[A-Z][^.]*\.\s*$/, "one clear sentence");
          else {await Deno.remove(`${path}/${name.split("/")[0]}`, { recursive: true }).catch(
              () => {},
            );}
          await Deno.remove(`${path}/in`, { recursive: true }).catch(() => {});
        }
        assertEquals(await listTree(path), ["file", "folder/"]);
      }, { showsHidden }),
  );
}

// --- Sweeping

testWith(
  ["read", "write"],
  "sweep() takes stale temporary files away, and nothing else",
  () =>
    withDirectory((outside) =>
      withDirectory(async (path) => {
        await Deno.mkdir(`${path}/in/.git/deep`, { recursive: true });
        const stale = ["", "in/", "in/.git/", "in/.git/deep/"].map((folder) =>
          folder + temporaryName()
        );
        for (const name of stale) await Deno.writeTextFile(`${path}/${name}`, "stale");
        const kept = [
          "a",
          "in/.wireserve-x.part",
          `${temporaryName()}.part`,
          `${temporaryName()}~`,
          `x${temporaryName()}`,
          temporaryName().slice(1),
          temporaryName().replace(".part", ".PART"),
          temporaryName().replace("wireserve", "Wireserve"),
        ];
        for (const name of kept) await Deno.writeTextFile(`${path}/${name}`, "kept");
        await Deno.writeTextFile(`${outside}/${temporaryName()}`, "outside");
        await Deno.symlink(outside, `${path}/out`);
        const link = temporaryName();
        await Deno.symlink(`${path}/a`, `${path}/${link}`);
        const folder = temporaryName();
        await Deno.mkdir(`${path}/${folder}`);
        assertEquals(await sweep(path), stale.length);
        const folders = ["in/", "in/.git/", "in/.git/deep/", `${folder}/`];
        assertEquals(await listTree(path), [...kept, ...folders, "out", link].sort());
        assertEquals((await listTree(outside)).length, 1);
        assertEquals(await Deno.readTextFile(`${path}/a`), "kept");
        assertEquals(await sweep(path), 0);
      })
    ),
);

testWith(
  ["read", "write"],
  "sweep() leaves a temporary file that somebody has locked",
  () =>
    withDirectory(async (path) => {
      const [locked, stale] = [temporaryName(), temporaryName()];
      for (const name of [locked, stale]) await Deno.writeTextFile(`${path}/${name}`, "");
      {
        using file = await Deno.open(`${path}/${locked}`, { read: true, write: true });
        await file.lock(true);
        assertEquals(await sweep(path), 1);
        assertEquals(await listTree(path), [locked]);
      }
      assertEquals(await sweep(path), 1);
      assertEquals(await listTree(path), []);
    }),
);

/** Octets of the temporary file in a folder; 0 where there is none. */
async function sizeOfPart(folder: string): Promise<number> {
  const name = (await treeOf(folder)).find((each) => each.endsWith(".part"));
  return name === undefined ? 0 : (await Deno.stat(`${folder}/${name}`)).size;
}

testWith(
  NEEDS,
  "sweep() leaves an upload alone that is under way",
  () =>
    withHouse(async ({ path, port }) => {
      using client = await RawClient.connect(port);
      // The lock comes before the octets, and a gathering writer writes only so many at once.
      const text = "n".repeat(100_000);
      await client.send(head("PUT /files/in/a", `Content-Length: ${text.length + 2}`) + text);
      await until(async () => await sizeOfPart(`${path}/in`) > 0);
      assertEquals(await sweep(path), 0);
      await client.send("ew");
      assertEquals((await client.readResponse()).status, 201);
      assertEquals(await Deno.readTextFile(`${path}/in/a`), `${text}ew`);
    }),
);

testWith(
  ["read", "write"],
  "sweep() passes over what is not there",
  () =>
    withDirectory(async (path) => {
      assertEquals(await sweep(`${path}/none`), 0);
    }),
);
