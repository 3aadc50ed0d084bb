// The folders that uploads have made on their way. Several uploads may be under way in one new
// folder; when the last of them leaves and none has come to stay, the folder goes again.

/** Keeps account of who is where. A folder is named by its real path. */
export class MadeFolders {
  /** Uploads under way, by each of the folders that they are in, however deep below. */
  readonly #uploads = new Map<string, number>();
  /** Folders that uploads have made and none has stayed in yet; of each, when it was made. */
  readonly #tentative = new Map<string, symbol>();
  /** One removal after the other: two at a time would find each other's folders in the way. */
  #removing: Promise<void> = Promise.resolve();

  /** An upload is on its way through a folder. */
  enter(folder: string): void {
    this.#uploads.set(folder, (this.#uploads.get(folder) ?? 0) + 1);
  }

  /** It has had to make the folder. */
  note(folder: string): void {
    this.#tentative.set(folder, Symbol());
  }

  /** Whether the folder has been made, and nothing has come to stay in it. */
  has(folder: string): boolean {
    return this.#tentative.has(folder);
  }

  /** It has come to stay: so have the folders on its way. */
  keep(folders: Iterable<string>): void {
    for (const folder of folders) this.#tentative.delete(folder);
  }

  /** It is over. The folders on its way, innermost first, go where nobody has use for them. */
  async leave(folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      const others = this.#uploads.get(folder)! - 1;
      if (others > 0) this.#uploads.set(folder, others);
      else this.#uploads.delete(folder);
    }
    if (!folders.some((folder) => this.#tentative.has(folder))) return;
    this.#removing = this.#removing.then(() => this.#remove(folders));
    await this.#removing;
  }

  /** What is not empty stays noted, for whoever is in it will leave in turn. */
  async #remove(folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      const making = this.#tentative.get(folder);
      if (making === undefined || this.#uploads.has(folder)) continue;
      try {
        await Deno.remove(folder);
      } catch {
        continue;
      }
      // Somebody may have made it anew in the meantime.
      if (this.#tentative.get(folder) === making) this.#tentative.delete(folder);
    }
  }
}
