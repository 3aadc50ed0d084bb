// What the name of a file says about its content: the media type, and whether it is compressed.

import type { ResponseFields } from "../http/fields.ts";
import type { HttpRequest } from "../http/message.ts";
import type { FileSettings } from "./settings.ts";

const UNKNOWN_TYPE = "application/octet-stream";

/** Types in which a browser may run script, with the rights of this server's origin. */
const CAN_RUN_SCRIPT =
  /^(?:text\/html|text\/xml|application\/xml|application\/pdf|[^/]+\/[^;]+\+xml)$/;

/** The fields with the media type. Text is labelled as UTF-8. */
export async function typeFields(
  name: string,
  { guessesTypes, isTrusted = false }: Pick<FileSettings, "guessesTypes" | "isTrusted">,
): Promise<ResponseFields> {
  const fields = { "Content-Type": UNKNOWN_TYPE, "X-Content-Type-Options": "nosniff" };
  if (!guessesTypes) return fields;
  // Loaded on demand: IANA's registry as a typed package without dependencies.
  const { default: mime } = await import("mime");
  const type = mime.getType(name) ?? UNKNOWN_TYPE;
  const charset = type.startsWith("text/") ? "; charset=utf-8" : "";
  return {
    ...fields,
    "Content-Type": type + charset,
    ...(CAN_RUN_SCRIPT.test(type) && !isTrusted ? { "Content-Security-Policy": "sandbox" } : {}),
  };
}

/** Endings of compressed formats, which no coding makes smaller. A missing one costs only time. */
const COMPRESSED_ENDINGS: ReadonlySet<string> = new Set(
  [
    "7z apk br bz2 cab deb dmg docx epub gz jar lz lz4 lzma odp ods odt pptx rar rpm tbz2 tgz",
    "txz war whl xlsx xz zip zst", // archives, packages and documents that are archives
    "avif gif heic heif jpeg jpg jxl png webp", // pictures
    "aac flac m4a mka mp3 oga ogg opus weba wma", // sound
    "3gp avi m4v mkv mov mp4 mpeg mpg ogv webm wmv", // video
    "woff woff2", // fonts
  ].flatMap((line) => line.split(" ")),
);

/** Whether a file's content is compressed, by the ending of its name. */
export function hasCompressedEnding(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && COMPRESSED_ENDINGS.has(name.slice(dot + 1).toLowerCase());
}

/** The field that has a browser save the file, for the query `download`. */
export async function dispositionFields(
  { query }: HttpRequest,
  name: string,
): Promise<ResponseFields> {
  if (query === null || !new URLSearchParams(query).has("download")) return {};
  // Loaded on demand: RFC 6266 as a typed package without dependencies.
  const { create: contentDisposition } = await import("content-disposition");
  return { "Content-Disposition": contentDisposition(name.slice(name.lastIndexOf("/") + 1)) };
}
