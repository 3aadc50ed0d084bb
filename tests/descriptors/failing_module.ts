// A module whose compilation measures the stack: its statements are nested.

/** Throws. */
export function failWithin(numbers: readonly number[]): never {
  const check = (depth: number): void => {
    if (numbers.length === depth) {
      for (const each of numbers) {
        try {
          throw new Error(`failed within ${each} of ${numbers.map((other) => other * 2)}`);
        } finally {
          void each;
        }
      }
    }
  };
  check(numbers.length);
  throw new Error("It must not come here");
}
