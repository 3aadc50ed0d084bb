// The access log: one line a request, in batches, so that no request waits for the log. What
// clients send is escaped: a line is always one line, and never moves a terminal's cursor.

import type { ExchangeRecord } from "./server/connection.ts";

/** The formats of the log, in the order of the help text. */
export const LOG_FORMATS = ["off", "common", "combined", "json"] as const;

/** The format of the log. */
export type LogFormat = typeof LOG_FORMATS[number];

/** Where lines go: standard output, for instance. */
export interface LogSink {
  /** Writes octets, perhaps not all of them; returns how many. */
  write(octets: Uint8Array): Promise<number>;
}

/** Milliseconds for which lines are collected: too short for a person to notice. */
const BATCH_TIME = 50;

/** Characters that wait at most while the sink does not take them; lines beyond are dropped. */
const MAX_WAITING = 1 << 20;

/** Writes the log of one server. */
export class AccessLog {
  readonly #format: LogFormat;
  readonly #sink: LogSink;
  #waiting = "";
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param format The format of the lines.
   * @param sink What takes them.
   */
  constructor(format: LogFormat, sink: LogSink) {
    this.#format = format;
    this.#sink = sink;
  }

  /** Takes note of a request that has come to its end. */
  request(record: ExchangeRecord): void {
    if (this.#format === "common") this.#add(commonLine(record));
    else if (this.#format === "json") this.#add(jsonLine(record));
  }

  /**
   * Takes note of something else, whatever the format is set to: the start, a connection.
   *
   * @param event What has happened, in a word.
   * @param detail Whom or what it has happened to.
   */
  event(event: string, detail: string): void {
    this.#add(this.#eventLine(event, detail));
  }

  #eventLine(event: string, detail: string): string {
    const now = Date.now();
    if (this.#format !== "json") return `[${commonTime(now)}] ${event} ${escape(detail)}`;
    return asciiJson({ time: new Date(now).toISOString(), event, detail });
  }

  #noteDropped(): string {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped === 0 ? "" : `${this.#eventLine("dropped", `${dropped} lines of the log`)}\n`;
  }

  /** Waits until everything so far has been written, or cannot be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#waiting + this.#noteDropped();
    this.#waiting = "";
    if (lines !== "") {
      this.#writing = this.#writing.then(() => this.#write(lines));
    }
    await this.#writing;
  }

  #add(line: string): void {
    if (this.#waiting.length > MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting += `${line}\n`;
    this.#timer ??= setTimeout(
      () => this.#writing.then(() => this.flush()),
      BATCH_TIME,
    );
  }

  async #write(lines: string): Promise<void> {
    const octets = new TextEncoder().encode(lines);
    try {
      for (let at = 0; at < octets.length;) {
        at += await this.#sink.write(octets.subarray(at));
      }
    } catch {
      return; // Nobody reads the log any more. That is no reason to stop serving.
    }
  }
}

/** Common Log Format, with the duration behind it. */
function commonLine(record: ExchangeRecord): string {
  const { client, requestLine, status, octets, startedAt, duration } = record;
  const request = requestLine === null ? "-" : escape(requestLine);
  return `${client} - - [${commonTime(startedAt)}] "${request}" ${status ?? "-"} ${octets} ` +
    `${duration.toFixed(3)}ms`;
}

function jsonLine(record: ExchangeRecord): string {
  const { client, requestLine, status, octets, startedAt, duration } = record;
  return asciiJson({
    time: new Date(startedAt).toISOString(),
    client,
    request: requestLine,
    status,
    octets,
    duration_ms: Number(duration.toFixed(3)),
  });
}

/** JSON leaves DEL and all beyond ASCII as they are; terminals take some of that for commands. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A moment as Common Log Format has it: `20/Nov/2026:09:21:00 +0000`. */
function commonTime(moment: number): string {
  const [, day, month, year, time] = new Date(moment).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}

/** Everything but visible ASCII and spaces, and what has a meaning in the line, as `\xHH`. */
function escape(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}
