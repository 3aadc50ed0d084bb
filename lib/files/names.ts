// Names of files as clients write them: which are names at all. Whether a name stays inside the
// directory once links are followed is for the directory to see.

/** Files that are being written: hidden, unguessable, and never served or written by their name. */
const TEMPORARY_PREFIX = ".wireserve-";

/** A name for a file that is being written, which nobody can guess. */
export function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${crypto.randomUUID()}.part`;
}

/**
 * The segments of a name, or null where it is none: empty segments, `.` and `..`, a backslash
 * (a separator to other systems), NUL, or the name of a temporary file.
 *
 * @param name The name, decoded, its segments parted by `/`.
 */
export function splitName(name: string): readonly string[] | null {
  const segments = name.split("/");
  return segments.every(isSegment) ? segments : null;
}

function isSegment(segment: string): boolean {
  return segment !== "" && segment !== "." && segment !== ".." &&
    !segment.includes("\\") && !segment.includes("\0") &&
    !segment.startsWith(TEMPORARY_PREFIX);
}

/**
 * Endings of formats that are compressed already: coding them again costs time and gains
 * nothing. A list of our own, since the MIME databases leave most of these unmarked.
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
