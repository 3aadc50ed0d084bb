// The directories that uploads have made on their way. Several uploads may be under way in one new
// directory; when the last of them leaves and none has come to stay, the directory goes again.

/** Keeps account of who is where. A directory is named by its real path. */
export class CreatedDirectories {
  /** Uploads under way, by each of the directories that they are in, however deep below. */
  readonly #uploads = new Map<string, number>();
  /** Directories that uploads have made and none has stayed in yet; of each, when it was made. */
  readonly #tentative = new Map<string, symbol>();
  /** One removal after the other: two at a time would find each other's directories in the way. */
  #removing: Promise<void> = Promise.resolve();

  /** An upload is on its way through a directory. */
  enter(directory: string): void {
    this.#uploads.set(directory, (this.#uploads.get(directory) ?? 0) + 1);
  }

  /** It has had to make the directory. */
  note(directory: string): void {
    this.#tentative.set(directory, Symbol());
  }

  /** Whether the directory has been made, and nothing has come to stay in it. */
  has(directory: string): boolean {
    return this.#tentative.has(directory);
  }

  /** It has come to stay: so have the directories on its way. */
  keep(directories: Iterable<string>): void {
    for (const directory of directories) this.#tentative.delete(directory);
  }

  /** It is over. The directories on its way, innermost first, go where nobody has use for them. */
  async leave(directories: readonly string[]): Promise<void> {
    for (const directory of directories) {
      const others = this.#uploads.get(directory)! - 1;
      if (others > 0) this.#uploads.set(directory, others);
      else this.#uploads.delete(directory);
    }
    if (!directories.some((directory) => this.#tentative.has(directory))) return;
    this.#removing = this.#removing.then(() => this.#remove(directories));
    await this.#removing;
  }

  /** What is not empty stays noted, for whoever is in it will leave in turn. */
  async #remove(directories: readonly string[]): Promise<void> {
    for (const directory of directories) {
      const making = this.#tentative.get(directory);
      if (making === undefined || this.#uploads.has(directory)) continue;
      try {
        await Deno.remove(directory);
      } catch {
        continue;
      }
      // Somebody may have made it anew in the meantime.
      if (this.#tentative.get(directory) === making) this.#tentative.delete(directory);
    }
  }
}
