// What a handshake of TLS that has failed says of the peer.

/** Characters of a problem that are told at the most. */
const LONGEST_PROBLEM = 120;

/**
 * What an error says, fit for a log, since the peer may have had a hand in it; or null where the
 * peer has just left: there is nothing wrong with that.
 */
export function handshakeProblem(error: unknown): string | null {
  if (isDeparture(error)) return null;
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/[^ -~]+/g, " ").slice(0, LONGEST_PROBLEM);
}

function isDeparture(error: unknown): boolean {
  return error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}
