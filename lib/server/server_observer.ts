// Whom a server reports to, and what becomes of reports that nobody wants.

import type { ConnectionContext, ConnectionObserver } from "./connection_context.ts";

/** What a server reports. What it calls must not throw. */
export interface ServerObserver extends ConnectionObserver {
  /** A connection has been opened, by the address at its other end. */
  onOpen(peer: string): void;
  /** A connection has been closed, by either side. */
  onClose(peer: string): void;
}

/** An observer as the server calls it. */
export type Reported = ConnectionContext["observer"] & Pick<ServerObserver, "onOpen" | "onClose">;

/** The reports that are wanted. An observer may be an object of a class: its methods are called so. */
export function withDefaults(observer: Partial<ServerObserver>): Reported {
  return {
    onExchange: observer.onExchange ? (record) => observer.onExchange?.(record) : null,
    onOpen: (peer) => observer.onOpen?.(peer),
    onClose: (peer) => observer.onClose?.(peer),
    onError: (error) => observer.onError ? observer.onError(error) : console.error(error),
    onForeign: (peer, problem) => observer.onForeign?.(peer, problem),
  };
}
