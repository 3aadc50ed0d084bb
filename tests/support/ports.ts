// Ports for programs that cannot pick one themselves, or have to use the same one after a restart.

import { ListenerSet } from "../../lib/server/listener.ts";

/** Below the ports that Linux gives for port 0, so that no other program gets one by chance. */
const FIRST = 10_000;
const COUNT = 20_000;

let last = Math.floor(COUNT * Math.random());

/** A port without a listener at either address of `localhost`; another one at each call. */
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
