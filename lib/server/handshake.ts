// What a handshake of TLS that has failed says of the peer.

/** Characters of a problem that are told at the most. */
const LONGEST_PROBLEM = 120;

/** Whether the peer has just left: there is nothing wrong with that. */
export function isDeparture(error: unknown): boolean {
  return error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

/** What an error says, fit for a log: the peer may have had a hand in it. */
export function problemOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/[^ -~]+/g, " ").slice(0, LONGEST_PROBLEM);
}
