// Attacks from pages of another site, in a real browser: writing, and reading by DNS rebinding.

import { assertEquals, assertMatch } from "@std/assert";
import { withBrowser } from "../support/browser.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

/** Another site, whose name leads to this machine: a page on any path. */
function serveSite(): Deno.HttpServer<Deno.NetAddr> {
  const page = () =>
    new Response("<!DOCTYPE html><title>evil</title>", {
      headers: { "Content-Type": "text/html" },
    });
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, page);
}

/** Runs in the page: what a page of another site can send, one after the other. */
async function attack(url: string): Promise<void> {
  const send = (path: string, options: RequestInit) =>
    fetch(url + path, { mode: "no-cors", credentials: "include", ...options }).catch(() => {});
  await send("post", { method: "POST", body: "evil" });
  await send("empty", { method: "POST" });
  await send("put", { method: "PUT", body: "evil", mode: "cors" });
  await send("secret", { method: "DELETE", mode: "cors" });
  const form = new FormData();
  form.append("file", new File(["evil"], "form"));
  await send("", { method: "POST", body: form });
  await fetch(`${url}beacon`, { method: "POST", body: "x", keepalive: true }).catch(() => {});
}

testWith(
  [...FOR_PROGRAM, "chromium"],
  "pages of another site in Chromium can neither write nor read by DNS rebinding",
  () =>
    withDirectory(async (directory) => {
      await Deno.writeTextFile(`${directory}/secret`, "secret");
      await using site = serveSite();
      const flags = ["--directory", directory, "--allow-delete"];
      const program = await Program.start(flags);
      const rules = "--host-resolver-rules=MAP evil.test 127.0.0.1";
      await withBrowser([rules], async (browser) => {
        const page = await browser.newPage();
        await page.goto(`http://evil.test:${site.addr.port}/`);
        await page.evaluate(attack, program.url("/files/"));
        assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["secret"]);
        await program.until(/"POST \/files\/post HTTP\/1.1" 403/); // They did arrive.
        await program.until(/"POST \/files\/ HTTP\/1.1" 403/);
        await program.until(/"OPTIONS \/files\/put HTTP\/1.1" 204/);

        const rebound = await page.goto(`http://evil.test:${program.port}/files/secret`);
        assertEquals(rebound?.status(), 421);
        assertMatch(await rebound!.text(), /--allow-host/);

        // Its own page may write.
        await page.goto(program.url("/echo/own"));
        const status = await page.evaluate(
          async () => (await fetch("/files/own", { method: "POST", body: "own" })).status,
        );
        assertEquals(status, 201);
      });
      await program.stop();
    }),
);
