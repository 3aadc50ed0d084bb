// Sizes, times and text, as a page shows them.

/** Text in HTML, in attributes with double quotes as well. A bare CR would be read as LF. */
export function escapeHtml(text: string): string {
  return /[&<>"'\r]/.test(text)
    ? text.replace(/[&<>"'\r]/g, (character) => `&#${character.charCodeAt(0)};`)
    : text;
}

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** A size in three digits: `1,023 B`, `9.8 KiB`, `120 MiB`. */
export function humanSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let unit = -1;
  let size = bytes;
  do {
    size /= 1024;
    unit++;
  } while (size >= 1023.5 && unit < UNITS.length - 1);
  return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

/** A time for people without script, and for it. */
export function plainTime(moment: number): { readonly iso: string; readonly text: string } {
  const iso = new Date(moment).toISOString();
  return { iso, text: `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC` };
}
