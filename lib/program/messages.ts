// The messages between the pool and its workers.

import type { User } from "../auth/users.ts";
import type { Snapshot } from "../admin/metrics.ts";
import type { ConnectionView } from "../server/exchange.ts";
import type { Certificate } from "../server/listener.ts";
import type { WorkerConfig } from "./local_server.ts";

/** A message to a worker. */
export type Command =
  | { readonly type: "start"; readonly config: WorkerConfig }
  | { readonly type: "listen"; readonly port: number }
  | { readonly type: "stop listening" }
  | { readonly type: "drain"; readonly grace: number }
  | { readonly type: "certificate"; readonly certificate: Certificate }
  | { readonly type: "users"; readonly users: readonly User[] }
  | { readonly type: "get stats"; readonly requestId: number }
  | { readonly type: "ping" }
  | { readonly type: "lines written"; readonly areEvents: boolean };

/** The connections and metrics of a worker. */
export interface WorkerStats {
  readonly connections: readonly ConnectionView[];
  readonly snapshots: readonly Snapshot[];
}

/** A message from a worker. */
export type WorkerEvent =
  | { readonly type: "prepared" }
  | { readonly type: "serving"; readonly url: string; readonly port: number }
  | { readonly type: "start failed"; readonly name: string; readonly message: string }
  | { readonly type: "lines"; readonly lines: string; readonly areEvents: boolean }
  | { readonly type: "stats"; readonly requestId: number; readonly stats: WorkerStats }
  | { readonly type: "certificate replaced"; readonly problem: string | null }
  | { readonly type: "pong" }
  | { readonly type: "stopped listening" }
  | { readonly type: "failed"; readonly message: string; readonly stats: WorkerStats }
  | { readonly type: "drained"; readonly stats: WorkerStats };
