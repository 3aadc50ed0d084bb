// Ports for programs that cannot pick one themselves, or have to come back to theirs.

import { ListenerSet } from "../../lib/server/listener.ts";

/** Below those that Linux gives to whoever wants any: nobody gets it by chance meanwhile. */
const FIRST = 10_000;
const COUNT = 20_000;

let last = Math.floor(COUNT * Math.random());

/**
 * A port that nobody listens on at this moment, at either address of `localhost`; another one each
 * time.
 */
export function freePort(): number {
  for (;;) {
    last = (last + 1) % COUNT;
    const port = FIRST + last;
    try {
      ListenerSet.open({ transport: "tcp", hostname: "localhost", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
