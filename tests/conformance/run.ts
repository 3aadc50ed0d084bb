// All wire cases against one server, several at the same time.

import type { WireCase } from "../wire/case.ts";
import { exchange, type Observed } from "./exchange.ts";
import { judge, type Judged, responsesTo } from "./judge.ts";

/** How the cases fit a server. */
export interface Profile {
  /** A path that answers GET. */
  readonly get: string;
  /** A path that reads what is POSTed to it, or null: then cases with content are skipped. */
  readonly post: string | null;
  /** The value of Host. */
  readonly host: string;
}

/** A server under test. */
export interface Target {
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly profile: Profile;
}

/** Milliseconds that a response and a close may take, unless `--timeout` says otherwise. */
export const DEFAULT_TIMEOUT = 2000;

/** Cases at the same time: enough to hide waits, and no flood. */
const CONCURRENCY = 16;

/** Runs all cases against a server, and judges them, in the order of the table. */
export async function runCases(
  cases: readonly WireCase[],
  target: Target,
  timeout = DEFAULT_TIMEOUT,
): Promise<Judged[]> {
  const results: Judged[] = [];
  const numbered = cases.entries();
  const work = async () => {
    for (const [index, row] of numbered) {
      results[index] = judge(row, await run(row, target, timeout));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return results;
}

async function run(row: WireCase, target: Target, timeout: number): Promise<Observed | null> {
  const sent = mapped(row.sent, target.profile);
  if (sent === null) return null;
  const { hostname, port, isSecure, profile } = target;
  const connect = (): Promise<Deno.Conn> =>
    isSecure
      ? Deno.connectTls({ hostname, port, alpnProtocols: ["http/1.1"] })
      : Deno.connect({ hostname, port });
  const probe = `GET ${profile.get} HTTP/1.1\r\nHost: ${profile.host}\r\nConnection: close\r\n\r\n`;
  const script = { sent, isEnded: row.isEnded, responses: responsesTo(row), probe };
  const observed = await exchange(connect, script, timeout);
  // A reset may have overtaken a response. Once more, before that counts.
  const isLost = observed.isReset && observed.statuses.length === 0;
  return isLost ? await exchange(connect, script, timeout) : observed;
}

/** The octets of a case with the paths and the host of a server, or null if it has no such path. */
export function mapped(sent: string, { get, post, host }: Profile): string | null {
  if (post === null && sent.includes("POST /p ")) return null;
  return sent.replaceAll(/(?<=\s)\/a(?= HTTP\/)/g, () => get)
    .replaceAll(/(?<=POST )\/p(?= HTTP\/)/g, () => post ?? "")
    .replaceAll("Host: h\r\n", () => `Host: ${host}\r\n`);
}
