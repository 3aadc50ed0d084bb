// Pseudo-random choices: the same seed gives the same choices.

import { uniformInt } from "npm:pure-rand@8.4.2/distribution/uniformInt";
import { xoroshiro128plus } from "npm:pure-rand@8.4.2/generator/xoroshiro128plus";

export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  /** @param seed A whole number. */
  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** A whole number from `least` to `most` inclusive. */
  integer(least: number, most: number): number {
    return uniformInt(this.#generator, least, most);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)]!;
  }

  text(length: number): string {
    return Array.from({ length }, () => this.integer(0, 35).toString(36)).join("");
  }
}
