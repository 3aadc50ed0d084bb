// File descriptors kept back for the time when connections have taken all the others: files are
// still opened then, and Deno itself is not left without any, which it answers with a panic.

/** Descriptors kept back: enough for the files of a few requests at a time. */
const RESERVE = 16;

/** What costs a descriptor and nothing else. */
const NOTHING = "/dev/null";

/** Descriptors that are held only to be let go of. */
export class DescriptorReserve {
  #held: Deno.FsFile[] = [];

  /** To be made before the first connection. */
  constructor() {
    // The first stack trace has Deno open a file: not when none is left.
    void new Error().stack;
  }

  /** Whether the descriptors are kept back: else they are in use, or cannot be had. */
  get isFull(): boolean {
    return this.#held.length === RESERVE;
  }

  /**
   * Takes what is missing, if as many again are left then: nobody else is to run short for it.
   * Without the permission, or where there are too few, nothing is kept back.
   */
  fill(): void {
    const { state } = Deno.permissions.querySync({ name: "read", path: NOTHING });
    if (state !== "granted" || this.isFull) return;
    try {
      while (this.#held.length < 2 * RESERVE) this.#held.push(Deno.openSync(NOTHING));
      for (const file of this.#held.splice(RESERVE)) file.close();
    } catch {
      this.release();
    }
  }

  /** Lets them go. */
  release(): void {
    for (const file of this.#held) file.close();
    this.#held = [];
  }
}
