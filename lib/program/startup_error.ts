// Why the program cannot start, or go on with what it has been told: one line for a person.

/** What keeps the program from starting. Its message is one line. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}

/** The message of an error, on one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll("\n", " ");
}

/** The error that one isolate has met, and another is to throw. */
export function deserializeError(name: string, message: string): Error {
  const known = name === "AddrInUse" ? Deno.errors.AddrInUse : Error;
  return new known(message);
}
