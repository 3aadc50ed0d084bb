// The lines of the log, without their line ends. Text of clients is escaped, so that it can neither
// end a line nor control a terminal.

import { oncePerSecond } from "../http/date.ts";
import type { RequestHead } from "../http/message.ts";
import type { LogRecord } from "../server/exchange.ts";

/** The formats of the log, in the order of the help text. */
export const LOG_FORMATS = ["off", "common", "combined", "json"] as const;

/** The format of the log. */
export type LogFormat = typeof LOG_FORMATS[number];

type Value = string | number | boolean | null;

/** The JSON fields of a request, in their order. */
const JSON_FIELDS: Readonly<Record<string, (record: LogRecord) => Value>> = {
  time: ({ startedAt }) => isoTime(startedAt),
  id: ({ id }) => id,
  client: ({ client }) => client,
  peer: ({ peer }) => peer,
  user: ({ user }) => user,
  method: ({ head, requestLine }) => head?.method ?? partOf(requestLine, 0),
  target: ({ head, requestLine }) => head?.target ?? partOf(requestLine, 1),
  status: ({ status }) => status,
  bytes_in: ({ bytesIn }) => bytesIn,
  bytes_out: ({ bytesOut }) => bytesOut,
  duration_ms: ({ duration }) => Math.round(duration * 1000) / 1000,
  complete: ({ isComplete }) => isComplete,
  closed: ({ closeReason }) => closeReason,
  referer: ({ head }) => head?.fields.get("Referer") ?? null,
  user_agent: ({ head }) => head?.fields.get("User-Agent") ?? null,
};

/** The names of the JSON fields of a request, in their order. */
export const JSON_FIELD_NAMES: readonly string[] = Object.keys(JSON_FIELDS);

const JSON_ENTRIES = Object.entries(JSON_FIELDS);

/** The line for a request, or null if requests are not logged. */
export function formatExchange(format: LogFormat, record: LogRecord): string | null {
  switch (format) {
    case "off":
      return null;
    case "common":
      return `${commonLine(record)} ${record.duration.toFixed(3)}ms`;
    case "combined":
      return `${commonLine(record)} ${quoted(record.head, "Referer")} ` +
        `${quoted(record.head, "User-Agent")}`;
    case "json":
      return jsonLine(record);
  }
}

/** The line for an event. Its moment is in milliseconds since 1970, UTC. */
export function formatEvent(
  format: LogFormat,
  event: string,
  detail: string,
  moment: number,
): string {
  if (format !== "json") return `[${commonTime(moment)}] ${event} ${escapeText(detail)}`;
  return toAsciiJson({ time: isoTime(moment), event, detail });
}

/** Common Log Format. The first of its two fields for names, that of RFC 1413, is always empty. */
function commonLine(record: LogRecord): string {
  const { client, user, requestLine, status, bytesOut, startedAt } = record;
  const name = user === null ? "-" : escapeText(user).replaceAll(" ", "\\x20");
  const request = requestLine === null ? "-" : escapeText(requestLine);
  return `${client} - ${name} [${commonTime(startedAt)}] "${request}" ${status ?? "-"} ${bytesOut}`;
}

function quoted(head: RequestHead | null, name: string): string {
  return `"${escapeText(head?.fields.get(name) ?? "-")}"`;
}

/** Three times as fast as JSON.stringify(): most text is ASCII that needs no escapes. */
function jsonLine(record: LogRecord): string {
  let line = "";
  for (const [name, valueOf] of JSON_ENTRIES) {
    line += `${line === "" ? "{" : ","}"${name}":${toJson(valueOf(record))}`;
  }
  return `${line}}`;
}

function toJson(value: Value): string {
  if (typeof value !== "string") return String(value);
  return /[^\x20-\x7e]|["\\]/.test(value) ? toAsciiJson(value) : `"${value}"`;
}

/** A part of the request line, for a head that was refused. */
function partOf(requestLine: string | null, index: number): string | null {
  return requestLine?.split(" ")[index] ?? null;
}

/** `20/Nov/2026:09:21:00 +0000` */
const commonTime = oncePerSecond((moment) => {
  const [, day, month, year, clock] = new Date(moment).toUTCString().split(" ");
  return `${day}/${month}/${year}:${clock} +0000`;
});

const isoSecond = oncePerSecond((moment) => new Date(moment).toISOString().slice(0, 19));

/** RFC 3339: `2026-11-20T09:21:00.000Z` */
function isoTime(moment: number): string {
  return `${isoSecond(moment)}.${String(Math.floor(moment) % 1000).padStart(3, "0")}Z`;
}

/** Replaces all but visible ASCII and spaces, and the quote and the backslash, by `\xHH`. */
export function escapeText(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

/** A value as JSON in ASCII. JSON.stringify() leaves some control characters of terminals. */
export function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
