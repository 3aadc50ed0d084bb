// The page of the real program in real browsers: what people do with it, by mouse and by keyboard.

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser, Page } from "npm:playwright-core@1.64.1";
import axe from "npm:axe-core@4.11.0";
import { type BrowserName, BROWSERS, withBrowser } from "../support/browser.ts";
import { FOR_PROGRAM, testWith, type Tool } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

interface Options {
  readonly flags?: readonly string[];
  readonly context?: Parameters<import("npm:playwright-core@1.64.1").Browser["newContext"]>[0];
}

/** A folder with some files, and its page. */
interface Opened {
  readonly page: Page;
  readonly folder: string;
  readonly url: string;
}

/** Registers a test with the page of a folder, which expects no error in the console. */
function pageTest(
  browsers: readonly BrowserName[],
  name: string,
  run: (opened: Opened) => Promise<void>,
  { flags = ["--writable", "--allow-delete"], context = {} }: Options = {},
  ...tools: readonly Tool[]
): void {
  for (const browserName of browsers) {
    testWith(
      [...FOR_PROGRAM, browserName, ...tools],
      `${browserName}: ${name}`,
      () =>
        withDirectory(async (folder) => {
          await Deno.mkdir(`${folder}/in`);
          await Deno.writeTextFile(`${folder}/in/deep.txt`, "deep");
          await Deno.writeTextFile(`${folder}/b 10.txt`, "ten");
          await Deno.writeTextFile(`${folder}/b 2.txt`, "two, and more");
          await Deno.writeTextFile(`${folder}/<i>&"'.txt`, "odd");
          const program = await Program.start([folder, "--log", "off", ...flags]);
          const url = `http://localhost:${program.port}/`;
          const visit = async (browser: Browser) => {
            const page = await (await browser.newContext(context)).newPage();
            const problems = problemsOf(page);
            await page.goto(url);
            await run({ page, folder, url });
            assertEquals(problems, []);
          };
          try {
            await withBrowser([], visit, browserName);
          } finally {
            await program.stop("SIGKILL");
          }
        }),
    );
  }
}

/** What the console says is wrong, from now on. */
function problemsOf(page: Page): readonly string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // The browser itself tells each response that is an error, of a clash for instance, or none.
    const isStatus = /status of 4|ERR_FAILED/.test(message.text());
    if (message.type() === "error" && !isStatus) problems.push(message.text());
  });
  return problems;
}

const names = (page: Page) => page.locator("tbody tr:visible td.name bdi").allTextContents();

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

const ALL = ["in", "<i>&\"'.txt", "b 2.txt", "b 10.txt"];

pageTest(BROWSERS, "the page lists, sorts, filters, searches and shows", async ({ page, url }) => {
  assertEquals((await names(page)).toSorted(), ALL.toSorted());
  assert((await names(page)).indexOf("b 2.txt") < (await names(page)).indexOf("b 10.txt"));
  await page.click("th.size a");
  assertEquals(await page.getAttribute("th.size", "aria-sort"), "ascending");
  await page.goto(url);
  await page.fill('input[placeholder="Filter"]', "B 1");
  assertEquals(await names(page), ["b 10.txt"]);
  await page.fill('input[placeholder="Filter"]', "");
  await page.fill('input[name="q"]', "deep");
  await page.press('input[name="q"]', "Enter");
  await page.waitForURL(/\?q=deep/);
  assertEquals(await names(page), ["in/deep.txt"]);
  await page.goto(url);
  await page.click("text=b 2.txt");
  await page.waitForSelector("dialog.preview pre:has-text('two, and more')");
  await page.keyboard.press("Escape");
  await page.click("td.name a:has-text('in')");
  await page.waitForURL(/\/in\/$/);
  assertEquals(await names(page), ["deep.txt"]);
  await page.click("h1 a");
  await page.waitForURL(url);
});

pageTest(
  BROWSERS,
  "the page uploads files, with progress, and asks about a clash",
  async ({ page, folder }) => {
    const files = ["one.txt", "two.txt", "b 2.txt"].map((name) => ({
      name,
      mimeType: "text/plain",
      buffer: Buffer.from(`new ${name}`),
    }));
    await page.setInputFiles("#pick-files", files);
    await page.waitForSelector("dialog:has-text('is there already')");
    await page.click("dialog button:has-text('Keep both')");
    await page.waitForSelector("td.name bdi:text-is('b 2 (2).txt')");
    assertEquals(await Deno.readTextFile(`${folder}/b 2.txt`), "two, and more");
    assertEquals(await Deno.readTextFile(`${folder}/b 2 (2).txt`), "new b 2.txt");
    assertEquals(await Deno.readTextFile(`${folder}/one.txt`), "new one.txt");
    await page.setInputFiles("#pick-files", files.slice(2));
    await page.click("dialog button:has-text('Replace')");
    await until(async () => await Deno.readTextFile(`${folder}/b 2.txt`) === "new b 2.txt");
    assert((await page.locator("#uploads progress").count()) > 0);
  },
);

// Firefox takes no folder from WebDriver.
pageTest(["chromium"], "the page uploads a folder", async ({ page, folder }) => {
  await withDirectory(async (local) => {
    await Deno.mkdir(`${local}/album/sub`, { recursive: true });
    await Deno.writeTextFile(`${local}/album/sub/x.txt`, "x");
    await Deno.writeTextFile(`${local}/album/y.txt`, "y");
    await page.setInputFiles("#pick-folder", `${local}/album`);
    await page.waitForSelector("td.name bdi:text-is('album')");
  });
  assertEquals(await Deno.readTextFile(`${folder}/album/sub/x.txt`), "x");
});

pageTest(
  BROWSERS,
  "the page cancels an upload, and nothing of it is left",
  async ({ page, folder }) => {
    await page.route("**/large.bin", async (route) => {
      await new Promise((resolve) => page.once("requestfailed", resolve));
      await route.abort().catch(() => {});
    });
    const buffer = Buffer.alloc(1 << 20);
    await page.setInputFiles("#pick-files", { name: "large.bin", mimeType: "x/y", buffer });
    await page.click("#uploads button:has-text('Cancel')");
    await page.waitForSelector("#uploads .state:has-text('cancelled')");
    assert(!await exists(`${folder}/large.bin`));
  },
);

pageTest(BROWSERS, "the page creates, renames, moves and deletes", async ({ page, folder }) => {
  await page.click("button:has-text('New folder')");
  await page.fill("dialog input", "made <here>");
  await page.click("dialog button:has-text('Create')");
  await page.waitForSelector("td.name bdi:text-is('made <here>')");
  await page.click("button[aria-label='Change b 2.txt']");
  await page.click("dialog button:has-text('Rename')");
  await page.fill("dialog input", "in/moved é.txt");
  await page.click("dialog button:has-text('Rename')");
  await page.waitForSelector("td.name bdi:text-is('b 2.txt')", { state: "detached" });
  assertEquals(await Deno.readTextFile(`${folder}/in/moved é.txt`), "two, and more");
  await page.check("input[aria-label='Select in']");
  await page.check("input[aria-label='Select b 10.txt']");
  await page.click("button:has-text('Delete selected')");
  await page.waitForSelector("dialog li:has-text('in and the 2 entries in it')");
  await page.click("dialog button:has-text('Delete')");
  await page.waitForSelector("td.name bdi:text-is('in')", { state: "detached" });
  assertEquals([await exists(`${folder}/in`), await exists(`${folder}/b 10.txt`)], [
    false,
    false,
  ]);
});

pageTest(
  BROWSERS,
  "the page gives a selection as a zip file",
  async ({ page, folder }) => {
    await page.check("input[aria-label='Select in']");
    await page.check("input[aria-label='Select b 2.txt']");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.click("button:has-text('Zip selected')"),
    ]);
    const path = `${folder}/selection.zip`;
    await download.saveAs(path);
    const { stdout } = await new Deno.Command("unzip", { args: ["-Z1", path] }).output();
    const listed = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(listed.filter((name) => !name.endsWith("/")).toSorted(), [
      "b 2.txt",
      "in/deep.txt",
    ]);
  },
  {},
  "unzip",
);

for (const colorScheme of ["light", "dark"] as const) {
  for (const viewport of [{ width: 1100, height: 700 }, { width: 375, height: 667 }]) {
    pageTest(
      ["chromium"],
      `the page is accessible: ${colorScheme}, ${viewport.width} px`,
      async ({ page }) => {
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() =>
          (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } })
            .axe.run()
        );
        assertEquals(violations.map(({ id }) => id), []);
        const width = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert(width <= viewport.width, `${width} px wide`);
        await page.click("#theme");
        const theme = await page.evaluate<string>("document.documentElement.dataset.theme");
        assertEquals(theme, colorScheme === "dark" ? "light" : "dark");
        await page.reload();
        const kept = await page.evaluate<string>("document.documentElement.dataset.theme");
        assertEquals(kept, theme);
      },
      { context: { colorScheme, viewport } },
    );
  }
}

// Firefox is not controlled without JavaScript.
pageTest(
  ["chromium"],
  "the page works without JavaScript, and uploads by a plain form",
  async ({ page, folder, url }) => {
    await page.setInputFiles("input[name=file]", {
      name: "plain.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("plain"),
    });
    await page.click("#upload button");
    await page.waitForURL(url);
    assertEquals(await Deno.readTextFile(`${folder}/plain.txt`), "plain");
    assert((await names(page)).includes("plain.txt"));
    await page.click("td.name a:has-text('in')");
    assertEquals(await names(page), ["deep.txt"]);
    await page.goto(`${url}nothing.html`);
    assertMatch(await page.content(), /To the files/);
  },
  { context: { javaScriptEnabled: false } },
);

pageTest(BROWSERS, "the page of a read-only folder offers no changes", async ({ page }) => {
  assertEquals(await page.locator("text=Upload").count(), 0);
  assertEquals(await page.locator("td.more:visible").count(), 0);
}, { flags: [] });

/** Names that a page can get wrong, and that Linux allows. */
const ODD_NAMES = [
  "<script>alert(1)<\u2215script>",
  `"><img src=x onerror=alert(1)>`,
  "two\nlines",
  "a\rreturn",
  " spaces ",
  "100%2F%zz",
  "a#b?c&d=e;f",
  "a:b",
  "\u202egpj.exe",
  "\u05e9\u05dc\u05d5\u05dd",
  "\u{1f469}\u200d\u{1f680}",
  "\u00e9 and e\u0301",
  "x".repeat(255),
];

pageTest(BROWSERS, "the page lists and opens odd names", async ({ page, folder, url }) => {
  for (const name of ODD_NAMES) await Deno.writeTextFile(`${folder}/in/${name}`, `at ${name}`);
  await page.goto(`${url}in/`);
  assertEquals((await names(page)).toSorted(), [...ODD_NAMES, "deep.txt"].toSorted());
  for (const name of ODD_NAMES) {
    const row = page.locator("tbody tr").nth((await names(page)).indexOf(name));
    const text = await row.locator("a").evaluate(async (link) =>
      await (await fetch((link as unknown as { href: string }).href)).text()
    );
    assertEquals(text, `at ${name}`);
  }
  const at = (await names(page)).indexOf("two\nlines");
  await page.locator("td.more button").nth(at).click();
  await page.click("dialog button:has-text('Delete')");
  await page.click("dialog button.danger");
  await until(async () => !await exists(`${folder}/in/two\nlines`));
});

/** Files as a script hands them to an event: both browsers let one do that. */
const transfer = (page: Page, contents: Record<string, string>) =>
  page.evaluateHandle((contents) => {
    // deno-lint-ignore no-explicit-any -- of the browser, whose types are not loaded here
    const data = new (globalThis as any).DataTransfer();
    for (const [name, text] of Object.entries(contents)) data.items.add(new File([text], name));
    return data;
  }, contents);

pageTest(BROWSERS, "the page uploads what is dropped, but for a text", async ({ page, folder }) => {
  await page.dispatchEvent("main", "drop", {
    dataTransfer: await transfer(page, { "dropped.txt": "dropped", "other.txt": "other" }),
  });
  await page.waitForSelector("td.name bdi:text-is('other.txt')");
  assertEquals(await Deno.readTextFile(`${folder}/dropped.txt`), "dropped");
  await page.dispatchEvent("main", "drop", {
    dataTransfer: await page.evaluateHandle(() => {
      // deno-lint-ignore no-explicit-any -- as above
      const data = new (globalThis as any).DataTransfer();
      data.setData("text/plain", "text");
      return data;
    }),
  });
  assertEquals(await page.locator("dialog").count(), 0);
});

// In Firefox, a script hands no files to a paste event.
pageTest(["chromium"], "the page uploads what is pasted", async ({ page, folder }) => {
  const data = await transfer(page, { "pasted.png": "pasted" });
  await page.evaluate((clipboardData) => {
    // deno-lint-ignore no-explicit-any -- as above
    const { document, ClipboardEvent } = globalThis as any;
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
  }, data);
  await page.waitForSelector("td.name bdi:text-is('pasted.png')");
  assertEquals(await Deno.readTextFile(`${folder}/pasted.png`), "pasted");
});

pageTest(["chromium"], "the page uploads a folder that is dropped", async ({ page, folder }) => {
  await withDirectory(async (local) => {
    await Deno.mkdir(`${local}/album/sub`, { recursive: true });
    await Deno.writeTextFile(`${local}/album/sub/x.txt`, "x");
    for (let i = 0; i < 150; i++) await Deno.writeTextFile(`${local}/album/${i}.txt`, `${i}`);
    const devTools = await page.context().newCDPSession(page);
    const data = { items: [], files: [`${local}/album`], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await devTools.send("Input.dispatchDragEvent", { type, x: 200, y: 200, data });
    }
    await page.waitForSelector("td.name bdi:text-is('album')");
  });
  assertEquals(await Deno.readTextFile(`${folder}/album/sub/x.txt`), "x");
  assertEquals(await Deno.readTextFile(`${folder}/album/149.txt`), "149");
  assertEquals((await Array.fromAsync(Deno.readDir(`${folder}/album`))).length, 151);
});

pageTest(
  BROWSERS,
  "the page shows rate and time left, and sends again",
  async ({ page, folder }) => {
    let isDown = true;
    await page.route("**/large.bin", (route) => isDown ? route.abort() : route.continue());
    const buffer = Buffer.alloc(4 << 20, "x");
    await page.setInputFiles("#pick-files", { name: "large.bin", mimeType: "x/y", buffer });
    await page.waitForSelector("#uploads li.failed .state:has-text('The connection was lost')");
    isDown = false;
    await page.evaluate(() => {
      // deno-lint-ignore no-explicit-any -- as above
      const { document, MutationObserver } = globalThis as any;
      const seen: string[] = (globalThis as unknown as { seen: string[] }).seen = [];
      new MutationObserver(() => seen.push(document.querySelector("#uploads .state")?.textContent))
        .observe(document.querySelector("#uploads"), { subtree: true, childList: true });
    });
    await page.click("#uploads button:has-text('Retry')");
    await page.waitForSelector("td.name bdi:text-is('large.bin')");
    assertEquals((await Deno.stat(`${folder}/large.bin`)).size, 4 << 20);
    const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
    assert(seen.some((text) => /^\d+ %, [\d.]+ [KMG]?i?B\/s, \d+ s left$/.test(text)), `${seen}`);
  },
);

pageTest(BROWSERS, "the page shows Markdown as it is meant, also of a search", async (opened) => {
  const { page, folder, url } = opened;
  await Deno.writeTextFile(
    `${folder}/in/notes.md`,
    "# Notes\n\n[d](deep.txt)\n\n<script>x</script>",
  );
  await Deno.writeTextFile(`${folder}/in/long.md`, `# Long ${"x".repeat(70_000)}`);
  await page.goto(`${url}?q=notes`);
  await page.click("td.name a:has-text('notes.md')");
  await page.waitForSelector("dialog.preview h1:text-is('Notes')");
  const text = await page.locator("dialog.preview article").innerText();
  assertMatch(text, /<script>x<\/script>/);
  const href = await page.locator("dialog.preview article a").evaluate((link) =>
    (link as unknown as { href: string }).href
  );
  assertEquals(href, `${url}in/deep.txt`);
  await page.goto(`${url}in/`);
  await page.click("td.name a:has-text('long.md')");
  await page.waitForSelector("dialog.preview pre:has-text('# Long xxx')");
});

pageTest(BROWSERS, "the page is used by keyboard", async ({ page }) => {
  const tabTo = async (text: string) => {
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press("Tab");
      const focused = await page.locator("*:focus").first();
      const label = await focused.getAttribute("aria-label") ?? await focused.textContent();
      if (label?.trim() === text) return;
    }
    throw new Error(`Tab does not lead to ${text}`);
  };
  await tabTo("b 2.txt");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog.preview h2:text-is('b 2.txt')");
  await page.keyboard.press("ArrowRight");
  await page.waitForSelector("dialog.preview h2:text-is('b 10.txt')");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  assertEquals(await page.locator("*:focus").first().textContent(), "b 2.txt");
  await tabTo("Change b 2.txt");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog h2:text-is('b 2.txt')");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog input");
  await page.keyboard.type("renamed");
  await page.keyboard.press("Enter");
  await page.waitForSelector("td.name bdi:text-is('renamed.txt')");
});

pageTest(["chromium"], "the page prints its list, and nothing to press", async ({ page }) => {
  await page.emulateMedia({ media: "print" });
  assert(await page.locator("td.name >> text=b 2.txt").isVisible());
  for (const part of ["button", "input"]) {
    assertEquals(await page.locator(`${part}:visible`).count(), 0, part);
  }
});
