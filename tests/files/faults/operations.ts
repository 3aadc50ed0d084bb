// What clients do with files: the requests whose system calls fail in `faults_test.ts`.

import { makeBytes } from "../../support/file_server.ts";

/** A request, and the directory before and after it. */
export interface Operation {
  readonly name: string;
  /** What it counts as in the tables of docs/storage.md. */
  readonly kind: "GET" | "listing" | "upload" | "DELETE";
  /** What it counts as besides. */
  readonly special?: "cached file" | ".br";
  /** Whether it is tried with all errors, of which some are alike. */
  readonly isTypical?: boolean;
  /** Its line, without the version. */
  readonly line: string;
  readonly headers?: readonly string[];
  readonly body?: Uint8Array<ArrayBuffer>;
  /** The status without a fault. */
  readonly status: number;
  /** The content without a fault, where there is only one. */
  readonly content?: Uint8Array;
  /** Brings the directory into the state before the request. */
  readonly prepare?: (directory: string) => Promise<void>;
  /** The file that is changed, its content before and after; null stands for no file. */
  readonly change?: {
    readonly name: string;
    readonly before: Uint8Array | null;
    readonly after: Uint8Array | null;
  };
}

const SMALL = makeBytes(1000);
const LARGE = makeBytes(1_000_000);
const TEXT = new TextEncoder().encode("All work and no play. ".repeat(10_000));
const BODY = makeBytes(500);
const LARGE_BODY = makeBytes(300_000);

/** Files that no operation changes. */
export async function writeFixtures(directory: string): Promise<void> {
  const write = (name: string, content: Uint8Array) =>
    Deno.writeFile(`${directory}/${name}`, content);
  await Deno.mkdir(`${directory}/list/below`, { recursive: true });
  await write("cached", SMALL);
  await write("uncached", SMALL);
  await write("large", LARGE);
  await write("text", TEXT);
  await write("short-text", TEXT.subarray(0, 5000));
  await write("pair.html", SMALL);
  await write("pair.html.br", SMALL.subarray(0, 100));
  for (const name of ["a", "b", "c"]) await write(`list/${name}`, SMALL);
  await Deno.symlink("a", `${directory}/list/link`);
}

/** A file that has just been changed is not cached. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  await Deno.utime(path, now, now);
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
}

const FORM_HEAD = '--b\r\nContent-Disposition: form-data; name="a"; filename="form"\r\n\r\n';
const FORM_END = "\r\n--b--\r\n";

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export const OPERATIONS: readonly Operation[] = [
  {
    name: "GET cached",
    kind: "GET",
    special: "cached file",
    line: "GET /files/cached",
    status: 200,
    content: SMALL,
  },
  {
    name: "GET uncached",
    kind: "GET",
    line: "GET /files/uncached",
    status: 200,
    content: SMALL,
    prepare: (directory) => touch(`${directory}/uncached`),
  },
  {
    name: "GET large",
    kind: "GET",
    isTypical: true,
    line: "GET /files/large",
    status: 200,
    content: LARGE,
  },
  {
    name: "GET range",
    kind: "GET",
    line: "GET /files/large",
    headers: ["Range: bytes=100000-699999"],
    status: 206,
    content: LARGE.subarray(100_000, 700_000),
  },
  {
    name: "GET ranges",
    kind: "GET",
    line: "GET /files/large",
    headers: ["Range: bytes=0-99,500000-500099"],
    status: 206,
  },
  {
    name: "GET compressed as a whole",
    kind: "GET",
    special: ".br",
    line: "GET /files/short-text",
    headers: ["Accept-Encoding: gzip"],
    status: 200,
    prepare: (directory) => touch(`${directory}/short-text`),
  },
  {
    name: "GET compressed from the cache",
    kind: "GET",
    special: "cached file",
    line: "GET /files/cached",
    headers: ["Accept-Encoding: gzip"],
    status: 200,
  },
  {
    name: "GET compressed",
    kind: "GET",
    special: ".br",
    line: "GET /files/text",
    headers: ["Accept-Encoding: gzip"],
    status: 200,
    prepare: (directory) => touch(`${directory}/text`),
  },
  {
    name: "GET precompressed",
    kind: "GET",
    special: ".br",
    line: "GET /files/pair.html",
    headers: ["Accept-Encoding: br"],
    status: 200,
    prepare: async (directory) => {
      for (const name of ["pair.html", "pair.html.br"]) await touch(`${directory}/${name}`);
    },
  },
  { name: "HEAD", kind: "GET", line: "HEAD /files/large", status: 200 },
  {
    name: "GET listing",
    kind: "listing",
    isTypical: true,
    line: "GET /files/list/",
    headers: ["Accept: application/json"],
    status: 200,
  },
  {
    name: "PUT new",
    kind: "upload",
    line: "PUT /files/new",
    body: BODY,
    status: 201,
    prepare: (directory) => remove(`${directory}/new`),
    change: { name: "new", before: null, after: BODY },
  },
  {
    name: "PUT large",
    kind: "upload",
    line: "PUT /files/new-large",
    body: LARGE_BODY,
    status: 201,
    prepare: (directory) => remove(`${directory}/new-large`),
    change: { name: "new-large", before: null, after: LARGE_BODY },
  },
  {
    name: "PUT over",
    kind: "upload",
    isTypical: true,
    line: "PUT /files/old",
    body: BODY,
    status: 204,
    prepare: (directory) => Deno.writeFile(`${directory}/old`, SMALL),
    change: { name: "old", before: SMALL, after: BODY },
  },
  {
    name: "POST in new directories",
    kind: "upload",
    line: "POST /files/one/two/file",
    body: BODY,
    status: 201,
    prepare: (directory) => remove(`${directory}/one`),
    change: { name: "one/two/file", before: null, after: BODY },
  },
  {
    name: "POST refused in new directories", // It removes what it has created.
    kind: "upload",
    line: "POST /files/one/two/refused",
    headers: [`Content-Digest: sha-256=:${new Uint8Array(32).toBase64()}:`],
    body: BODY,
    status: 400,
    prepare: (directory) => remove(`${directory}/one`),
    change: { name: "one/two/refused", before: null, after: null },
  },
  {
    name: "PUT if there is none",
    kind: "upload",
    line: "PUT /files/first",
    headers: ["If-None-Match: *"],
    body: BODY,
    status: 201,
    prepare: (directory) => remove(`${directory}/first`),
    change: { name: "first", before: null, after: BODY },
  },
  {
    name: "DELETE",
    kind: "DELETE",
    isTypical: true,
    line: "DELETE /files/doomed",
    status: 204,
    prepare: (directory) => Deno.writeFile(`${directory}/doomed`, SMALL),
    change: { name: "doomed", before: SMALL, after: null },
  },
  {
    name: "DELETE of a folder",
    kind: "DELETE",
    line: "DELETE /files/folder/",
    status: 200,
    prepare: async (directory) => {
      await Deno.mkdir(`${directory}/folder/below`, { recursive: true });
      await Deno.writeFile(`${directory}/folder/below/a`, SMALL);
    },
    change: { name: "folder/below/a", before: SMALL, after: null },
  },
  {
    name: "POST of a form",
    kind: "upload",
    line: "POST /files/",
    headers: ["Content-Type: multipart/form-data; boundary=b"],
    body: new Uint8Array([...encode(FORM_HEAD), ...BODY, ...encode(FORM_END)]),
    status: 201,
    prepare: (directory) => remove(`${directory}/form`),
    change: { name: "form", before: null, after: BODY },
  },
];
