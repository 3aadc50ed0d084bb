// Signing in and out on the page, in a real browser, where all may read and users write.

import { assertEquals } from "@std/assert";
import { withBrowser } from "../support/browser.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

testWith(
  [...FOR_PROGRAM, "chromium"],
  "the page signs in and out in Chromium, and writes with the password",
  () =>
    withDirectory(async (directory) => {
      const flags = ["-w", "--auth", "alice:secret", "--auth-scope", "write", "--base-path", "/x"];
      const program = await Program.start([...flags, directory]);
      await withBrowser([], async (browser) => {
        const httpCredentials = { username: "alice", password: "secret" };
        const context = await browser.newContext({ httpCredentials });
        const page = await context.newPage();
        await page.goto(program.url("/x/"));
        const offersUpload = () =>
          page.evaluate(async () => {
            const response = await fetch("./", { headers: { "Accept": "text/html" } });
            return (await response.text()).includes("Upload</button>");
          });
        assertEquals(await offersUpload(), false);
        await page.getByRole("link", { name: "Sign in" }).click();
        await page.waitForURL(program.url("/x/"));
        assertEquals(await page.locator(".account bdi").textContent(), "alice");
        assertEquals(await offersUpload(), true);
        const status = await page.evaluate(async () =>
          (await fetch("new", { method: "PUT", body: "new" })).status
        );
        assertEquals(status, 201);
        const out = await page.goto(program.url("/x/.wireserve/sign-out"));
        assertEquals(out?.status(), 401);

        const stranger = await browser.newContext();
        const other = await stranger.newPage();
        await other.goto(program.url("/x/"));
        const refused = await other.evaluate(async () =>
          (await fetch("other", { method: "PUT", body: "new", credentials: "omit" })).status
        );
        assertEquals(refused, 401);
      });
      await program.stop();
    }),
);
