// The icons of a listing, one for each kind of file, as symbols that rows refer to.

/** What kind of entry it is, as far as its name tells. */
export type Kind = "folder" | "file" | "picture" | "video" | "audio" | "text" | "archive";

const ENDINGS: Readonly<Record<string, Kind>> = Object.freeze(Object.fromEntries(
  Object.entries({
    picture: "apng avif bmp gif ico jpeg jpg png svg webp",
    video: "m4v mkv mov mp4 mpeg mpg ogv webm",
    audio: "aac flac m4a mp3 oga ogg opus wav",
    text:
      "c conf cpp css csv go h html ini java js json log md py rs sh sql toml ts txt xml yaml yml",
    archive: "7z br bz2 gz rar tar tgz xz zip zst",
  }).flatMap(([kind, endings]) => endings.split(" ").map((ending) => [ending, kind as Kind])),
));

/** The kind of a file, by the ending of its name. */
export function kindOf(name: string): Kind {
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending]! : "file";
}

/** Shapes in a box of 24 by 24, drawn by lines. */
const SHAPES: Readonly<Record<Kind, string>> = {
  folder: '<path d="M3 7a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z"/>',
  file: '<path d="M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8zM14 3v5h5"/>',
  picture:
    '<rect x="3" y="4" width="18" height="16" rx="2"/><circle cx="9" cy="10" r="2"/><path d="m4 19 6-5 3 2 4-4 4 4"/>',
  video: '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="m10 9 5 3-5 3z"/>',
  audio:
    '<path d="M9 18V6l10-2v12"/><circle cx="6.5" cy="18" r="2.5"/><circle cx="16.5" cy="16" r="2.5"/>',
  text:
    '<path d="M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8zM14 3v5h5M9 13h6M9 17h4"/>',
  archive:
    '<rect x="4" y="3" width="16" height="18" rx="2"/><path d="M12 3v2m0 2v2m0 2v2"/><rect x="10.5" y="14" width="3" height="4"/>',
};

/** All of them, for the beginning of a page. */
export const SPRITE: string = `<svg class="sprite" aria-hidden="true">${
  Object.entries(SHAPES).map(([kind, shape]) =>
    `<symbol id="i-${kind}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.5" ` +
    `stroke-linejoin="round">${shape}</symbol>`
  ).join("")
}</svg>`;

/** One of them. */
export function icon(kind: Kind): string {
  return `<svg class="icon" aria-hidden="true"><use href="#i-${kind}"/></svg>`;
}
