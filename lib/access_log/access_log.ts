// The access log. Lines are written in batches, and no request waits for them. The buffer is
// bounded: lines beyond it are dropped, counted and reported.

import type { LogRecord } from "../server/exchange.ts";
import { formatEvent, formatExchange, type LogFormat } from "./format.ts";
import type { LineSink } from "./sink.ts";

/** Milliseconds between two writes: too short for a person to notice. */
const BATCH_TIME = 50;

/** Characters that are written at once. */
const BATCH_SIZE = 64 * 1024;

/** Size of the buffer in characters: a fifth of a second of 70,000 requests a second. */
const MAX_BUFFERED = 4 * 1024 * 1024;

/** Writes the log of one server, or of one worker. */
export class AccessLog {
  readonly #format: LogFormat;
  readonly #sink: LineSink;
  readonly #events: AccessLog | null;
  #buffer = "";
  #dropped = 0;
  /** Dropped lines that the log has not reported yet. */
  #unreported = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | null = null;

  /**
   * @param sink Where the lines go: from a worker, to {@linkcode append} in the main thread.
   * @param events Where events go; by default they are among the requests.
   */
  constructor(format: LogFormat, sink: LineSink, events: LineSink | null = null) {
    this.#format = format;
    this.#sink = sink;
    this.#events = events === null ? null : new AccessLog(format, events);
  }

  /** How many lines were dropped since the start: the sink was too slow, or has failed. */
  get droppedLines(): number {
    return this.#dropped;
  }

  request(record: LogRecord): void {
    const line = formatExchange(this.#format, record);
    if (line !== null) this.append(`${line}\n`);
  }

  /** Logs an event, in every format. It is written at once, unless a batch is on its way. */
  event(event: string, detail: string): void {
    if (this.#events !== null) return this.#events.event(event, detail);
    this.#add(this.#eventLine(event, detail));
    if (this.#writing === null && this.#timer === undefined) this.#begin();
  }

  /** Logs whole lines, each with its line end, such as those of a worker. */
  append(lines: string, areEvents = false): void {
    if (areEvents && this.#events !== null) return this.#events.append(lines);
    this.#add(lines);
    if (this.#writing !== null) return;
    if (this.#buffer.length >= BATCH_SIZE) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), BATCH_TIME);
  }

  #add(lines: string): void {
    const room = MAX_BUFFERED - this.#buffer.length;
    const end = lines.length <= room ? lines.length : lines.lastIndexOf("\n", room - 1) + 1;
    if (end < lines.length) this.#drop(countLines(lines.slice(end)));
    this.#buffer += lines.slice(0, end);
  }

  /** Waits until all lines so far are written or lost. */
  async flush(): Promise<void> {
    await Promise.all([this.#flush(), this.#events?.flush()]);
  }

  async #flush(): Promise<void> {
    await this.#writing;
    // The next batch has all lines. The one after it reports those that were lost.
    if (this.#buffer !== "") await this.#next();
    if (this.#unreported > 0) await this.#next();
    await this.#writing;
  }

  #next(): Promise<void> {
    return this.#writing ?? this.#begin();
  }

  #eventLine(event: string, detail: string): string {
    return `${formatEvent(this.#format, event, detail, Date.now())}\n`;
  }

  /** The line about dropped lines for the same sink; empty where events have their own. */
  #report(unreported: number): string {
    const [event, detail] = ["lines_dropped", `${unreported} lines`] as const;
    if (this.#events === null) return this.#eventLine(event, detail);
    this.#events.event(event, detail);
    return "";
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#unreported += lines;
  }

  #begin(): Promise<void> {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#write().then(() => {
      this.#writing = null;
      if (this.#buffer !== "") this.#timer ??= setTimeout(() => this.#begin(), BATCH_TIME);
    });
    return this.#writing;
  }

  /** Writes all lines, and then how many were dropped. */
  async #write(): Promise<void> {
    const unreported = this.#unreported;
    const report = unreported > 0 ? this.#report(unreported) : "";
    const lines = this.#buffer + report;
    this.#buffer = "";
    this.#unreported = 0;
    // Not at once, since a sink may log something itself.
    const lost = await Promise.resolve(lines).then((text) => this.#sink.write(text))
      .catch(() => countLines(lines));
    if (lost === 0) return;
    // The lost lines are the last ones, and so include the report.
    this.#drop(report === "" ? lost : lost - 1);
    if (report !== "") this.#unreported += unreported;
  }
}

function countLines(lines: string): number {
  return lines.split("\n").length - 1;
}
