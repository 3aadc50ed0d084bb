// File descriptors kept back for the time when connections have taken all the others: files are
// still opened then, and Deno itself is not left without any, which it answers with a panic.

/** Descriptors kept back: enough for the files of a few requests at a time. */
const RESERVE = 16;

/** What costs a descriptor and nothing else. */
const NOTHING = "/dev/null";

/** Descriptors that are held only to be let go of. */
export class DescriptorReserve {
  #held: Deno.FsFile[] = [];

  /** Whether the descriptors are kept back: else they are in use, or cannot be had. */
  get isFull(): boolean {
    return this.#held.length === RESERVE;
  }

  /** Takes what is missing, as far as it is to be had. Without the permission that is nothing. */
  fill(): void {
    const { state } = Deno.permissions.querySync({ name: "read", path: NOTHING });
    try {
      while (state === "granted" && !this.isFull) this.#held.push(Deno.openSync(NOTHING));
    } catch {
      this.release(); // None are left: half a reserve would be in the way.
    }
  }

  /** Lets them go. */
  release(): void {
    for (const file of this.#held) file.close();
    this.#held = [];
  }
}
