// One line for each exchange and each event, without its line end. Pure: whoever serves formats
// its own lines, be it a worker, and passes on text. What clients send is escaped.

import { oncePerSecond } from "../http/date.ts";
import type { RequestHead } from "../http/message.ts";
import type { LogRecord } from "../server/exchange.ts";
import { escapeText, toAsciiJson } from "./escaping.ts";

/** The formats of the log, in the order of the help text. */
export const LOG_FORMATS = ["off", "common", "combined", "json"] as const;

/** The format of the log. */
export type LogFormat = typeof LOG_FORMATS[number];

type Value = string | number | boolean | null;

/** The fields of an exchange as JSON, in their order, and where their values come from. */
const JSON_FIELDS: Readonly<Record<string, (record: LogRecord) => Value>> = {
  time: ({ startedAt }) => isoTime(startedAt),
  id: ({ id }) => id,
  client: ({ client }) => client,
  peer: ({ peer }) => peer,
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

/** The names of the fields of an exchange as JSON, in their order. */
export const JSON_FIELD_NAMES: readonly string[] = Object.keys(JSON_FIELDS);

const JSON_ENTRIES = Object.entries(JSON_FIELDS);

/** The line for an exchange, or null where exchanges are not logged. */
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

/**
 * The line for something else, whatever is logged of exchanges: the start, a connection.
 *
 * @param event What has happened, in a word.
 * @param detail Whom or what it has happened to.
 * @param moment When: milliseconds since 1970, UTC.
 */
export function formatEvent(
  format: LogFormat,
  event: string,
  detail: string,
  moment: number,
): string {
  if (format !== "json") return `[${commonTime(moment)}] ${event} ${escapeText(detail)}`;
  return toAsciiJson({ time: isoTime(moment), event, detail });
}

/** Common Log Format: nobody is known by name, so the two fields for names are empty. */
function commonLine(record: LogRecord): string {
  const { client, requestLine, status, bytesOut, startedAt } = record;
  const request = requestLine === null ? "-" : escapeText(requestLine);
  return `${client} - - [${commonTime(startedAt)}] "${request}" ${status ?? "-"} ${bytesOut}`;
}

function quoted(head: RequestHead | null, name: string): string {
  return `"${escapeText(head?.fields.get(name) ?? "-")}"`;
}

/** Made by hand, which takes a third of the time: most text is ASCII that JSON leaves as it is. */
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

/** A part of a request line: all that is known of a head that was refused. */
function partOf(requestLine: string | null, index: number): string | null {
  return requestLine?.split(" ")[index] ?? null;
}

/** A moment as Common Log Format has it: `20/Nov/2026:09:21:00 +0000`. */
const commonTime = oncePerSecond((moment) => {
  const [, day, month, year, clock] = new Date(moment).toUTCString().split(" ");
  return `${day}/${month}/${year}:${clock} +0000`;
});

const isoSecond = oncePerSecond((moment) => new Date(moment).toISOString().slice(0, 19));

/** A moment as RFC 3339 has it, in milliseconds: `2026-11-20T09:21:00.000Z`. */
function isoTime(moment: number): string {
  return `${isoSecond(moment)}.${String(Math.floor(moment) % 1000).padStart(3, "0")}Z`;
}
