// Which calls may be synchronous: those on a local file system, as long as they are quick.

import type { StatsFs } from "node:fs";
import { sleep } from "../server/deadlines.ts";
import { blockingCalls } from "./blocking_calls.ts";

/** Milliseconds to find out what kind of file system it is, which the system usually remembers. */
const STATFS_TIMEOUT = 3000;

/** Milliseconds. The scheduler alone may take a few. */
const SLOW_CALL = 10;

/** A cooldown of so many times a slow call: they block the server 2 % of the time at most. */
const COOLDOWN_FACTOR = 50;

/** Milliseconds of slow calls before synchronous ones stop: a few come from a busy machine. */
const SLOW_BUDGET = 50;

/**
 * Whether calls on the files of one directory may be synchronous. They block the event loop, but
 * cost a tenth of a call on another thread. Only what the system answers from memory qualifies,
 * and no network file system, which may hang. After slow calls there is a cooldown.
 */
export class SyncFilePolicy {
  readonly #path: string;
  readonly #clock: () => number;
  #isNetwork: Promise<boolean> | null = null;
  /** When the cooldown ends. Infinity until the kind of file system is known. */
  #slowUntil = Infinity;

  /** @param clock A monotonic clock in milliseconds, which times the calls. */
  constructor(path: string, clock: () => number = () => performance.now()) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Whether calls may be synchronous now. */
  get isAllowed(): boolean {
    if (this.#slowUntil === 0) return true;
    void this.isNetwork();
    return this.#clock() >= this.#slowUntil - SLOW_BUDGET * COOLDOWN_FACTOR;
  }

  /** Whether the files are on a network file system. No call on them is synchronous then. */
  isNetwork(): Promise<boolean> {
    return this.#isNetwork ??= this.#probe();
  }

  async #probe(): Promise<boolean> {
    let isNetwork = true; // What does not answer probably is.
    const asking = isNetworkFileSystem(this.#path).then((answer) => void (isNetwork = answer));
    const failed = () => void (this.#isNetwork = null); // It is asked again.
    await sleep(STATFS_TIMEOUT, asking.catch(failed));
    if (isNetwork) blockingCalls.setDeadlines();
    else this.#slowUntil = 0;
    return isNetwork;
  }

  /** Runs a synchronous call and measures it. */
  measure<T>(call: () => T): T {
    const start = this.#clock();
    try {
      return call();
    } finally {
      const end = this.#clock();
      const elapsed = end - start;
      if (elapsed > SLOW_CALL) {
        this.#slowUntil = Math.max(this.#slowUntil, end) + COOLDOWN_FACTOR * elapsed;
      }
    }
  }
}

/** Only node:fs has statfs, which needs --allow-sys=statfs. Null without the permission. */
export async function statFileSystem(path: string): Promise<StatsFs | null> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "statfs" });
  if (state !== "granted") return null;
  const { statfs } = await import("node:fs/promises");
  return await statfs(path);
}

/** Types of statfs(2) whose answers come across a network, or from another program. */
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

/** Without the permission for statfs every file system counts as local. */
async function isNetworkFileSystem(path: string): Promise<boolean> {
  const found = await statFileSystem(path);
  return found !== null && NETWORK_TYPES.has(found.type);
}
