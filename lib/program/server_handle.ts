// What serves, seen from outside: one server in this isolate, or a pool of workers.

import type { Snapshot } from "../admin/metrics.ts";
import type { ConnectionView } from "../server/exchange.ts";
import type { Certificate } from "../server/listener.ts";

/** Something that serves until it is drained. */
export interface ServerHandle {
  /** Where it can be reached from this machine. */
  readonly url: string;
  /** How many workers have been started in the place of others. */
  readonly restarts: number;
  /**
   * Stops listening, ends what is under way, and closes what is left after `grace` milliseconds.
   */
  drain(grace: number): Promise<void>;
  /** Goes on with another certificate. */
  replaceCertificate(certificate: Certificate): Promise<void>;
  /** What the open connections are doing. */
  connections(): Promise<readonly ConnectionView[]>;
  /** What has been counted, by each that counts. */
  snapshots(): Promise<readonly Snapshot[]>;
}
