// Conditions of writing, checked before the content and at the commit, and races.

import { assert, assertEquals } from "@std/assert";
import type { FileSettings } from "../../lib/files/settings.ts";
import {
  countTemporary,
  EARLIER,
  etagOf,
  type FileServer,
  NEEDS,
  SAME,
  withFileServer,
  writeOld,
} from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { listTree } from "../support/temp.ts";
import { until } from "../support/wait.ts";

/** Uploads of one name at the same time: once all are let in by their heads, all content. */
async function race(
  { path, port }: FileServer,
  requestLine: string,
  ...lines: string[]
): Promise<{ statuses: number[]; texts: string[] }> {
  const texts = Array.from(
    { length: 20 },
    (_, each) => String.fromCharCode(97 + each).repeat(9999),
  );
  const clients = await Promise.all(texts.map(() => RawClient.connect(port)));
  const framing = `Content-Length: ${texts[0]!.length}`;
  await Promise.all(clients.map((client) => client.send(request(requestLine, framing, ...lines))));
  await until(async () => await countTemporary(path) === texts.length);
  const answers = clients.map(async (client, each) => {
    await client.trySend(texts[each]!);
    return (await client.readResponse()).status;
  });
  const statuses = await Promise.all(answers);
  for (const client of clients) client.close();
  return { statuses, texts };
}

/** What refuses all creators but one. */
const CREATORS: [
  requestLine: string,
  lines: string[],
  changes: Partial<FileSettings>,
  lost: number,
][] = [
  ["PUT /files/in/a", ["If-None-Match: *"], {}, 412],
  ["POST /files/a", ["If-None-Match: *"], {}, 412],
  ["PUT /files/in/a", [], { allowsReplace: false }, 409],
  ["POST /files/a", [], { allowsReplace: false }, 409],
];

for (const [requestLine, lines, changes, lost] of CREATORS) {
  const name = `${requestLine} ${lines}${JSON.stringify(changes)}`;
  testWith(
    NEEDS,
    `one of simultaneous creators succeeds, the others get ${lost}: ${name}`,
    () =>
      withFileServer(async (fixture) => {
        const { statuses, texts } = await race(fixture, requestLine, ...lines);
        assertEquals(statuses.toSorted(), [201, ...Array(19).fill(lost)]);
        const stored = await Deno.readTextFile(
          `${fixture.path}/${requestLine.split("/files/")[1]}`,
        );
        assertEquals(stored, texts[statuses.indexOf(201)]);
      }, { settings: changes }),
  );
}

testWith(
  NEEDS,
  "PUT leaves one whole file when writers without conditions are simultaneous",
  () =>
    withFileServer(async (fixture) => {
      const { statuses, texts } = await race(fixture, "PUT /files/a");
      assertEquals(statuses.toSorted(), [201, ...Array(19).fill(204)]);
      assert(texts.includes(await Deno.readTextFile(`${fixture.path}/a`)));
      assertEquals(await listTree(fixture.path), ["a"]);
    }),
);

testWith(
  NEEDS,
  "PUT succeeds once when simultaneous writers name the same ETag",
  () =>
    withFileServer(async (fixture) => {
      await writeOld(`${fixture.path}/a`);
      const etag = await etagOf(fixture, "/files/a");
      const { statuses, texts } = await race(fixture, "PUT /files/a", `If-Match: ${etag}`);
      assertEquals(statuses.toSorted(), [204, ...Array(19).fill(412)]);
      assertEquals(await Deno.readTextFile(`${fixture.path}/a`), texts[statuses.indexOf(204)]);
    }),
);

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

testWith(NEEDS, "PUT evaluates conditions", () =>
  withFileServer(async (fixture) => {
    const { path, ask } = fixture;
    for (const [template, present, absent] of CONDITIONS) {
      await writeOld(`${path}/a`);
      const line = template.replace("ETAG", await etagOf(fixture, "/files/a"));
      assertEquals(
        (await ask("PUT /files/a", { headers: [line], body: "new" })).status,
        present,
        line,
      );
      assertEquals(await Deno.readTextFile(`${path}/a`), present === 412 ? "old" : "new", line);
      assertEquals(
        (await ask("PUT /files/in/b", { headers: [line], body: "new" })).status,
        absent,
        line,
      );
      assertEquals(await listTree(path), absent === 412 ? ["a"] : ["a", "in/", "in/b"], line);
      if (absent !== 412) await Deno.remove(`${path}/in`, { recursive: true });
    }
  }));

/** Uploads that are refused by their head, of a file that is there or a name that is none. */
const REFUSED: [
  requestLine: string,
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

testWith(NEEDS, "PUT and POST reject a head before the content is sent", async () => {
  for (const [requestLine, lines, changes, status] of REFUSED) {
    await withFileServer(async ({ path, port }) => {
      await writeOld(`${path}/a`);
      using client = await RawClient.connect(port);
      await client.send(
        request(requestLine, "Content-Length: 3", "Expect: 100-continue", ...lines),
      );
      assertEquals((await client.readResponse()).status, status, `${requestLine} ${lines}`);
      assertEquals(await Deno.readTextFile(`${path}/a`), "old");
      assertEquals(await listTree(path), ["a"]);
    }, { settings: changes });
  }
});

testWith(
  NEEDS,
  "PUT sends 100 Continue when its head is acceptable",
  () =>
    withFileServer(async ({ path, port }) => {
      using client = await RawClient.connect(port);
      const lines = ["Content-Length: 3", "Expect: 100-continue", "If-None-Match: *"];
      await client.send(request("PUT /files/a", ...lines));
      assertEquals((await client.readResponse()).status, 100);
      await client.send("new");
      assertEquals((await client.readResponse()).status, 201);
      assertEquals(await Deno.readTextFile(`${path}/a`), "new");
    }),
);

/** What happens to the file `a` between the head and the end of the content of an upload. */
type Change = (fixture: FileServer) => Promise<unknown>;

const REPLACE: Change = ({ ask }) => ask("PUT /files/a", { body: "other" });
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

testWith(NEEDS, "PUT evaluates conditions again when the content is complete", async () => {
  for (const [template, isThere, change, status, left] of LATE) {
    await withFileServer(async (fixture) => {
      const { path, port } = fixture;
      if (isThere) await writeOld(`${path}/a`);
      const line = isThere ? template.replace("ETAG", await etagOf(fixture, "/files/a")) : template;
      using client = await RawClient.connect(port);
      await client.send(request("PUT /files/a", "Content-Length: 3", line) + "n");
      await until(async () => await countTemporary(path) === 1);
      await change(fixture);
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
  "PUT is 409 when a name is taken meanwhile and allowsReplace is false",
  () =>
    withFileServer(async ({ path, port }) => {
      for (
        const make of [() => Deno.writeTextFile(`${path}/a`, "x"), () => Deno.mkdir(`${path}/a`)]
      ) {
        using client = await RawClient.connect(port);
        await client.send(request("PUT /files/a", "Content-Length: 3") + "n");
        await until(async () => await countTemporary(path) === 1);
        await make();
        await client.send("ew");
        assertEquals((await client.readResponse()).status, 409);
        await Deno.remove(`${path}/a`);
      }
    }, { settings: { allowsReplace: false } }),
);

testWith(
  NEEDS,
  "PUT is 409 when a directory of the name appears meanwhile",
  () =>
    withFileServer(async ({ path, port }) => {
      for (const line of ["X: no condition", 'If-None-Match: "x"']) {
        using client = await RawClient.connect(port);
        await client.send(request("PUT /files/a", "Content-Length: 3", line) + "n");
        await until(async () => await countTemporary(path) === 1);
        await Deno.mkdir(`${path}/a`);
        await client.send("ew");
        assertEquals((await client.readResponse()).status, 409, line);
        await Deno.remove(`${path}/a`);
      }
    }),
);
