// What a server reports to the program that runs it. A callback that throws harms nothing else.

import { type DescriptorBudget, isOutOfDescriptors } from "./descriptors.ts";
import type { LogRecord } from "./exchange.ts";

/** What a server reports. */
export interface ServerObserver {
  /** A connection has been opened by the client at this address. */
  onOpen(peer: string): void;
  /** A connection has been closed, by either side. */
  onClose(peer: string): void;
  /** A request has ended, well or badly. */
  onRequest(record: LogRecord): void;
  /**
   * A handler, its content or another callback has failed, or no connection could be accepted: a
   * fault of the program or of the machine, not of the client.
   */
  onError(error: unknown): void;
  /** A client speaks TLS on a plain port, or no TLS on a port for TLS. */
  onProtocolMismatch(peer: string, problem: string): void;
}

/** An observer as the server calls it: complete, and no call throws. */
export interface GuardedObserver extends Omit<ServerObserver, "onRequest"> {
  /** Null where no records are wanted, so that none are made. */
  readonly onRequest: ((record: LogRecord) => void) | null;
}

/**
 * Completes an observer and guards its callbacks: what one throws is reported once, as an error.
 * Errors go to stderr where `onError` is missing or throws itself.
 *
 * @param descriptors Frees some descriptors while an error is reported, perhaps with its stack.
 */
export function guardObserver(
  observer: Partial<ServerObserver>,
  descriptors: Pick<DescriptorBudget, "withFree">,
): GuardedObserver {
  const report = (error: unknown): void => {
    try {
      if (observer.onError) observer.onError(error);
      else print(error);
    } catch (failure) {
      console.error(error, failure);
    }
  };
  const onError = (error: unknown): void => descriptors.withFree(() => report(error));
  // The callbacks are called as methods: an observer may be an object of a class.
  const guard = <T extends unknown[]>(callback: (...values: T) => void) => (...values: T): void => {
    try {
      callback(...values);
    } catch (error) {
      onError(error);
    }
  };
  return {
    onOpen: guard((peer: string) => observer.onOpen?.(peer)),
    onClose: guard((peer: string) => observer.onClose?.(peer)),
    onRequest: observer.onRequest
      ? guard((record: LogRecord) => observer.onRequest?.(record))
      : null,
    onError,
    onProtocolMismatch: guard((peer: string, problem: string) =>
      observer.onProtocolMismatch?.(peer, problem)
    ),
  };
}

/** A shortage of descriptors is one line: it concerns the machine, and no line of the program. */
function print(error: unknown): void {
  if (isOutOfDescriptors(error)) console.error(`wireserve: ${(error as Error).message}`);
  else console.error(error);
}
