// Names of files as clients write them: which are names at all. Whether a name stays inside the
// directory once links are followed is for the directory to see.

/** Files that are being written: hidden, unguessable, and never served or written by their name. */
const TEMPORARY_NAME =
  /^\.wireserve-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.part$/;

/** A name for a file that is being written, which nobody can guess. */
export function temporaryName(): string {
  return `.wireserve-${crypto.randomUUID()}.part`;
}

/** Whether a file's name is one that {@linkcode temporaryName} gives. */
export function isTemporary(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/**
 * The segments of a name, or null where it is none: empty segments, `.` and `..`, a backslash
 * (a separator to other systems), NUL, or the name of a temporary file.
 *
 * @param name The name, decoded, its segments parted by `/`.
 * @param showsHidden Whether segments that begin with a dot are names, too.
 */
export function splitName(name: string, showsHidden: boolean): readonly string[] | null {
  const segments = name.split("/");
  return segments.every((segment) => isName(segment, showsHidden)) ? segments : null;
}

/** Whether a file in a directory can have a name, as far as clients are concerned. */
export function isName(segment: string, showsHidden: boolean): boolean {
  return segment !== "" && segment !== "." && segment !== ".." &&
    !segment.includes("\\") && !segment.includes("\0") && !segment.includes("/") &&
    !isTemporary(segment) && (showsHidden || !segment.startsWith("."));
}

/**
 * Endings of formats that are compressed already: coding them again costs time and gains
 * nothing. What is not listed is coded, so the worst that a missing entry does is to cost time.
 */
const COMPRESSED_ENDINGS: ReadonlySet<string> = new Set(
  [
    "7z apk br bz2 cab deb dmg docx epub gz jar lz lz4 lzma odp ods odt pptx rar rpm tbz2 tgz",
    "txz war whl xlsx xz zip zst", // archives, packages and documents that are archives
    "avif gif heic heif jpeg jpg jxl png webp", // pictures
    "aac flac m4a mka mp3 oga ogg opus weba wma", // sound
    "3gp avi m4v mkv mov mp4 mpeg mpg ogv webm wmv", // pictures that move
    "woff woff2", // fonts
  ].flatMap((line) => line.split(" ")),
);

/** Whether the name's ending tells that its content is compressed already. */
export function hasCompressedEnding(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && COMPRESSED_ENDINGS.has(name.slice(dot + 1).toLowerCase());
}
