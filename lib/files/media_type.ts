// The media type of a file, by its name: guessed only where the server is asked to.

import type { ResponseFields } from "../http/fields.ts";

const UNKNOWN_TYPE = "application/octet-stream";

/** Types that a browser may run script from, which then acts in the name of this server. */
const CAN_RUN_SCRIPT = /^(?:text\/html|text\/xml|application\/xml|[^/]+\/[^;]+\+xml)$/;

/**
 * The fields that tell what kind of content a file has. Text is said to be UTF-8.
 *
 * @param isGuessed Whether the name may tell the type.
 */
export async function typeFields(name: string, isGuessed: boolean): Promise<ResponseFields> {
  const fields = { "Content-Type": UNKNOWN_TYPE, "X-Content-Type-Options": "nosniff" };
  if (!isGuessed) return fields;
  // Typed, no dependencies, kept after IANA's registry. Only those who guess pay for loading it.
  const { default: mime } = await import("mime");
  const type = mime.getType(name) ?? UNKNOWN_TYPE;
  const charset = type.startsWith("text/") ? "; charset=utf-8" : "";
  return {
    ...fields,
    "Content-Type": type + charset,
    ...(CAN_RUN_SCRIPT.test(type) ? { "Content-Security-Policy": "sandbox" } : {}),
  };
}
