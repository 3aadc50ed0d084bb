// One at a time in each folder, whatever isolate or process on this machine: a lock (flock) of the
// folder itself, held between a look at a name and its change. A courtesy: where the system
// refuses it, or somebody never lets go, everything is as it would be without.

import { withLock } from "./locks.ts";

/** Milliseconds between two tries, at first and at the most; who holds it needs less than one. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 16;

/** Milliseconds until somebody who holds it counts as one of those who never let go. */
const PATIENCE = 3000;

/** Runs with a folder locked. Nobody is to ask for a second lock meanwhile. */
export async function withFolderLock<T>(folder: string, run: () => Promise<T>): Promise<T> {
  // In line first: those of one isolate need not try for it against each other.
  return await withLock(`${folder}/`, async () => {
    using _ = await lock(folder);
    return await run();
  });
}

/** The folder, locked if possible: to close it is to let go. */
async function lock(folder: string): Promise<Deno.FsFile | null> {
  let file: Deno.FsFile | null = null;
  try {
    file = await Deno.open(folder);
    const end = performance.now() + PATIENCE;
    // Waiting in the system would take a thread from those who have work to do.
    for (let pause = FIRST_PAUSE; !await file.tryLock(true); pause *= 2) {
      if (performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, LONGEST_PAUSE)));
    }
  } catch {
    // NFS locks no folders, for instance.
  }
  return file;
}
