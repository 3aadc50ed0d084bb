// Reading /files through a live server: ranges, conditions, codings, the fields of a file, files
// that change while they are sent, and listings.

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Directory, type OpenFile } from "../../lib/files/directory.ts";
import { fileHandlers } from "../../lib/files/handlers.ts";
import { temporaryName } from "../../lib/files/names.ts";
import { DEFAULT_FILE_SETTINGS, type FileSettings } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/listener.ts";
import { type Permission, testWith } from "../support/needs.ts";
import { RawClient, type RawResponse, toLatin1 } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";

const NEEDS: readonly Permission[] = ["net", "read", "write"];

/** A directory, and a server for it. */
interface House {
  readonly path: string;
  readonly port: number;
  /** What the server has reported. */
  readonly errors: unknown[];
  /** Asks for a target of a method, with lines of fields; nothing may follow the response. */
  ask(request: string, ...lines: string[]): Promise<RawResponse>;
}

async function withHouse(
  run: (house: House) => Promise<void>,
  changes: Partial<FileSettings> = {},
): Promise<void> {
  const settings = { ...DEFAULT_FILE_SETTINGS, ...changes };
  await withDirectory(async (path) => {
    const errors: unknown[] = [];
    const directory = new Directory(path, settings.showsHidden);
    const server = serve(router(routes(fileHandlers(directory, settings))), {
      port: 0,
      observer: { onError: (error) => errors.push(error) },
    });
    const { port } = server;
    try {
      await run({ path, port, errors, ask: (...request) => askAt(port, ...request) });
    } finally {
      await server.close();
    }
  });
}

async function askAt(port: number, request: string, ...lines: string[]): Promise<RawResponse> {
  using client = await RawClient.connect(port);
  await client.send(head(request, ...lines, "Connection: close"));
  const response = await client.readResponse(request.split(" ")[0]);
  assertEquals(await client.readToEnd(), new Uint8Array(0), `${request}: octets too many`);
  return response;
}

function head(request: string, ...lines: string[]): string {
  return [`${request} HTTP/1.1`, "Host: h", ...lines, "", ""].join("\r\n");
}

/** Octets of which no two ranges are alike. */
function makeOctets(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) % 256);
}

/** A file of 1000 octets, named `a`. */
const OCTETS = makeOctets(1000);

async function withFile(run: (house: House) => Promise<void>): Promise<void> {
  await withHouse(async (house) => {
    await Deno.writeFile(`${house.path}/a`, OCTETS);
    await Deno.utime(`${house.path}/a`, CHANGED, CHANGED);
    await run(house);
  });
}

const CHANGED = new Date(Date.UTC(2020, 10, 20, 9, 0, 0, 500));
const SAME = "Fri, 20 Nov 2020 09:00:00 GMT";
const EARLIER = "Fri, 20 Nov 2020 08:59:59 GMT";
const LATER = "Fri, 20 Nov 2020 09:00:01 GMT";

// --- Ranges

/** What comes of a Range field: the Content-Range of the 206, or another status. */
const RANGES: [value: string, result: string | 200 | 416][] = [
  ["bytes=0-0", "bytes 0-0/1000"],
  ["bytes=0-9", "bytes 0-9/1000"],
  ["bytes=990-999", "bytes 990-999/1000"],
  ["bytes=999-999", "bytes 999-999/1000"],
  ["bytes=500-", "bytes 500-999/1000"],
  ["bytes=0-", "bytes 0-999/1000"],
  ["bytes=-1", "bytes 999-999/1000"],
  ["bytes=-1000", "bytes 0-999/1000"],
  ["bytes=-1001", "bytes 0-999/1000"],
  ["bytes=990-1000", "bytes 990-999/1000"],
  ["bytes=990-99999999999999999999", "bytes 990-999/1000"],
  ["BYTES=0-0", "bytes 0-0/1000"],
  ["bytes=0-9,5-19", "bytes 0-19/1000"],
  ["bytes=10-19, 0-9", "bytes 0-19/1000"],
  ["bytes=0-9,,20-29", "bytes 0-29/1000"],
  ["bytes=0-9,1000-1009", "bytes 0-9/1000"],
  ["bytes=1000-", 416],
  ["bytes=1000-1000", 416],
  ["bytes=-0", 416],
  ["bytes=2000-3000,1000-", 416],
  ["bytes=9-0", 200],
  ["bytes=0-9,9-0", 200],
  ["bytes=a-b", 200],
  ["bytes=-", 200],
  ["bytes=", 200],
  ["bytes 0-9", 200],
  ["0-9", 200],
  ["lines=0-9", 200],
  ["bytes=+1-9", 200],
  ["bytes=0x1-9", 200],
];

testWith(NEEDS, "GET of a file answers one range", () =>
  withFile(async ({ ask }) => {
    for (const [value, result] of RANGES) {
      const { status, fields, content } = await ask("GET /files/a", `Range: ${value}`);
      assertEquals(status, typeof result === "string" ? 206 : result, value);
      const [, first, last] = /^bytes (\d+)-(\d+)/.exec(String(result)) ?? [];
      const told = result === 416 ? "bytes */1000" : result === 200 ? undefined : result;
      assertEquals(fields.get("content-range"), told, value);
      if (result === 416) continue;
      const expected = first === undefined ? OCTETS : OCTETS.slice(+first, Number(last) + 1);
      assertEquals(content, expected, value);
      assertEquals(fields.get("accept-ranges"), "bytes", value);
      assertEquals(fields.get("content-length"), String(expected.length), value);
    }
  }));

interface Part {
  readonly range: string | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

/** The parts of a multipart/byteranges content (RFC 9110 section 14.6). */
function partsOf({ fields, text }: RawResponse): Part[] {
  const type = fields.get("content-type")!;
  const [, boundary] = /^multipart\/byteranges; ?boundary="?([^"]+)"?$/.exec(type) ?? [];
  assert(boundary !== undefined, type);
  const [before, ...parts] = `\r\n${text}`.split(`\r\n--${boundary}`);
  assertEquals(before!.trim(), "");
  assertMatch(parts.pop()!, /^--\s*$/);
  return parts.map((part) => {
    const [lines, ...content] = part.split("\r\n\r\n");
    return {
      range: /^Content-Range: (.*)$/mi.exec(lines!)?.[1]?.trim(),
      type: /^Content-Type: (.*)$/mi.exec(lines!)?.[1]?.trim(),
      text: content.join("\r\n\r\n"),
    };
  });
}

/** Several ranges, and those that are sent for them. */
const SEVERAL: [value: string, sent: [first: number, last: number][]][] = [
  ["0-9,500-509", [[0, 9], [500, 509]]],
  ["500-509,0-9", [[0, 9], [500, 509]]],
  ["0-0, -1", [[0, 0], [999, 999]]],
  ["0-99,50-149,400-,-1", [[0, 149], [400, 999]]],
  ["0-9,2000-3000,500-509", [[0, 9], [500, 509]]],
  ["0-0,300-300,600-600,900-5000", [[0, 0], [300, 300], [600, 600], [900, 999]]],
];

testWith(
  NEEDS,
  "GET of a file answers several ranges as multipart/byteranges",
  () =>
    withFile(async ({ ask }) => {
      for (const [value, sent] of SEVERAL) {
        const response = await ask("GET /files/a", `Range: bytes=${value}`);
        assertEquals(response.status, 206, value);
        assertEquals(response.fields.has("content-range"), false, value);
        assertEquals(response.fields.get("content-length"), String(response.content.length), value);
        const expected = sent.map(([first, last]) => ({
          range: `bytes ${first}-${last}/1000`,
          type: "application/octet-stream",
          text: toLatin1(OCTETS.slice(first, last + 1)),
        }));
        assertEquals(partsOf(response), expected, value);
      }
    }),
);

testWith(
  NEEDS,
  "GET of a file streams large ranges one after the other",
  () =>
    withHouse(async ({ path, ask }) => {
      const octets = makeOctets(400_000);
      await Deno.writeFile(`${path}/a`, octets);
      const response = await ask("GET /files/a", "Range: bytes=1-150000,200000-399998");
      assertEquals(response.status, 206);
      const [one, other, ...none] = partsOf(response);
      assertEquals(none, []);
      assert(one!.text === toLatin1(octets.slice(1, 150_001)), "the first part");
      assert(other!.text === toLatin1(octets.slice(200_000, 399_999)), "the second part");
    }),
);

testWith(
  NEEDS,
  "GET of a file sends the whole for more than 50 ranges, or for tiny ones",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.writeFile(`${path}/large`, makeOctets(100_000));
      await Deno.writeFile(`${path}/small`, makeOctets(100));
      const ranges = (count: number) => {
        const each = Array.from({ length: count }, (_, index) => `${index * 1000}-${index * 1000}`);
        return `Range: bytes=${each}`;
      };
      const fifty = await ask("GET /files/large", ranges(50));
      assertEquals([fifty.status, partsOf(fifty).length], [206, 50]);
      const more = await ask("GET /files/large", ranges(51));
      assertEquals([more.status, more.content.length], [200, 100_000]);
      const tiny = await ask("GET /files/small", "Range: bytes=0-0,99-99");
      assertEquals([tiny.status, tiny.content.length], [200, 100]);
      assertEquals(tiny.fields.get("content-type"), "application/octet-stream");
    }),
);

testWith(NEEDS, "HEAD of a file ignores Range", () =>
  withFile(async ({ ask }) => {
    for (const value of ["bytes=0-0", "bytes=0-0,500-", "bytes=1000-"]) {
      const { status, fields } = await ask("HEAD /files/a", `Range: ${value}`);
      assertEquals([status, fields.get("content-length")], [200, "1000"], value);
      assertEquals(fields.has("content-range"), false, value);
    }
  }));

testWith(
  NEEDS,
  "GET of an empty file has no range to answer",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a`, "");
      for (const value of ["bytes=0-", "bytes=0-0", "bytes=-1"]) {
        const { status, fields } = await ask("GET /files/a", `Range: ${value}`);
        assertEquals([status, fields.get("content-range")], [416, "bytes */0"], value);
      }
      for (const line of ["Range: lines=0-", "Accept-Encoding: gzip"]) {
        const { status, fields, content } = await ask("GET /files/a", line);
        assertEquals([status, content.length, fields.get("content-length")], [200, 0, "0"], line);
        assertEquals(fields.has("content-encoding"), false, line);
      }
    }),
);

testWith(
  NEEDS,
  "GET of a file sends a range only where If-Range names its present state",
  () =>
    withFile(async ({ ask }) => {
      const etag = (await ask("GET /files/a")).fields.get("etag")!;
      const cases: [condition: string, status: number][] = [
        [etag, 206],
        [SAME, 206],
        ["Friday, 20-Nov-20 09:00:00 GMT", 206],
        ["Fri Nov 20 09:00:00 2020", 206],
        [`W/${etag}`, 200],
        ['"stale"', 200],
        [`"stale", ${etag}`, 200],
        [EARLIER, 200],
        [LATER, 200],
        ["*", 200],
        ["", 200],
        ["yesterday", 200],
      ];
      for (const [condition, status] of cases) {
        const lines = ["Range: bytes=0-0", `If-Range: ${condition}`];
        const response = await ask("GET /files/a", ...lines);
        assertEquals(response.status, status, condition);
        assertEquals(response.content.length, status === 206 ? 1 : 1000, condition);
      }
      const past = await ask("GET /files/a", "Range: bytes=1000-", 'If-Range: "stale"');
      assertEquals([past.status, past.content.length], [200, 1000]);
    }),
);

testWith(NEEDS, "GET of a file never codes a part of it", () =>
  withFile(async ({ path, ask }) => {
    await Deno.writeTextFile(`${path}/a.gz`, "ready-made");
    for (const value of ["bytes=0-9", "bytes=0-9,500-509"]) {
      const { status, fields, content } = await ask(
        "GET /files/a",
        `Range: ${value}`,
        "Accept-Encoding: gzip, br",
      );
      assertEquals([status, fields.has("content-encoding")], [206, false], value);
      assertEquals(fields.get("etag"), (await ask("GET /files/a")).fields.get("etag"), value);
      assert(toLatin1(content).includes(toLatin1(OCTETS.slice(0, 10))), value);
    }
  }));

// --- Validators and conditions

testWith(
  NEEDS,
  "GET of a file tells validators, and others for each coding",
  () =>
    withFile(async ({ ask }) => {
      const etags = new Set<string>();
      for (const coding of ["identity", "gzip", "br"]) {
        const line = `Accept-Encoding: ${coding}`;
        const { fields } = await ask("GET /files/a", line);
        assertEquals(fields.get("content-encoding"), coding === "identity" ? undefined : coding);
        assertEquals(fields.get("last-modified"), SAME, coding);
        assertEquals(fields.get("vary"), "Accept-Encoding", coding);
        const etag = fields.get("etag")!;
        assertMatch(etag, /^"[\x21\x23-\x7e]+"$/, coding);
        etags.add(etag);
        const again = await ask("HEAD /files/a", line);
        assertEquals(again.fields.get("etag"), etag, coding);
        assertEquals(
          (await ask("GET /files/a", line, `If-None-Match: ${etag}`)).status,
          304,
          coding,
        );
      }
      assertEquals(etags.size, 3);
    }),
);

testWith(
  NEEDS,
  "GET of a file tells another ETag once the file is another",
  () =>
    withFile(async ({ path, ask }) => {
      const etag = async () => (await ask("GET /files/a")).fields.get("etag")!;
      const etags = [await etag()];
      await Deno.utime(`${path}/a`, CHANGED, new Date(CHANGED.getTime() + 1));
      etags.push(await etag());
      await Deno.writeFile(`${path}/a`, OCTETS.slice(1));
      await Deno.utime(`${path}/a`, CHANGED, CHANGED);
      etags.push(await etag());
      await Deno.writeFile(`${path}/b`, OCTETS);
      await Deno.utime(`${path}/b`, CHANGED, CHANGED);
      await Deno.rename(`${path}/b`, `${path}/a`);
      etags.push(await etag());
      assertEquals(new Set(etags).size, 4, etags.join(" "));
    }),
);

/** What comes of conditions; `ETAG` stands for the file's entity tag. */
const CONDITIONS: [lines: string[], status: number][] = [
  [["If-None-Match: ETAG"], 304],
  [["If-None-Match: W/ETAG"], 304],
  [["If-None-Match: *"], 304],
  [['If-None-Match: "x", ETAG, "y"'], 304],
  [['If-None-Match: "x"', "If-None-Match: ETAG"], 304],
  [['If-None-Match: "x"', 'If-None-Match: "y"'], 200],
  [[`If-None-Match: "x"`], 200],
  [[`If-Modified-Since: ${SAME}`], 304],
  [["If-Modified-Since: Friday, 20-Nov-20 09:00:00 GMT"], 304],
  [["If-Modified-Since: Fri Nov 20 09:00:00 2020"], 304],
  [[`If-Modified-Since: ${LATER}`], 304],
  [[`If-Modified-Since: ${EARLIER}`], 200],
  [["If-Modified-Since: yesterday"], 200],
  [["If-Match: ETAG"], 200],
  [["If-Match: *"], 200],
  [['If-Match: "x"', "If-Match: ETAG"], 200],
  [["If-Match: W/ETAG"], 412],
  [[`If-Match: "x"`], 412],
  [[`If-Unmodified-Since: ${SAME}`], 200],
  [[`If-Unmodified-Since: ${LATER}`], 200],
  [[`If-Unmodified-Since: ${EARLIER}`], 412],
  [["If-Unmodified-Since: Friday, 20-Nov-20 08:59:59 GMT"], 412],
  [["If-Unmodified-Since: Fri Nov 20 08:59:59 2020"], 412],
  // Precedence (RFC 9110 section 13.2.2)
  [["If-Match: ETAG", `If-Unmodified-Since: ${EARLIER}`], 200],
  [[`If-None-Match: "x"`, `If-Modified-Since: ${SAME}`], 200],
  [["If-None-Match: ETAG", `If-Modified-Since: ${EARLIER}`], 304],
  [[`If-Match: "x"`, "If-None-Match: ETAG"], 412],
  [["If-Match: ETAG", "If-None-Match: ETAG"], 304],
  [[`If-Unmodified-Since: ${EARLIER}`, `If-Modified-Since: ${SAME}`], 412],
  [["If-None-Match: ETAG", "Range: bytes=0-0"], 304],
  [["If-None-Match: ETAG", "Range: bytes=1000-"], 304],
  [[`If-Match: "x"`, "Range: bytes=0-0"], 412],
  [["If-Match: ETAG", "Range: bytes=0-0", 'If-Range: "x"'], 200],
];

testWith(
  NEEDS,
  "GET and HEAD of a file heed conditions in their order",
  () =>
    withFile(async ({ ask }) => {
      const etag = (await ask("GET /files/a")).fields.get("etag")!;
      for (const [templates, status] of CONDITIONS) {
        const lines = templates.map((line) => line.replace("ETAG", etag));
        for (const method of ["GET", "HEAD"]) {
          const response = await ask(`${method} /files/a`, ...lines);
          assertEquals(response.status, status, `${method} ${lines.join("; ")}`);
        }
      }
      for (const line of ["If-Match: *", "If-None-Match: *", `If-Unmodified-Since: ${EARLIER}`]) {
        assertEquals((await ask("GET /files/none", line)).status, 404, line);
      }
    }),
);

testWith(
  NEEDS,
  "304 carries what a cache needs, and nothing of the content",
  () =>
    withFile(async ({ ask }) => {
      for (const coding of ["identity", "gzip"]) {
        const line = `Accept-Encoding: ${coding}`;
        const whole = await ask("GET /files/a", line);
        const { status, fields } = await ask("GET /files/a", line, "If-None-Match: *");
        assertEquals(status, 304);
        for (const name of ["etag", "last-modified", "vary"]) {
          assertEquals(fields.get(name), whole.fields.get(name), name);
          assert(fields.has(name), name);
        }
        assert(fields.has("date"));
        for (const name of ["content-length", "transfer-encoding", "content-encoding"]) {
          assertEquals(fields.has(name), false, name);
        }
      }
    }),
);

// --- The fields of a file

testWith(
  NEEDS,
  "GET of a file is octets without a type, to be sniffed by nobody",
  () =>
    withHouse(async ({ path, ask }) => {
      for (const name of ["a", "a.html", "a.txt", "a.svg"]) {
        await Deno.writeTextFile(`${path}/${name}`, "content");
        const { fields } = await ask(`GET /files/${name}`);
        assertEquals(fields.get("content-type"), "application/octet-stream", name);
        assertEquals(fields.get("x-content-type-options"), "nosniff", name);
        assertEquals(fields.get("accept-ranges"), "bytes", name);
        assertEquals(fields.has("content-security-policy"), false, name);
        assertEquals(fields.has("content-disposition"), false, name);
      }
    }),
);

/** Types that are guessed, and whether script may run in them. */
const TYPES: [name: string, type: string, isSandboxed: boolean][] = [
  ["a.txt", "text/plain; charset=utf-8", false],
  ["a.css", "text/css; charset=utf-8", false],
  ["a.js", "text/javascript; charset=utf-8", false],
  ["a.html", "text/html; charset=utf-8", true],
  ["A.HTM", "text/html; charset=utf-8", true],
  ["a.svg", "image/svg+xml", true],
  ["a.xhtml", "application/xhtml+xml", true],
  ["a.xml", "application/xml", true],
  ["a.rss", "application/rss+xml", true],
  ["a.png", "image/png", false],
  ["a.json", "application/json", false],
  ["a.unheard", "application/octet-stream", false],
  ["a", "application/octet-stream", false],
];

async function checkTypes(cases: typeof TYPES): Promise<void> {
  await withHouse(async ({ path, ask }) => {
    for (const [name, type, isSandboxed] of cases) {
      await Deno.writeTextFile(`${path}/${name}`, "content");
      for (const line of ["Range: bytes=0-0", "Accept-Encoding: gzip", "Accept: */*"]) {
        const { fields } = await ask(`GET /files/${name}`, line);
        assertEquals(fields.get("content-type"), type, name);
        assertEquals(fields.get("x-content-type-options"), "nosniff", name);
        const policy = fields.get("content-security-policy");
        assertEquals(policy, isSandboxed ? "sandbox" : undefined, name);
      }
    }
  }, { guessesTypes: true });
}

testWith(NEEDS, "GET of a file guesses its type where it is asked to", () => checkTypes(TYPES));

// Browsers run script in whatever type ends in +xml, not just in those of application.
testWith(NEEDS, "GET of a file sandboxes every kind of XML", () =>
  checkTypes([
    ["a.dae", "model/vnd.collada+xml", true],
    ["a.x3d", "model/x3d+xml", true],
  ]));

/** Names, and the Content-Disposition that they are saved by. */
const DOWNLOADS: [name: string, disposition: RegExp][] = [
  ["plain.txt", /^attachment; filename="?plain\.txt"?$/],
  ["å €.txt", /^attachment; filename="[ -~]+"; filename\*=UTF-8''%C3%A5%20%E2%82%AC\.txt$/],
  ["café", /^attachment; filename="[ -~]+"; filename\*=UTF-8''caf%C3%A9$/],
  ['a"b', /^attachment; filename="a\\"b"$/],
  ["a\r\nb", /^attachment; filename="[ -~]+"; filename\*=UTF-8''a%0D%0Ab$/],
];

testWith(
  NEEDS,
  "GET of a file names it for saving where the query has download",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in`);
      for (const [name, disposition] of DOWNLOADS) {
        await Deno.writeTextFile(`${path}/in/${name}`, "content");
        const target = `/files/in/${encodeURIComponent(name)}`;
        for (const query of ["download", "download=", "x=y&download=1"]) {
          const { fields } = await ask(`GET ${target}?${query}`);
          assertMatch(fields.get("content-disposition") ?? "", disposition, name);
        }
        const { status, fields } = await ask(`GET ${target}?downloads`);
        assertEquals([status, fields.has("content-disposition")], [200, false]);
      }
    }),
);

// --- Codings

/** A file, its ready-made codings, and what is sent; "coded" is what is coded on the way. */
const READY_MADE: [beside: string[], accepted: string, coding: string | null, from: string][] = [
  [["gz", "br"], "gzip", "gzip", "gz"],
  [["gz", "br"], "br", "br", "br"],
  [["gz", "br"], "gzip, br", "br", "br"],
  [["gz", "br"], "gzip, br;q=0.5", "gzip", "gz"],
  [["gz", "br"], "*", "br", "br"],
  [["gz", "br"], "identity", null, "original"],
  [["gz", "br"], "gzip;q=0, br;q=0", null, "original"],
  [["gz", "br"], "deflate", null, "original"],
  [["gz"], "gzip, br", "gzip", "gz"],
  [["br"], "gzip, br", "br", "br"],
  [["gz"], "br", "br", "coded"],
  [["br"], "gzip", "gzip", "coded"],
  [[], "gzip, br", "gzip", "coded"],
];

/** Text that does not look as if it had been sent in a coding. */
const TEXT = "original ".repeat(100);

async function writeReadyMade(path: string, endings: string[], changed: Date): Promise<void> {
  for (const ending of endings) {
    await Deno.writeTextFile(`${path}/a.txt.${ending}`, ending);
    await Deno.utime(`${path}/a.txt.${ending}`, changed, changed);
  }
}

testWith(
  NEEDS,
  "GET of a file sends the ready-made coding that the client likes best",
  async () => {
    for (const [beside, accepted, coding, from] of READY_MADE) {
      await withHouse(async ({ path, ask }) => {
        await Deno.writeTextFile(`${path}/a.txt`, TEXT);
        await Deno.utime(`${path}/a.txt`, CHANGED, CHANGED);
        await writeReadyMade(path, beside, CHANGED);
        const name = `${beside}: ${accepted}`;
        const { fields, text } = await ask("GET /files/a.txt", `Accept-Encoding: ${accepted}`);
        assertEquals(fields.get("content-encoding"), coding ?? undefined, name);
        assertEquals(fields.get("vary"), "Accept-Encoding", name);
        if (from !== "coded") assertEquals(text, from === "original" ? TEXT : from, name);
        else assert(text !== TEXT && !beside.includes(text), name);
      });
    }
  },
);

testWith(
  NEEDS,
  "GET of a file passes over ready-made codings that are stale or no files",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a.txt`, TEXT);
      await Deno.utime(`${path}/a.txt`, CHANGED, CHANGED);
      await writeReadyMade(path, ["gz", "br"], new Date(CHANGED.getTime() - 1000));
      for (const [coding, ending] of [["gzip", "gz"], ["br", "br"]]) {
        const { fields, text } = await ask("GET /files/a.txt", `Accept-Encoding: ${coding}`);
        assertEquals(fields.get("content-encoding"), coding);
        assertNotEquals(text, ending);
        assertEquals((await ask(`GET /files/a.txt.${ending}`)).text, ending);
      }
      await Deno.remove(`${path}/a.txt.gz`);
      await Deno.mkdir(`${path}/a.txt.gz`);
      await Deno.remove(`${path}/a.txt.br`);
      await Deno.symlink("a.txt.gz", `${path}/a.txt.br`);
      for (const coding of ["gzip", "br"]) {
        const { fields } = await ask("HEAD /files/a.txt", `Accept-Encoding: ${coding}`);
        assertEquals(fields.get("content-encoding"), coding);
        assertEquals(fields.get("last-modified"), SAME, "it is coded from the original");
      }
    }),
);

testWith(
  NEEDS,
  "GET of a file sends ready-made codings in its name only where it exists",
  () =>
    withHouse(async ({ path, ask }) => {
      await writeReadyMade(path, ["gz", "br"], CHANGED);
      for (const coding of ["gzip", "br", "identity"]) {
        const { status } = await ask("GET /files/a.txt", `Accept-Encoding: ${coding}`);
        assertEquals(status, 404, coding);
      }
    }),
);

testWith(
  NEEDS,
  "GET of a file tells a ready-made coding by an ETag of its own",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a.txt`, TEXT);
      await writeReadyMade(path, ["gz", "br"], new Date());
      await Deno.utime(`${path}/a.txt`, CHANGED, CHANGED);
      const requests: [target: string, coding: string, sent: string | undefined][] = [
        ["a.txt", "identity", undefined],
        ["a.txt", "gzip", "gzip"],
        ["a.txt", "br", "br"],
        ["a.txt.gz", "gzip, br", undefined],
        ["a.txt.br", "gzip, br", undefined],
      ];
      const etags = new Set<string>();
      for (const [target, coding, sent] of requests) {
        const line = `Accept-Encoding: ${coding}`;
        const { fields } = await ask(`GET /files/${target}`, line);
        assertEquals(fields.get("content-encoding"), sent, target);
        const etag = fields.get("etag")!;
        etags.add(etag);
        const again = await ask(`GET /files/${target}`, line, `If-None-Match: ${etag}`);
        assertEquals(again.status, 304, target);
      }
      await Deno.remove(`${path}/a.txt.gz`);
      const { fields } = await ask("GET /files/a.txt", "Accept-Encoding: gzip");
      etags.add(fields.get("etag")!);
      assertEquals(etags.size, 6, [...etags].join(" "));
    }),
);

testWith(
  NEEDS,
  "GET of a file codes it on the way, large or small",
  () =>
    withHouse(async ({ path, ask }) => {
      for (const size of [1, 1000, 65_536, 65_537, 500_000]) {
        const octets = makeOctets(size);
        await Deno.writeFile(`${path}/a`, octets);
        for (const [coding, format] of [["gzip", "gzip"], ["br", "brotli"]] as const) {
          const { fields, content } = await ask("GET /files/a", `Accept-Encoding: ${coding}`);
          assertEquals(fields.get("content-encoding"), coding);
          const stream = new Blob([content.slice()]).stream();
          const decoded = stream.pipeThrough(new DecompressionStream(format));
          assertEquals(await new Response(decoded).bytes(), octets, `${coding} of ${size}`);
        }
      }
    }),
);

// --- Hidden and temporary names

/** Names that begin with a dot, and those of temporary files. */
const HIDDEN = [".env", ".git/config", "in/.env", "in/.git/config", ".wireserve-x.part"];
const TEMPORARY = [temporaryName(), `in/${temporaryName()}`];

async function hide(path: string): Promise<void> {
  await Deno.mkdir(`${path}/.git`);
  await Deno.mkdir(`${path}/in/.git`, { recursive: true });
  for (const name of [...HIDDEN, ...TEMPORARY, "in/seen"]) {
    await Deno.writeTextFile(`${path}/${name}`, name);
  }
}

async function namesIn({ ask }: House, target: string): Promise<string[]> {
  const { status, text } = await ask(`GET ${target}`, "Accept: application/json");
  assertEquals(status, 200, target);
  return (JSON.parse(text) as { name: string }[]).map(({ name }) => name);
}

testWith(NEEDS, "hidden names are neither served nor listed", () =>
  withHouse(async (house) => {
    await hide(house.path);
    for (const name of [...HIDDEN, ...TEMPORARY, ".git", ".git/", "in/.git/"]) {
      assertEquals((await house.ask(`GET /files/${name}`)).status, 404, name);
    }
    assertEquals(await namesIn(house, "/files/"), ["in"]);
    assertEquals(await namesIn(house, "/files/in/"), ["seen"]);
  }));

testWith(
  NEEDS,
  "hidden names are served and listed where it is asked for, temporary ones never",
  () =>
    withHouse(async (house) => {
      await hide(house.path);
      for (const name of HIDDEN) {
        assertEquals((await house.ask(`GET /files/${name}`)).text, name);
      }
      for (const name of TEMPORARY) {
        assertEquals((await house.ask(`GET /files/${name}`)).status, 404, name);
      }
      assertEquals(await namesIn(house, "/files/"), [".env", ".git", ".wireserve-x.part", "in"]);
      assertEquals(await namesIn(house, "/files/in/"), [".env", ".git", "seen"]);
    }, { showsHidden: true }),
);

// --- Files that change while they are sent

/** More than the buffers of the two sockets hold, so that the server cannot have read it all. */
const LARGE = 24 * 1024 * 1024;

/** What happens to the file, and whether the old one is delivered all the same. */
const CHANGES: [name: string, isDelivered: boolean, change: (file: string) => Promise<void>][] = [
  ["replaced by rename", true, async (file) => {
    await Deno.writeFile(`${file}.new`, new Uint8Array(LARGE).fill(1));
    await Deno.rename(`${file}.new`, file);
  }],
  ["deleted", true, (file) => Deno.remove(file)],
  ["written into", false, async (file) => {
    using open = await Deno.open(file, { write: true });
    await open.seek(LARGE - 100_000, Deno.SeekMode.Start);
    await open.write(new Uint8Array(10).fill(1));
  }],
  ["written over as a whole", false, (file) => Deno.writeFile(file, new Uint8Array(LARGE).fill(1))],
  ["cut", false, (file) => Deno.truncate(file, 1000)],
  ["cut by its last octet", false, (file) => Deno.truncate(file, LARGE - 1)],
  ["appended to", false, (file) => Deno.writeTextFile(file, "more", { append: true })],
];

/** The Range fields to send it by. */
const ASKED = ["lines=0-", "bytes=1-", "bytes=0-99,1000-"];

interface Delivery {
  readonly announced: number;
  readonly received: number;
  readonly hasChanged: boolean;
}

/** Has a large file of zeros change while it is sent. */
async function deliver(
  { path, port }: House,
  range: string,
  change: (file: string) => Promise<void>,
): Promise<Delivery> {
  await Deno.writeFile(`${path}/large`, new Uint8Array(LARGE));
  await Deno.utime(`${path}/large`, CHANGED, CHANGED);
  using client = await RawClient.connect(port);
  await client.send(head("GET /files/large", `Range: ${range}`, "Connection: close"));
  let text = "";
  while (!text.endsWith("\r\n\r\n")) text += toLatin1(await client.read(1));
  await change(`${path}/large`);
  const announced = Number(/^Content-Length: ([0-9]+)\r$/mi.exec(text)?.[1]);
  return { announced, ...await receive(client, announced) };
}

/** Receives until the connection ends, by pieces: the client joins what it has not given out. */
async function receive(client: RawClient, length: number): Promise<Omit<Delivery, "announced">> {
  let received = 0;
  let hasChanged = false;
  while (received < length) {
    const count = Math.min(65536, length - received);
    const piece = await client.read(count).catch(() => null);
    if (piece === null) break;
    received += piece.length;
    hasChanged ||= piece.includes(1);
  }
  return { received, hasChanged };
}

for (const [name, isDelivered, change] of CHANGES) {
  const outcome = isDelivered ? "is delivered whole as it was" : "cuts the connection";
  testWith(
    NEEDS,
    `a file that is ${name} while it is sent ${outcome}`,
    () =>
      withHouse(async (house) => {
        for (const range of ASKED) {
          const { announced, received, hasChanged } = await deliver(house, range, change);
          assert(announced >= LARGE - 1000, range);
          assertEquals(received === announced, isDelivered, `${range}: ${received}/${announced}`);
          if (isDelivered) assertEquals(hasChanged, false, range);
        }
        assertEquals(house.errors.length, isDelivered ? 0 : ASKED.length);
      }),
  );
}

/** A directory in which the file `a` is cut as soon as it has been opened. */
class CuttingDirectory extends Directory {
  override async openFile(name: string): Promise<OpenFile | null> {
    const open = await super.openFile(name);
    if (name === "a") await Deno.truncate(`${this.path}/a`, 10);
    return open;
  }
}

testWith(
  NEEDS,
  "a small file that is cut before it is coded is 500",
  () =>
    withDirectory(async (path) => {
      const errors: unknown[] = [];
      const handlers = fileHandlers(new CuttingDirectory(path), DEFAULT_FILE_SETTINGS);
      const observer = { onError: (error: unknown) => errors.push(error) };
      const server = serve(router(routes(handlers)), { port: 0, observer });
      for (const coding of ["gzip", "br"]) {
        await Deno.writeFile(`${path}/a`, OCTETS);
        const line = `Accept-Encoding: ${coding}`;
        assertEquals((await askAt(server.port, "GET /files/a", line)).status, 500, coding);
      }
      await server.close();
      assertEquals(errors.length, 2);
      for (const error of errors) assertMatch(String(error), /has been cut while it was sent/);
    }),
);

// --- Listings

testWith(
  NEEDS,
  "a folder without its slash leads to the one with it",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in/a b`, { recursive: true });
      const cases: [target: string, location: string][] = [
        ["/files", "/files/"],
        ["/files?x=y&z", "/files/?x=y&z"],
        ["/files/in", "/files/in/"],
        ["/files/in?x=%20", "/files/in/?x=%20"],
        ["/files/in/a%20b?", "/files/in/a%20b/?"],
      ];
      for (const [target, location] of cases) {
        for (const method of ["GET", "HEAD"]) {
          const { status, fields } = await ask(`${method} ${target}`);
          assertEquals([status, fields.get("location")], [308, location], target);
        }
      }
    }),
);

testWith(
  NEEDS,
  "a folder has no listing at another path than its own",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in`);
      const targets = ["/files/none/", "/files/in//", "/files//", "/files/in/..", "/files/./"];
      for (const target of targets) assertEquals((await ask(`GET ${target}`)).status, 404, target);
    }),
);

testWith(
  NEEDS,
  "a listing for programs tells name, type, size and time",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/folder`);
      await Deno.writeFile(`${path}/a`, OCTETS);
      await Deno.symlink("a", `${path}/link`);
      await Deno.symlink("folder", `${path}/way`);
      for (const name of ["a", "folder"]) await Deno.utime(`${path}/${name}`, CHANGED, CHANGED);
      const { fields, text } = await ask("GET /files/", "Accept: application/json");
      assertEquals(fields.get("content-type"), "application/json");
      assert(fields.get("vary")!.split(", ").includes("Accept"));
      const modified = CHANGED.toISOString();
      assertEquals(JSON.parse(text), [
        { name: "a", type: "file", size: 1000, modified },
        { name: "folder", type: "folder", size: null, modified },
        { name: "link", type: "file", size: 1000, modified },
        { name: "way", type: "folder", size: null, modified },
      ]);
      const empty = await ask("GET /files/folder/", "Accept: application/json");
      assertEquals(JSON.parse(empty.text), []);
    }),
);

testWith(
  NEEDS,
  "a listing is a page unless it is asked for as JSON",
  () =>
    withHouse(async ({ ask }) => {
      for (
        const line of ["Accept: text/html", "Accept: */*", "X: no Accept", "Accept: image/png"]
      ) {
        const { status, fields, text } = await ask("GET /files/", line);
        assertEquals([status, fields.get("content-type")], [200, "text/html; charset=utf-8"], line);
        assert(fields.get("vary")!.split(", ").includes("Accept"), line);
        assertMatch(fields.get("content-security-policy")!, /default-src 'none'/, line);
        assertMatch(text, /^<!DOCTYPE html>/, line);
      }
    }),
);

testWith(
  NEEDS,
  "a listing is not to be sniffed, be it a page or JSON",
  () =>
    withHouse(async ({ ask }) => {
      for (const type of ["text/html", "application/json"]) {
        const { fields } = await ask("GET /files/", `Accept: ${type}`);
        assertEquals(fields.get("x-content-type-options"), "nosniff", type);
      }
    }),
);

testWith(
  NEEDS,
  "HEAD of a listing tells what GET would, without the content",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.writeTextFile(`${path}/a`, "content");
      for (const line of ["Accept: text/html", "Accept: application/json"]) {
        const [told, sent] = [await ask("HEAD /files/", line), await ask("GET /files/", line)];
        assertEquals(told.status, 200);
        for (const name of ["content-type", "content-length", "vary"]) {
          assertEquals(told.fields.get(name), sent.fields.get(name), name);
        }
        assertEquals(told.fields.get("content-length"), String(sent.content.length));
      }
    }),
);

testWith(
  NEEDS,
  "a listing for programs is coded where the client takes that",
  () =>
    withHouse(async ({ ask }) => {
      const lines = ["Accept: application/json", "Accept-Encoding: gzip"];
      const { fields, content } = await ask("GET /files/", ...lines);
      assertEquals(fields.get("content-encoding"), "gzip");
      assertEquals(fields.get("vary"), "Accept, Accept-Encoding");
      const stream = new Blob([content.slice()]).stream();
      const decoded = stream.pipeThrough(new DecompressionStream("gzip"));
      assertEquals(await new Response(decoded).text(), "[]\n");
    }),
);

/** Names that mean something to HTML, to URLs, or to both. */
const AWKWARD = [
  `<script>alert(1)<script>&"'.txt`,
  "a:b",
  "javascript:alert(1)",
  "a b%#?.txt",
  "%41",
  "&amp;",
  "å €.txt",
  "new\nline",
  "~+;=@!$,",
  "</a><img src=x onerror=alert(1)>".replaceAll("/", ""),
];

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

/** The targets that the links of a page lead to. */
function targetsOf(page: string, base: string): string[] {
  return [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => {
    const address = href!.replace(/&[#\w]+;/g, (entity) => ENTITIES[entity] ?? entity);
    const url = new URL(address, `http://h${base}`);
    assertEquals([url.origin, url.hash, url.search], ["http://h", "", ""], address);
    return url.pathname;
  });
}

testWith(
  NEEDS,
  "the links of a listing lead back to the files, whatever their names",
  () =>
    withHouse(async ({ path, ask }) => {
      const folder = `<script>alert(1)<`;
      for (const below of ["", `${folder}/`]) {
        await Deno.mkdir(`${path}/${below}`, { recursive: true });
        for (const name of AWKWARD) await Deno.writeTextFile(`${path}/${below}${name}`, name);
        const base = `/files/${below.split("/").map(encodeURIComponent).join("/")}`;
        const page = new TextDecoder().decode((await ask(`GET ${base}`)).content);
        assert(!/<(?:script|img)/i.test(page), page);
        const found: string[] = [];
        for (const target of targetsOf(page, base).filter((each) => !each.endsWith("/"))) {
          const { status, content } = await ask(`GET ${target}`);
          assertEquals(status, 200, target);
          found.push(new TextDecoder().decode(content));
        }
        assertEquals(found.sort(), AWKWARD.toSorted());
      }
      const [first] = targetsOf((await ask("GET /files/")).text, "/files/");
      assertEquals((await ask(`GET ${first}`)).status, 200, first);
    }),
);

testWith(
  NEEDS,
  "the links of a listing lead up, but not above the directory",
  () =>
    withHouse(async ({ path, ask }) => {
      await Deno.mkdir(`${path}/in/deep`, { recursive: true });
      const links = async (base: string) => targetsOf((await ask(`GET ${base}`)).text, base);
      assertEquals(await links("/files/"), ["/files/in/"]);
      assertEquals(await links("/files/in/"), ["/files/", "/files/in/deep/"]);
      assertEquals(await links("/files/in/deep/"), ["/files/in/"]);
    }),
);

testWith(
  NEEDS,
  "a listing leaves out links that lead out, nowhere or in circles",
  () =>
    withDirectory((outside) =>
      withHouse(async (house) => {
        await Deno.writeTextFile(`${outside}/secret`, "secret");
        const links = { out: outside, leak: `${outside}/secret`, none: "nothing", loop: "loop" };
        for (const [name, to] of Object.entries(links)) {
          await Deno.symlink(to, `${house.path}/${name}`);
        }
        await Deno.writeTextFile(`${house.path}/a`, "");
        assertEquals(await namesIn(house, "/files/"), ["a"]);
        const { text } = await house.ask("GET /files/");
        for (const name of Object.keys(links)) {
          assert(!text.includes(name), name);
        }
        assertEquals((await house.ask("GET /files/out/")).status, 404);
        assertEquals((await house.ask("GET /files/out")).status, 404);
      })
    ),
);

testWith(
  NEEDS,
  "a listing of very many entries has them all, in order",
  () =>
    withHouse(async (house) => {
      const names = Array.from({ length: 100 }, (_, index) => String(1000 + index));
      for (const name of names) await Deno.writeTextFile(`${house.path}/${name}`, "");
      assertEquals(await namesIn(house, "/files/"), names);
    }),
);

/** Whether we are root, whom no mode of a file keeps out. What we make is our own. */
function isRoot(): boolean {
  const states = ["read", "write"].map((name) =>
    Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state
  );
  if (states.some((state) => state !== "granted")) return false;
  const path = Deno.makeTempDirSync({ prefix: "wireserve-test-" });
  const { uid } = Deno.statSync(path);
  Deno.removeSync(path);
  return uid === 0;
}

const UNREADABLE = "what may not be read is 403";

async function checkUnreadable({ path, ask }: House): Promise<void> {
  await Deno.mkdir(`${path}/in`);
  await Deno.writeTextFile(`${path}/a`, "a");
  await Deno.chmod(`${path}/in`, 0o311);
  await Deno.chmod(`${path}/a`, 0);
  for (const target of ["/files/in/", "/files/a"]) {
    for (const method of ["GET", "HEAD"]) {
      assertEquals((await ask(`${method} ${target}`)).status, 403, target);
    }
  }
  assertEquals((await ask("GET /files/")).status, 200);
  await Deno.chmod(`${path}/in`, 0o755);
}

if (isRoot()) {
  Deno.test({ name: `${UNREADABLE} (ignored: root may read all)`, ignore: true, fn: () => {} });
} else testWith(NEEDS, UNREADABLE, () => withHouse(checkUnreadable));
