// What is known of the file system that files are on. Only node:fs tells, and only with
// --allow-sys=statfs. Without that, a full disk is noticed when it is full, and every file system
// is taken for a local one.

import type { StatsFs } from "node:fs";
import { StatusError } from "../http/status.ts";

async function statFileSystem(path: string): Promise<StatsFs | null> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "statfs" });
  if (state !== "granted") return null;
  const { statfs } = await import("node:fs/promises");
  return await statfs(path);
}

/** Bytes that can as well be received before it turns out that they have no room: 64 KiB. */
const MIN_CHECKED_LENGTH = 65536;

/** @throws {StatusError} 507 where it is known that a file of this length has no room. */
export async function checkSpace(directory: string, length: number | null): Promise<void> {
  if (length === null || length <= MIN_CHECKED_LENGTH) return;
  const found = await statFileSystem(directory);
  if (found !== null && length > found.bavail * found.bsize) throw noSpace();
}

/** The error for a file that there is no room for. */
export function noSpace(): StatusError {
  return new StatusError(507, "There is no room left for the file.");
}

/** Types, as statfs(2) has them, whose answers come across a network, or from another program. */
const NETWORK_TYPES: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xfe534d42, // SMB 2
  0xff534d42, // CIFS
  0x65735546, // FUSE
  0x00c36400, // Ceph
  0x01021997, // 9P
  0x5346414f, // AFS
  0x0bd00bd0, // Lustre
  0x01161970, // GFS2
  0x7461636f, // OCFS2
]);

/** Whether it is known that a file system is somewhere else, where it may hang. */
export async function isNetworkFileSystem(path: string): Promise<boolean> {
  try {
    const found = await statFileSystem(path);
    return found !== null && NETWORK_TYPES.has(found.type);
  } catch {
    return true; // Who cannot even be asked is not waited for.
  }
}
