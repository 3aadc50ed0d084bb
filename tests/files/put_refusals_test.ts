// Uploads that are refused, by their digest, coding or name: nothing of them is left.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { temporaryName } from "../../lib/files/root.ts";
import { NEEDS, withFileServer, writeOld } from "../support/file_server.ts";
import { testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/request.ts";
import { listTree } from "../support/temp.ts";

async function digest(algorithm: "SHA-256" | "SHA-512", text: string): Promise<string> {
  const bytes = await crypto.subtle.digest(algorithm, new TextEncoder().encode(text));
  return `:${new Uint8Array(bytes).toBase64()}:`;
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
  "PUT and POST store content only when its digests match",
  () =>
    withFileServer(async ({ path, ask }) => {
      for (const [value, isTaken] of DIGESTS) {
        for (const name of ["Content-Digest", "Repr-Digest"]) {
          const line = `${name}: ${value}`;
          await writeOld(`${path}/a`);
          const put = await ask("PUT /files/a", { headers: [line], body: "new" });
          assertEquals(put.status, isTaken ? 204 : 400, line);
          assertEquals(await Deno.readTextFile(`${path}/a`), isTaken ? "new" : "old", line);
          const post = await ask("POST /files/in/b", { headers: [line], body: "new" });
          assertEquals(post.status, isTaken ? 201 : 400, line);
          assertEquals(await listTree(path), isTaken ? ["a", "in/", "in/b"] : ["a"], line);
          if (isTaken) await Deno.remove(`${path}/in`, { recursive: true });
        }
      }
    }),
);

testWith(
  NEEDS,
  "PUT checks the digests of both fields, and of all lines of one",
  () =>
    withFileServer(async ({ path, ask }) => {
      const cases: [lines: string[], status: number][] = [
        [[`Content-Digest: ${RIGHT_256}`, `Repr-Digest: ${RIGHT_512}`], 201],
        [[`Content-Digest: ${RIGHT_256}`, `Repr-Digest: ${WRONG_256}`], 400],
        [[`Content-Digest: ${WRONG_512}`, `Repr-Digest: ${RIGHT_512}`], 400],
        [[`Content-Digest: ${RIGHT_512}`, `Content-Digest: ${RIGHT_256}`], 201],
        [[`Content-Digest: ${RIGHT_512}`, `Content-Digest: ${WRONG_256}`], 400],
      ];
      for (const [lines, status] of cases) {
        assertEquals(
          (await ask("POST /files/a", { headers: lines, body: "new" })).status,
          status,
          lines.join(),
        );
        assertEquals(await listTree(path), status === 201 ? ["a"] : []);
        if (status === 201) await Deno.remove(`${path}/a`);
      }
    }),
);

testWith(
  NEEDS,
  "PUT checks the digest of the whole content when it comes in pieces",
  () =>
    withFileServer(async ({ path, port, ask }) => {
      const text = "0123456789".repeat(30_000);
      const line = `Repr-Digest: sha-512=${await digest("SHA-512", text)}`;
      assertEquals((await ask("PUT /files/a", { headers: [line], body: text })).status, 201);
      assertEquals(
        (await ask("PUT /files/a", { headers: [line], body: text.slice(1) })).status,
        400,
      );
      using client = await RawClient.connect(port);
      await client.send(request("PUT /files/b", "Transfer-Encoding: chunked", line));
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
  "PUT is 415 for content in a coding, 400 for a part of a file",
  () =>
    withFileServer(async ({ path, ask }) => {
      const cases: [line: string, status: number][] = [
        ["Content-Encoding: gzip", 415],
        ["Content-Encoding: BR", 415],
        ["Content-Encoding: identity, gzip", 415],
        ["Content-Range: bytes 0-2/3", 400],
        ["Content-Range: bytes 0-2/*", 400],
        ["Content-Encoding: identity", 204],
      ];
      for (const [line, status] of cases) {
        await writeOld(`${path}/a`);
        assertEquals(
          (await ask("PUT /files/a", { headers: [line], body: "new" })).status,
          status,
          line,
        );
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
  ["directory", 409, 409],
  ["directory/", 400, 400],
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
    `PUT checks names when hidden ones are ${showsHidden ? "" : "not "}shown`,
    () =>
      withFileServer(async ({ path, ask }) => {
        await Deno.mkdir(`${path}/directory`);
        await Deno.writeTextFile(`${path}/file`, "old");
        for (const [name, hidden, shown] of NAMES) {
          const status = showsHidden ? shown : hidden;
          const { text, ...response } = await ask(`PUT /files/${name}`, { body: "new" });
          assertEquals(response.status, status, name.slice(0, 50));
          if (status !== 201) assertMatch(text, /^[A-Z][^.]*\.\s*$/, "one clear sentence");
          else {await Deno.remove(`${path}/${name.split("/")[0]}`, { recursive: true }).catch(
              () => {},
            );}
          await Deno.remove(`${path}/in`, { recursive: true }).catch(() => {});
        }
        assertEquals(await listTree(path), ["directory/", "file"]);
      }, { settings: { showsHidden } }),
  );
}
