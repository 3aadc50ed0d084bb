// The files that servers serve: written once, and linked into the directory of each server.

interface FileSet {
  readonly count: number;
  /** Whether each slice of a row needs as many that were not requested before. */
  readonly isPerSlice?: boolean;
  readonly path: (index: number) => string;
  readonly content: (index: number) => Uint8Array<ArrayBuffer>;
}

export type FileSetName =
  | "small"
  | "medium"
  | "large"
  | "page"
  | "first"
  | "many"
  | "site"
  | "listing"
  | "pictures";

const KIB = 1024;

const single = (name: FileSetName, size: number): FileSet => ({
  count: 1,
  path: () => name,
  content: () => bytesOf(size),
});

/** Bytes of an HTML page, of a size that is common in archives of the web without its assets. */
const PAGE_SIZE = 16 * KIB;

export const FILE_SETS: Readonly<Record<FileSetName, FileSet>> = {
  small: single("small", KIB),
  medium: single("medium", 100 * KIB),
  large: single("large", 100 * KIB * KIB),
  page: { count: 1, path: () => "page.html", content: () => textOf(PAGE_SIZE, 0) },
  first: {
    count: 1000,
    isPerSlice: true,
    path: (index) => `first/${index}.html`,
    content: (index) => textOf(PAGE_SIZE, index),
  },
  // 40 MiB without the cost of entries, where Wireserve's cache takes 32 and nginx's 1,000 files.
  many: {
    count: 10_000,
    path: (index) => `many/${index}`,
    content: (index) => bytesOf(4 * KIB, index),
  },
  site: { count: 31, path: sitePath, content: siteContent },
  listing: {
    count: 1000,
    path: (index) => `listing/entry-${`${index}`.padStart(4, "0")}.txt`,
    content: (index) => textOf(64, index),
  },
  pictures: {
    count: 200,
    path: (index) => `pictures/picture-${`${index}`.padStart(3, "0")}.bmp`,
    content: (index) => bitmapOf(128, index),
  },
};

const KINDS = ["css", "js", "js", "png", "png", "png"];

/** A page, and 30 assets: scripts and styles that compress, pictures that do not. */
function sitePath(index: number): string {
  return index === 0 ? "site/page.html" : `site/asset-${index}.${KINDS[index % KINDS.length]}`;
}

function siteContent(index: number): Uint8Array<ArrayBuffer> {
  return compresses(sitePath(index)) ? textOf(PAGE_SIZE, index) : bytesOf(10 * KIB, index);
}

/** Whether a file is of a type that servers compress. */
export function compresses(path: string): boolean {
  return /\.(?:html|css|js)$/.test(path);
}

/** A pattern in which no block equals another. */
export function bytesOf(size: number, seed = 0): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at + seed + 1, 0x9e3779b1);
  return new Uint8Array(words.buffer, 0, size);
}

/** A square picture of 24 bits a pixel, which any browser shows: 48 KiB for a side of 128. */
function bitmapOf(side: number, seed: number): Uint8Array<ArrayBuffer> {
  const pixels = bytesOf(side * side * 3, seed);
  const bytes = new Uint8Array(54 + pixels.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x424d);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, side, true);
  view.setInt32(22, side, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  bytes.set(pixels, 54);
  return bytes;
}

const WORDS =
  ("the of a to in is for that with on as are it by this from or an be server request " +
    "response connection <p> </p> <li> </li> <div class='row'> </div> <a href='/page/'> </a>")
    .split(
      " ",
    );

/** Text that compresses as markup does: common words, and every fourth one a rare number. */
export function textOf(size: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed + 1;
  let text = "";
  while (text.length < size) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const choice = state >>> 16;
    text += choice % 4 === 0 ? `${choice} ` : `${WORDS[choice % WORDS.length]} `;
  }
  return new TextEncoder().encode(text.slice(0, size));
}

/**
 * Writes sets of files, each into a directory of its name.
 *
 * @param slices How often each row is measured, with its warm-up.
 */
export async function writeFiles(
  directory: string,
  sets: readonly FileSetName[],
  slices: number,
): Promise<void> {
  for (const name of sets) {
    const { count, isPerSlice = false, path, content } = FILE_SETS[name];
    const [folder = ""] = path(0).split("/").slice(0, -1);
    await Deno.mkdir(`${directory}/${name}/${folder}`, { recursive: true });
    for (let index = 0; index < (isPerSlice ? slices * count : count); index++) {
      Deno.writeFileSync(`${directory}/${name}/${path(index)}`, content(index));
    }
  }
}

/** Links sets of files into the directory of a server. */
export async function linkFiles(
  from: string,
  sets: readonly FileSetName[],
  to: string,
): Promise<void> {
  for (const name of sets) {
    const args = ["-al", `${from}/${name}/.`, to];
    const { success, stderr } = await new Deno.Command("cp", { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }
}
