// multipart/form-data at every split of its octets, and what is refused.

import { assertEquals, assertRejects } from "@std/assert";
import { type Content, pieces } from "../../lib/http/content.ts";
import { boundaryOf, FormReader } from "../../lib/http/multipart.ts";
import { StatusError } from "../../lib/http/status.ts";
import { encodeLatin1 } from "../../lib/http/syntax.ts";

/** A content in pieces, each of which is overwritten when the next one is read, as a socket does. */
function contentOf(parts: readonly Uint8Array[]): Content {
  let at = 0;
  let last: Uint8Array | null = null;
  const content: Content = {
    length: null,
    read(): Promise<Uint8Array | null> {
      last?.fill(0x23);
      last = parts[at++]?.slice() ?? null;
      return Promise.resolve(last);
    },
    close(): void {},
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return content;
}

type Read = [name: string, fileName: string | null, content: string];

async function readAll(parts: readonly Uint8Array[], boundary = "b"): Promise<Read[]> {
  const reader = new FormReader(contentOf(parts), boundary);
  const found: Read[] = [];
  for (let part = await reader.next(); part !== null; part = await reader.next()) {
    let text = "";
    for await (const piece of part.content) text += String.fromCharCode(...piece);
    found.push([part.name, part.fileName, text]);
  }
  return found;
}

/** The octets whole, one by one, and cut in two at every place. */
function* splitsOf(octets: Uint8Array): Generator<Uint8Array[]> {
  yield [octets];
  yield [...octets].map((octet) => Uint8Array.of(octet));
  for (let at = 1; at < octets.length; at++) yield [octets.subarray(0, at), octets.subarray(at)];
}

function part(disposition: string, content: string, ...lines: string[]): string {
  return ["--b", `Content-Disposition: ${disposition}`, ...lines, "", content, ""].join("\r\n");
}

const FILE = 'form-data; name="f"; filename="a"';

const FORMS: readonly [what: string, form: string, expected: Read[]][] = [
  ["no parts", "--b--\r\n", []],
  ["a value", `${part('form-data; name="x"', "1")}--b--\r\n`, [["x", null, "1"]]],
  ["no line end at the end", `${part(FILE, "1")}--b--`, [["f", "a", "1"]]],
  ["an empty file", `${part(FILE, "")}--b--\r\n`, [["f", "a", ""]]],
  [
    "two files and what follows them",
    `${part(FILE, "1", "Content-Type: text/plain")}${part(FILE, "22")}--b--\r\nignored\r\n--b`,
    [["f", "a", "1"], ["f", "a", "22"]],
  ],
  [
    "content that looks like a boundary",
    `${part(FILE, "\r\n-\r\n--\r\r\n\r\n--a\n--b--\r--b\r\n-- b")}--b--`,
    [["f", "a", "\r\n-\r\n--\r\r\n\r\n--a\n--b--\r--b\r\n-- b"]],
  ],
  ["blanks after a boundary", part(FILE, "1").replace("--b", "--b \t") + "--b--", [[
    "f",
    "a",
    "1",
  ]]],
];

for (const [what, form, expected] of FORMS) {
  Deno.test(`FormReader reads a form with ${what} at every split`, async () => {
    for (const parts of splitsOf(encodeLatin1(form))) assertEquals(await readAll(parts), expected);
  });
}

Deno.test("FormReader discards what is not read of a part", async () => {
  for (const parts of splitsOf(encodeLatin1(`${part(FILE, "12345")}${part(FILE, "6")}--b--`))) {
    const reader = new FormReader(contentOf(parts), "b");
    await reader.next();
    const second = await reader.next();
    assertEquals(String.fromCharCode(...await second!.content.read() ?? []), "6");
    assertEquals(await reader.next(), null);
    assertEquals(await reader.next(), null);
  }
});

const NAMES: readonly [parameters: string, fileName: string | null][] = [
  ['filename="a b"', "a b"],
  ["filename=a", "a"],
  ['filename=""', ""],
  ['FILENAME="a;b=c"', "a;b=c"],
  ['filename="a%22b%0D%0Ac%41"', 'a"b\r\nc%41'],
  ['filename="a\\"b"', 'a"b'],
  ['filename="C:\\\\in\\\\a"', "C:\\in\\a"],
  ['filename="C:\\in\\a"', "C:\\in\\a"],
  ['filename="\xc3\xa5"', "å"],
  ["filename=\"x\"; filename*=UTF-8''%e2%82%ac", "€"],
  ["other=1", null],
];

Deno.test("FormReader decodes the names that clients send", async () => {
  for (const [parameters, expected] of NAMES) {
    const form = `${part(`form-data; name="f"; ${parameters}`, "1")}--b--`;
    assertEquals(await readAll([encodeLatin1(form)]), [["f", expected, "1"]], parameters);
  }
});

const MALFORMED: readonly [what: string, form: string][] = [
  ["empty", ""],
  ["another boundary", `${part(FILE, "1")}--b--`.replaceAll("--b", "--c")],
  ["a preamble", `preamble\r\n${part(FILE, "1")}--b--`],
  ["cut in the content", part(FILE, "1").slice(0, -2)],
  ["cut after the content", part(FILE, "1")],
  ["cut in the last boundary", `${part(FILE, "1")}--b-`],
  ["cut in the fields", part(FILE, "1").slice(0, 30)],
  ["no disposition", "--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--"],
  ["no fields", "--b\r\n\r\n1\r\n--b--"],
  ["another disposition", `${part('attachment; name="f"', "1")}--b--`],
  ["a disposition with a prefix of its name", `${part('form-dataset; name="f"', "1")}--b--`],
  ["no name", `${part('form-data; filename="a"', "1")}--b--`],
  ["two names", `${part(`${FILE}; filename="b"`, "1")}--b--`],
  ["an open quote", `${part('form-data; name="f', "1")}--b--`],
  ["a name that is not UTF-8", `${part('form-data; name="f"; filename="\xff"', "1")}--b--`],
  ["bare LF", `${part(FILE, "1")}--b--`.replace("\r\n", "\n")],
  ["a folded line", `${part(FILE, "1", " folded")}--b--`],
  ["text after a boundary", `${part(FILE, "1").replace("--b", "--bx")}--b--`],
  ["fields that are too long", `${part(FILE, "1", `X: ${"x".repeat(10_000)}`)}--b--`],
  ["too many fields", `${part(FILE, "1", ...Array(40).fill("X: x"))}--b--`],
];

for (const [what, form] of MALFORMED) {
  Deno.test(`FormReader refuses a form with this flaw: ${what}`, async () => {
    const octets = encodeLatin1(form);
    const splits = form.length < 1000 ? [...splitsOf(octets)] : [[octets]];
    for (const parts of splits) {
      const { status } = await assertRejects(() => readAll(parts), StatusError);
      assertEquals(status === 400 || status === 431, true, String(status));
    }
  });
}

Deno.test("boundaryOf() finds the boundary, and refuses one that is none", () => {
  const found: [type: string | null, boundary: string | null][] = [
    [null, null],
    ["text/plain; boundary=b", null],
    ["multipart/form-data-x; boundary=b", null],
    ["multipart/form-data; boundary=b", "b"],
    ['Multipart/Form-Data; charset=utf-8; BOUNDARY="a b:c"', "a b:c"],
  ];
  for (const [type, boundary] of found) assertEquals(boundaryOf(type), boundary, String(type));
  for (
    const parameters of [
      "",
      "; boundary=",
      '; boundary=""',
      '; boundary="a "',
      `; boundary=${"b".repeat(71)}`,
      '; boundary="a\\b"',
      "; boundary=a@b",
    ]
  ) {
    let status = 0;
    try {
      boundaryOf(`multipart/form-data${parameters}`);
    } catch (error) {
      status = (error as StatusError).status;
    }
    assertEquals(status, 400, parameters);
  }
});
