// One at a time in each directory, whatever isolate or process on this machine: a lock (flock) of the
// directory itself, held between a look at a name and its change. A courtesy: where the system
// refuses it, or somebody never lets go, everything is as it would be without.

import { withLock } from "./locks.ts";

/** Milliseconds between two tries, at first and at the most; who holds it needs less than one. */
const MIN_BACKOFF = 1;
const MAX_BACKOFF = 16;

/** Milliseconds until somebody who holds it counts as one of those who never let go. */
const LOCK_TIMEOUT = 3000;

/** Runs with a directory locked. Nobody is to ask for a second lock meanwhile. */
export async function withDirectoryLock<T>(directory: string, run: () => Promise<T>): Promise<T> {
  // In line first: those of one isolate need not try for it against each other.
  return await withLock(`${directory}/`, async () => {
    using _ = await lock(directory);
    return await run();
  });
}

/** The directory, locked if possible: to close it is to let go. */
async function lock(directory: string): Promise<Deno.FsFile | null> {
  let file: Deno.FsFile | null = null;
  try {
    file = await Deno.open(directory);
    const end = performance.now() + LOCK_TIMEOUT;
    // Waiting in the system would take a thread from those who have work to do.
    for (let pause = MIN_BACKOFF; !await file.tryLock(true); pause *= 2) {
      if (performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, MAX_BACKOFF)));
    }
  } catch {
    // NFS locks no directories, for instance.
  }
  return file;
}
