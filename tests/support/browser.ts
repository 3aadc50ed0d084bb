// Chromium, as Debian packages it, controlled by playwright-core, which is typed and downloads none.

import { type Browser, chromium } from "npm:playwright-core@1.65.1";

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
): Promise<void> {
  const browser = await chromium.launch({
    executablePath: await pathOf("chromium"),
    args: ["--no-sandbox", ...flags], // Chromium's own does not start as root.
  });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
}
