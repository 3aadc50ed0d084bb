// Errors as a person reads them: one line.

/** The program cannot start, or cannot use a new certificate. The message is one line. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}

/** The message of an error, on one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll("\n", " ");
}
