// Log records as a connection reports them, made by hand.

import { Fields } from "../../lib/http/fields.ts";
import type { RequestHead } from "../../lib/http/message.ts";
import type { LogRecord } from "../../lib/server/exchange.ts";

export function headWith(lines: readonly (readonly [string, string])[] = []): RequestHead {
  return {
    method: "GET",
    target: "/a",
    path: "/a",
    query: null,
    authority: "h",
    minorVersion: 1,
    fields: new Fields(lines),
    framing: { type: "none" },
    isPersistent: true,
    expectsContinue: false,
  };
}

/** The record of a complete exchange, with changes. */
export function exchangeWith(changes: Partial<LogRecord> = {}): LogRecord {
  return {
    id: "17-3",
    peer: "127.0.0.1",
    client: "192.0.2.1",
    user: null,
    head: headWith([["Host", "h"], ["Referer", "http://h/b"], ["User-Agent", "me/1.0"]]),
    requestLine: "GET /a HTTP/1.1",
    status: 200,
    bytesIn: 3,
    bytesOut: 5,
    startedAt: Date.UTC(2026, 10, 20, 9, 5, 7, 89),
    duration: 1.23456,
    isComplete: true,
    closeReason: null,
    ...changes,
  };
}
