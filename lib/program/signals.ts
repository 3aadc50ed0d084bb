// The signals that the program heeds: SIGTERM and SIGINT end it, twice at once; SIGHUP has it read
// its files again. To be made before the first connection: Deno panics where no descriptor is left
// for a signal.

/** What signals say. */
export class Signals {
  readonly #end = Promise.withResolvers<void>();
  readonly #secondEnd = Promise.withResolvers<void>();
  #count = 0;
  /** Is called for SIGHUP. */
  onHangup: () => void = () => {};

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => this.#handle());
    }
    Deno.addSignalListener("SIGHUP", () => this.onHangup());
  }

  /** Resolves when the program is to end. */
  get end(): Promise<void> {
    return this.#end.promise;
  }

  /** Resolves when it is to end at once. */
  get secondEnd(): Promise<void> {
    return this.#secondEnd.promise;
  }

  #handle(): void {
    if (++this.#count === 1) this.#end.resolve();
    else this.#secondEnd.resolve();
  }
}
