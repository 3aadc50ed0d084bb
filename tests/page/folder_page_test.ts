// The page of a folder as text, and errors as pages.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Entry, ListingView } from "../../lib/files/view.ts";
import { Fields } from "../../lib/http/fields.ts";
import { ParsedRequest } from "../../lib/http/message.ts";
import { StatusError } from "../../lib/http/status.ts";
import { renderMarkdown } from "../../lib/page/readme.ts";
import { SCRIPT_PATHS, serveAsset, STYLE_PATH } from "../../lib/page/assets.ts";
import { errorPages } from "../../lib/page/error_page.ts";
import { folderPage } from "../../lib/page/folder_page.ts";
import { humanSize } from "../../lib/page/format.ts";
import { kindOf } from "../../lib/page/icons.ts";
import { headWith } from "../support/exchange.ts";

function request(accept: string | null = null): ParsedRequest {
  const fields = new Fields(accept === null ? [] : [["Accept", accept]]);
  return new ParsedRequest({ ...headWith(), fields });
}

async function pageOf(
  entries: readonly Entry[],
  view: Partial<ListingView> = {},
  user?: string | null,
): Promise<string> {
  const asked = request();
  asked.user = user ?? null;
  async function* batches() {
    yield await Promise.resolve(entries);
  }
  let text = "";
  const whole: ListingView = {
    base: "/",
    segments: [],
    order: null,
    query: null,
    entries: batches(),
    part: { offset: 0, limit: Infinity },
    total: () => entries.length,
    cut: () => null,
    readme: () => Promise.resolve(null),
    canWrite: false,
    canDelete: false,
    ...view,
  };
  for await (const piece of folderPage(user !== undefined).render(whole, asked)) text += piece;
  return text;
}

const file = (name: string, size = 1): Entry => ({ name, type: "file", size, modified: 0 });

const NAMES: readonly [name: string, target: string, shown: string][] = [
  ["a b.txt", "./a%20b.txt", "a b.txt"],
  ["<script>.txt", "./%3Cscript%3E.txt", "&#60;script&#62;.txt"],
  [`"'&.txt`, "./%22&#39;%26.txt", "&#34;&#39;&#38;.txt"],
  ["a\nb", "./a%0Ab", "a\nb"],
  ["100%2F", "./100%252F", "100%2F"],
  ["a:b?c#d", "./a%3Ab%3Fc%23d", "a:b?c#d"],
  ["\u202egnp.exe", "./%E2%80%AEgnp.exe", "\u202egnp.exe"],
  ["\u{1f600}", "./%F0%9F%98%80", "\u{1f600}"],
];

for (const [name, target, shown] of NAMES) {
  Deno.test(`folderPage() links and shows ${JSON.stringify(name)}`, async () => {
    const text = await pageOf([file(name)]);
    assert(text.includes(`<a href="${target}">`), text);
    assert(text.includes(`<bdi>${shown}</bdi>`), text);
  });
}

Deno.test("folderPage() shows folders, sizes, times and thumbnails", async () => {
  const folder: Entry = { name: "in", type: "directory", size: null, modified: 0 };
  const text = await pageOf([folder, file("p.png", 2048), file("big.png", 5 << 20)]);
  assertMatch(text, /<tr class="folder">.*href="\.\/in\/"/);
  assertMatch(text, /<img class="icon" src="\.\/p\.png" alt="" loading="lazy"/);
  assert(!text.includes('src="./big.png"'));
  assertMatch(text, /title="2,048 bytes">2\.0 KiB</);
  assertMatch(text, /<time datetime="1970-01-01T00:00:00\.000Z">1970-01-01 00:00 UTC</);
  assertMatch(text, /3 entries/);
});

Deno.test("folderPage() has the way to the folder, the order and what is allowed", async () => {
  const text = await pageOf([], {
    base: "/x/",
    segments: ["a b", "<c>"],
    order: { key: "size", isDescending: false },
    canWrite: true,
  });
  assertMatch(text, /<a href="\/x\/">Files<\/a>.*<a href="\/x\/a%20b\/"><bdi>a b<\/bdi><\/a>/);
  assertMatch(text, /<bdi>&#60;c&#62;<\/bdi><\/h1>/);
  assertMatch(
    text,
    /<th class="size" scope="col" aria-sort="ascending"><a href="\.\/\?sort=-size"/,
  );
  assertMatch(text, /enctype="multipart\/form-data"/);
  assertMatch(text, /This folder is empty/);
  assertMatch(text, new RegExp(`src="/x/${SCRIPT_PATHS[0]}"`));
  const plain = await pageOf([]);
  assert(!plain.includes("multipart"));
  const found = await pageOf([], { query: '"q"', cut: () => "time" });
  assertMatch(found, /value="&#34;q&#34;"/);
  assertMatch(found, /Nothing was found.*took too long/s);
});

for (
  const [size, shown] of [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [10_189, "10 KiB"],
    [1_048_500, "1.0 MiB"],
    [5.5 * 2 ** 30, "5.5 GiB"],
  ] as const
) {
  Deno.test(`humanSize() gives ${shown} for ${size}`, () => assertEquals(humanSize(size), shown));
}

Deno.test("kindOf() knows endings in any case, and no other", () => {
  const kinds = ["a.JPG", "b.tar.gz", "c.md", "d", ".mp3", "e.constructor"].map(kindOf);
  assertEquals(kinds, ["picture", "archive", "text", "file", "audio", "file"]);
});

Deno.test("serveAsset() sends what the page loads, compressed, for ever", async () => {
  for (const path of [STYLE_PATH, ...SCRIPT_PATHS]) {
    for (const coding of [null, "gzip", "br"]) {
      const asked = new ParsedRequest({
        ...headWith(),
        fields: new Fields(coding === null ? [] : [["Accept-Encoding", coding]]),
      });
      const [, version, asset] = path.split("/");
      asked.parameters = { version: version!, asset: asset! };
      const { status, fields = {} } = await serveAsset(asked);
      assertEquals([status, fields["Content-Encoding"]], [200, coding ?? undefined]);
      assertMatch(fields["Cache-Control"] as string, /immutable/);
    }
  }
});

for (
  const [accept, type] of [
    ["text/html,*/*;q=0.8", "text/html; charset=utf-8"],
    ["*/*", "text/plain"],
    [null, "text/plain"],
  ] as const
) {
  Deno.test(`errorPages() answers ${accept} with ${type}`, () => {
    const error = new StatusError(404, "There is no <file>.");
    const { fields, content } = errorPages("/x/")(error, request(accept));
    assertEquals(fields?.["Content-Type"], type);
    const isPage = type.includes("html");
    assertMatch(content as string, isPage ? /&#60;file&#62;.*href="\/x\/"/s : /<file>/);
  });
}

Deno.test("folderPage() lets people sign in and out, where they can", async () => {
  assertMatch(
    await pageOf([], { base: "/x/" }, "<ann>"),
    /&#60;ann&#62;.*x\/\.wireserve\/sign-out"/,
  );
  assertMatch(await pageOf([], {}, null), /href="\/\.wireserve\/sign-in">Sign in</);
  assert(!(await pageOf([])).includes("Sign in"));
});

Deno.test("folderPage() shows a large folder in parts", async () => {
  const order = { key: "size", isDescending: true } as const;
  const part = { offset: 1000, limit: 1000 };
  const text = await pageOf([file("a"), file("b")], { order, part, total: () => 5000 });
  assertMatch(text, /1,001–1,002 of 5,000 entries/);
  assertMatch(text, /href="\.\/\?sort=-size&amp;offset=0&amp;limit=1000">Previous</);
  assertMatch(text, /href="\.\/\?sort=-size&amp;offset=2000&amp;limit=1000">Next</);
  assert(!(await pageOf([file("a")])).includes("Next"));
});

const MARKDOWN: readonly [text: string, shown: RegExp][] = [
  ["# Title\n\nA *word*.", /<article><h1>Title<\/h1>\n<p>A <em>word<\/em>\.<\/p>/],
  ["| a | b |\n|---|---|\n| 1 | 2 |", /<td>1<\/td>/],
  ["<script>alert(1)</script>", /<article><p>&lt;script&gt;/],
  ["a <img src=x onerror=alert(1)>", /a &lt;img src=x/],
  ["[x](in/a.md)", /<a href="in\/a\.md">x<\/a>/],
  ["[x](https://example.com/)", /<a href="https:\/\/example\.com\/">x<\/a>/],
  ["[x](javascript:alert(1))", /<p>\[x\]\(javascript/],
  ["[x](JavaScript:alert(1))", /<p>\[x\]\(JavaScript/],
  ["[x](<java\tscript:alert(1)>)", /<p>\[x\]\(&lt;java/],
  ["[x](javascript&colon;alert(1))", /<article><p>(?!.*href="javascript:)/],
  ["[x](&#106;avascript:alert(1))", /<article><p>(?!.*href="(?:&#106;|j)avascript:)/],
  ["<javascript:alert(1)>", /<p>&lt;javascript:alert\(1\)/],
  ["[x](data:text/html,x)", /<p>\[x\]\(data/],
  ["![x](vbscript:x)", /<p>!\[x\]\(vbscript/],
  ['![x](a.png "b\\"onerror=c")', /<img src="a\.png" alt="x" title="b&quot;onerror=c">/],
  ["[x](a.md '\"><script>')", /title="&quot;&gt;&lt;script&gt;"/],
];

for (const [text, shown] of MARKDOWN) {
  Deno.test(`folderPage() shows the README ${JSON.stringify(text)}`, async () => {
    const page = await pageOf([], { readme: () => Promise.resolve(text) });
    const [article = ""] = /<article>.*<\/article>/s.exec(page) ?? [];
    assertMatch(article, shown);
    assert(!/<script|<[^>]* on/i.test(article), article);
  });
}

/** What takes other renderers seconds, or more stack than there is. */
const HARD = ["_a_", "> ", "1. ", "* * * ", "[a](", "![", "**a *b ", "`a``b", "<!--", "- ", "|a"];

Deno.test("renderMarkdown() renders what is hard for others", async () => {
  for (const text of HARD) {
    const begin = performance.now();
    await renderMarkdown(text.repeat(65_536 / text.length));
    const elapsed = performance.now() - begin;
    assert(elapsed < 2000, `${text}: ${elapsed} ms`);
  }
});
