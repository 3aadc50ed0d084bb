// A browser that opens a folder of pictures, and waits until it could show all of them.

import { Recorder } from "./clients.ts";
import { FILE_SETS } from "./files.ts";
import type { Row } from "./row.ts";
import type { Address } from "./servers.ts";
import type { Load } from "./wrk.ts";

/** Opens the folder in Chromium, each time with an empty cache, until the time has passed. */
export async function drivePictures(
  { request }: Row,
  { port }: Address,
  milliseconds: number,
): Promise<Load> {
  const { withBrowser } = await import("../support/browser.ts");
  let load: Load | null = null;
  await withBrowser([], async (browser) => {
    const recorder = new Recorder();
    do {
      const context = await browser.newContext();
      const page = await context.newPage();
      const before = recorder.elapsed;
      await page.goto(`http://127.0.0.1:${port}${request.path}`);
      const { pictures, requests } = await page.evaluate(showAll);
      recorder.add(requests, recorder.elapsed - before);
      if (pictures !== FILE_SETS.pictures.count) recorder.fail(`${pictures} pictures`);
      await context.close();
    } while (recorder.elapsed < milliseconds);
    load = recorder.result();
  });
  return load!;
}

/** In the page: its thumbnails at once, or pictures in their place where it has none. */
async function showAll(): Promise<{ readonly pictures: number; readonly requests: number }> {
  // deno-lint-ignore no-explicit-any -- of the browser, whose types are not loaded here
  const { document, Image } = globalThis as any;
  const links = [...document.querySelectorAll('a[href*="picture-"]')];
  const images = links.map((link) => {
    const image = link.querySelector("img") ?? new Image();
    image.loading = "eager";
    if (!image.src) image.src = link.href;
    return image;
  });
  await Promise.all(images.map((image) => image.decode()));
  const pictures = images.filter((image) => image.naturalWidth > 0).length;
  return { pictures, requests: 1 + performance.getEntriesByType("resource").length };
}
