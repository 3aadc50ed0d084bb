// Makes the pictures of the page in docs/images: `deno task screenshots`, with Chromium installed.

import { withBrowser } from "../tests/support/browser.ts";
import { Program } from "../tests/support/program.ts";
import { withDirectory } from "../tests/support/temp.ts";

const IMAGES = new URL("images/", import.meta.url).pathname;

/** Names, and sizes in bytes. */
const FILES: Readonly<Record<string, number>> = {
  "Ferry timetable.pdf": 482_000,
  "Packing list.md": 1240,
  "Lighthouse 2.svg": 0,
  "Lighthouse 10.svg": 0,
  "Route.gpx": 88_400,
  "Sea shanties.mp3": 5_320_000,
  "Harbour at dawn.mp4": 48_200_000,
  "Tickets.zip": 2_410_000,
  "Übernachtungen.txt": 640,
};

const FOLDERS = ["Photos", "Maps"];

function picture(hue: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" fill="hsl(${hue} 60% 75%)"/>` +
    `<circle cx="28" cy="12" r="6" fill="hsl(45 90% 70%)"/><path d="M0 40 16 18l10 12 6-6 8 10v6z" fill="hsl(${hue} 40% 40%)"/></svg>`;
}

async function prepare(folder: string): Promise<void> {
  for (const name of FOLDERS) await Deno.mkdir(`${folder}/${name}`);
  let day = 0;
  for (const [name, size] of Object.entries(FILES)) {
    const path = `${folder}/${name}`;
    if (name.endsWith(".svg")) await Deno.writeTextFile(path, picture(200 - 60 * day));
    else {
      await Deno.writeTextFile(path, "");
      await Deno.truncate(path, size);
    }
    const time = new Date(Date.UTC(2026, 10, 24 - 3 * day++, 9, 17 * day));
    await Deno.utime(path, time, time);
  }
  const time = new Date(Date.UTC(2026, 10, 25, 8, 30));
  for (const name of FOLDERS) await Deno.utime(`${folder}/${name}`, time, time);
}

const VIEWS = {
  light: { colorScheme: "light", viewport: { width: 1000, height: 690 } },
  dark: { colorScheme: "dark", viewport: { width: 1000, height: 690 } },
  phone: { colorScheme: "light", viewport: { width: 375, height: 667 } },
} as const;

await Deno.mkdir(IMAGES, { recursive: true });
await withDirectory(async (folder) => {
  const trip = `${folder}/Trip`;
  await Deno.mkdir(trip);
  await prepare(trip);
  const program = await Program.start([folder, "--writable", "--allow-delete", "--log", "off"]);
  try {
    await withBrowser([], async (browser) => {
      for (const [name, context] of Object.entries(VIEWS)) {
        const page = await browser.newPage({ ...context, timezoneId: "UTC", locale: "en-GB" });
        await page.goto(`http://localhost:${program.port}/Trip/`);
        await page.waitForLoadState("networkidle");
        await page.screenshot({ path: `${IMAGES}page-${name}.png` });
      }
    });
  } finally {
    await program.stop("SIGKILL");
  }
});
