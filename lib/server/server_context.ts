// What every connection of a server has in common, and whom it reports to.

import type { Fields } from "../http/fields.ts";
import type { Handler } from "../http/message.ts";
import type { LogRecord } from "./log_record.ts";
import type { Limits } from "./limits.ts";
import type { ResponseObserver } from "./response_writer.ts";
import type { DeadlineTimer } from "./deadline_timer.ts";

/** What a connection reports. What it calls must not throw. */
export interface ConnectionObserver {
  /** A request has come to its end, well or badly. */
  onRequest(record: LogRecord): void;
  /**
   * A handler, or content that it gave, has failed, or no connection could be accepted: a fault of
   * the program or of the machine, not of the client.
   */
  onError(error: unknown): void;
  /** A peer does not speak what is spoken here: TLS where there is none, or none where it is. */
  onProtocolMismatch(peer: string, problem: string): void;
}

/** What a connection needs to know beside its socket. */
export interface ServerContext {
  /** Answers the requests. */
  readonly handler: Handler;
  /** What the client may ask for. */
  readonly limits: Limits;
  /** Hears of what happens; of requests only where somebody wants to. */
  readonly observer: ResponseObserver & Pick<ConnectionObserver, "onProtocolMismatch">;
  /** Sweeps the deadlines, and tells the time. */
  readonly timer: DeadlineTimer;
  /** Whether the server has as many connections as it may. */
  readonly isAtCapacity: () => boolean;
  /** Who the client of a request is, given the peer, or null where that is always the peer. */
  readonly clientOf: ((peer: string, fields: Fields) => string) | null;
}
