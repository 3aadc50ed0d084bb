// Whether there is room for a file before its first octet is asked for. Only node:fs tells, and
// only with --allow-sys=statfs; without that, a full disk is noticed when it is full.

import { StatusError } from "../http/status.ts";

/** @throws {StatusError} 507 where it is known that a file of this length has no room. */
export async function checkSpace(folder: string, length: number | null): Promise<void> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "statfs" });
  if (length === null || length === 0 || state !== "granted") return;
  const { statfs } = await import("node:fs/promises");
  const { bavail, bsize } = await statfs(folder);
  if (length > bavail * bsize) throw noSpace();
}

/** The error for a file that there is no room for. */
export function noSpace(): StatusError {
  return new StatusError(507, "There is no room left for the file.");
}
