// The page of the real program in a real browser: what people do with it, by mouse and by keyboard.

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "npm:playwright-core@1.65.1";
import axe from "npm:axe-core@4.11.0";
import { withBrowser } from "../support/browser.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const NEEDS = [...FOR_PROGRAM, "chromium", "unzip"] as const;

interface Options {
  readonly flags?: readonly string[];
  readonly context?: Parameters<import("npm:playwright-core@1.65.1").Browser["newContext"]>[0];
}

/** Runs with the page of a folder with some files, and expects no error in its console. */
async function withPage(
  run: (page: Page, folder: string, url: string) => Promise<void>,
  { flags = ["--writable", "--allow-delete"], context = {} }: Options = {},
): Promise<void> {
  await withDirectory(async (folder) => {
    await Deno.mkdir(`${folder}/in`);
    await Deno.writeTextFile(`${folder}/in/deep.txt`, "deep");
    await Deno.writeTextFile(`${folder}/b 10.txt`, "ten");
    await Deno.writeTextFile(`${folder}/b 2.txt`, "two, and more");
    await Deno.writeTextFile(`${folder}/<i>&"'.txt`, "odd");
    const program = await Program.start([folder, "--log", "off", ...flags]);
    try {
      await withBrowser([], async (browser) => {
        const page = await (await browser.newContext(context)).newPage();
        const problems: string[] = [];
        page.on("pageerror", (error) => problems.push(error.message));
        page.on("console", (message) => {
          // The browser itself tells each status that is an error: of a clash, for instance.
          if (message.type() === "error" && !/status of 4/.test(message.text())) {
            problems.push(message.text());
          }
        });
        const url = `http://localhost:${program.port}/`;
        await page.goto(url);
        await run(page, folder, url);
        assertEquals(problems, []);
      });
    } finally {
      await program.stop("SIGKILL");
    }
  });
}

const names = (page: Page) => page.locator("tbody tr:visible td.name bdi").allTextContents();

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

const ALL = ["in", "<i>&\"'.txt", "b 2.txt", "b 10.txt"];

testWith(NEEDS, "the page lists, sorts, filters, searches and shows", async () => {
  await withPage(async (page, _, url) => {
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
});

testWith(
  NEEDS,
  "the page uploads files and a folder, with progress, and asks about a clash",
  async () => {
    await withPage(async (page, folder) => {
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
      await withDirectory(async (local) => {
        await Deno.mkdir(`${local}/album/sub`, { recursive: true });
        await Deno.writeTextFile(`${local}/album/sub/x.txt`, "x");
        await Deno.writeTextFile(`${local}/album/y.txt`, "y");
        await page.setInputFiles("#pick-folder", `${local}/album`);
        await page.waitForSelector("td.name bdi:text-is('album')");
      });
      assertEquals(await Deno.readTextFile(`${folder}/album/sub/x.txt`), "x");
      assert((await page.locator("#uploads progress").count()) > 0);
    });
  },
);

testWith(NEEDS, "the page cancels an upload, and nothing of it is left", async () => {
  await withPage(async (page, folder) => {
    await page.route("**/large.bin", async (route) => {
      await new Promise((resolve) => page.once("requestfailed", resolve));
      await route.abort().catch(() => {});
    });
    const buffer = Buffer.alloc(1 << 20);
    await page.setInputFiles("#pick-files", { name: "large.bin", mimeType: "x/y", buffer });
    await page.click("#uploads button:has-text('Cancel')");
    await page.waitForSelector("#uploads .state:has-text('cancelled')");
    assert(!await exists(`${folder}/large.bin`));
  });
});

testWith(NEEDS, "the page creates, renames, moves and deletes", async () => {
  await withPage(async (page, folder) => {
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
});

testWith(NEEDS, "the page gives a selection as a zip file", async () => {
  await withPage(async (page, folder) => {
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
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const viewport of [{ width: 1100, height: 700 }, { width: 375, height: 667 }]) {
    testWith(NEEDS, `the page is accessible: ${colorScheme}, ${viewport.width} px`, async () => {
      await withPage(async (page) => {
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
      }, { context: { colorScheme, viewport } });
    });
  }
}

testWith(NEEDS, "the page works without JavaScript, and uploads by a plain form", async () => {
  await withPage(async (page, folder, url) => {
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
  }, { context: { javaScriptEnabled: false } });
});

testWith(NEEDS, "the page of a read-only folder offers no changes", async () => {
  await withPage(async (page) => {
    assertEquals(await page.locator("text=Upload").count(), 0);
    assertEquals(await page.locator("td.more:visible").count(), 0);
  }, { flags: [] });
});
