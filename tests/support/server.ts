// A server in this process with a handler of the test's own, and what it reports.

import { assertEquals } from "@std/assert";
import type { Handler } from "../../lib/http/message.ts";
import type { ServeCallbacks } from "../../lib/server/callbacks.ts";
import type { Limits } from "../../lib/server/limits.ts";
import type { Endpoint } from "../../lib/server/listener.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";
import { Server } from "../../lib/server/server.ts";
import { testWith } from "./needs.ts";
import { RawClient } from "./raw_client.ts";

/** A running server, and everything that it has reported so far. */
export interface TestServer {
  readonly server: Server;
  readonly port: number;
  readonly records: LogRecord[];
  readonly errors: unknown[];
  /** Peers that spoke TLS on a plain port, or something else on a TLS port: "peer: problem". */
  readonly mismatches: string[];
  readonly closed: string[];
  connect(): Promise<RawClient>;
}

/** How the server of a test differs from one with the defaults. */
export interface TestServerOptions {
  readonly handler: Handler;
  readonly limits?: Partial<Limits>;
  /** Default: `localhost`, at a port that is free. */
  readonly endpoint?: Endpoint;
  readonly idPrefix?: string;
  readonly errorPage?: ServeCallbacks["errorPage"];
  /** Whether the test expects errors. Otherwise it fails at its end when one was reported. */
  readonly hasErrors?: boolean;
}

/**
 * The linger timeout of test servers, in milliseconds. The default of 2 seconds would make each
 * refusal whose client stays wait as long.
 */
const LINGER_TIMEOUT = 200;

/**
 * Runs with a server, and closes it at the end.
 *
 * @param check Assertions about what is reported until the server has been closed.
 */
export async function withServer(
  { handler, limits, endpoint, idPrefix, errorPage, hasErrors = false }: TestServerOptions,
  run: (server: TestServer) => Promise<void>,
  check: (server: TestServer) => void = () => {},
): Promise<void> {
  const records: LogRecord[] = [];
  const errors: unknown[] = [];
  const mismatches: string[] = [];
  const closed: string[] = [];
  const server = new Server(handler, {
    ...(endpoint === undefined ? { port: 0 } : { endpoint }),
    idPrefix,
    errorPage,
    limits: { lingerTimeout: LINGER_TIMEOUT, ...limits },
    onRequest: (record) => records.push(record),
    onClose: (peer) => closed.push(peer),
    onError: (error) => void errors.push(error),
    onProtocolMismatch: (peer, problem) => mismatches.push(`${peer}: ${problem}`),
  });
  const { port } = server;
  const connect = () => RawClient.connect(port);
  const testServer = { server, port, records, errors, mismatches, closed, connect };
  try {
    await run(testServer);
  } finally {
    await server.close();
  }
  check(testServer);
  if (!hasErrors) assertEquals(errors, []);
}

export function testServer(
  name: string,
  options: TestServerOptions,
  run: (server: TestServer) => Promise<void>,
): void {
  testWith(["net"], name, () => withServer(options, run));
}
