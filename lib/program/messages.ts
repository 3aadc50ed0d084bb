// What goes between the crew and its workers: plain values, told apart by their type.

import type { Snapshot } from "../admin/metrics.ts";
import type { ConnectionView } from "../server/connection_view.ts";
import type { Certificate } from "../server/listener.ts";
import type { Assignment } from "./instance.ts";

/** To a worker. */
export type Order =
  | { readonly type: "start"; readonly assignment: Assignment }
  | { readonly type: "stop listening" }
  | { readonly type: "drain"; readonly grace: number }
  | { readonly type: "certificate"; readonly certificate: Certificate }
  | { readonly type: "ask"; readonly question: number }
  | { readonly type: "call" }
  | { readonly type: "logged" };

/** What a worker tells of itself. */
export interface Account {
  readonly connections: readonly ConnectionView[];
  readonly snapshots: readonly Snapshot[];
}

/** From a worker. */
export type Report =
  | { readonly type: "serving"; readonly url: string; readonly port: number }
  | { readonly type: "refused"; readonly name: string; readonly message: string }
  | { readonly type: "lines"; readonly lines: string }
  | { readonly type: "account"; readonly question: number; readonly account: Account }
  | { readonly type: "certified"; readonly problem: string | null }
  | { readonly type: "present" }
  | { readonly type: "silent" }
  /** Something has been thrown that nobody has caught. */
  | { readonly type: "failed"; readonly message: string; readonly account: Account }
  | { readonly type: "drained"; readonly account: Account };
