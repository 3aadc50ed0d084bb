// Whom a server reports to, and what becomes of reports that nobody wants.

import type { ConnectionObserver, ServerContext } from "./server_context.ts";

/** What a server reports. What it calls must not throw. */
export interface ServerObserver extends ConnectionObserver {
  /** A connection has been opened, by the address at its other end. */
  onOpen(peer: string): void;
  /** A connection has been closed, by either side. */
  onClose(peer: string): void;
}

/** An observer as the server calls it. */
export type GuardedObserver =
  & ServerContext["observer"]
  & Pick<ServerObserver, "onOpen" | "onClose">;

/** The reports that are wanted. An observer may be an object of a class: its methods are called so. */
export function guardObserver(observer: Partial<ServerObserver>): GuardedObserver {
  return {
    onRequest: observer.onRequest ? (record) => observer.onRequest?.(record) : null,
    onOpen: (peer) => observer.onOpen?.(peer),
    onClose: (peer) => observer.onClose?.(peer),
    onError: (error) => observer.onError ? observer.onError(error) : console.error(error),
    onProtocolMismatch: (peer, problem) => observer.onProtocolMismatch?.(peer, problem),
  };
}
