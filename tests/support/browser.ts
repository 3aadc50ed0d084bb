// Browsers, as Debian packages them, controlled by playwright-core, which is typed and downloads none.

// 1.65 asks Firefox for a command that the one with long-term support does not have.
import { type Browser, chromium, firefox } from "npm:playwright-core@1.64.1";

/** The browsers, by the names of their programs. */
export const BROWSERS = ["chromium", "firefox-esr"] as const;

/** The name of one of them. */
export type BrowserName = typeof BROWSERS[number];

/** The path of a program. */
async function pathOf(program: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] })
    .output();
  return new TextDecoder().decode(stdout).trim();
}

/** Runs with a browser, and ends it after. */
export async function withBrowser(
  flags: readonly string[],
  run: (browser: Browser) => Promise<void>,
  name: BrowserName = "chromium",
): Promise<void> {
  const executablePath = await pathOf(name);
  const browser = name === "chromium"
    // Chromium's own sandbox does not start as root.
    ? await chromium.launch({ executablePath, args: ["--no-sandbox", ...flags] })
    // By WebDriver BiDi: without this channel it would have to be Playwright's own build.
    : await firefox.launch({ executablePath, args: [...flags], channel: "moz-firefox" });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
}
