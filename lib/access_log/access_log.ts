// The access log: lines go to their sink in batches, so that no request waits for the log. What
// waits is bounded: while the sink stands still, lines are dropped, counted and reported.

import type { LogRecord } from "../server/exchange.ts";
import { formatEvent, formatExchange, type LogFormat } from "./format.ts";
import type { LineSink } from "./sink.ts";

/** Milliseconds for which lines are collected: too short for a person to notice. */
const BATCH_TIME = 50;

/** Characters that are worth a write before that time is over. */
const BATCH_SIZE = 64 * 1024;

/**
 * Characters that wait at most while the sink does not take them; lines beyond are dropped. It is
 * enough for a disk that hangs for a fifth of a second under 70,000 requests a second.
 */
const MAX_WAITING = 4 * 1024 * 1024;

/** Writes the log of one server, or of one worker. */
export class AccessLog {
  readonly #format: LogFormat;
  readonly #sink: LineSink;
  #waiting = "";
  #dropped = 0;
  /** Dropped lines that the log itself does not tell of yet. */
  #unreported = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The write under way. */
  #writing: Promise<void> | null = null;

  /**
   * @param format The format of the lines.
   * @param sink What takes them. For a worker, what passes them on to {@linkcode AccessLog.append}.
   */
  constructor(format: LogFormat, sink: LineSink) {
    this.#format = format;
    this.#sink = sink;
  }

  /** Lines that have been dropped since the start: the sink was too slow, or has failed. */
  get droppedLines(): number {
    return this.#dropped;
  }

  /** Takes note of a request that has come to its end. */
  request(record: LogRecord): void {
    const line = formatExchange(this.#format, record);
    if (line !== null) this.append(`${line}\n`);
  }

  /**
   * Takes note of something else, whatever the format is set to: the start, a connection.
   *
   * @param event What has happened, in a word.
   * @param detail Whom or what it has happened to.
   */
  event(event: string, detail: string): void {
    this.append(this.#eventLine(event, detail));
  }

  /** Takes whole lines, each with its line end: those that a worker has formatted, for instance. */
  append(lines: string): void {
    const room = MAX_WAITING - this.#waiting.length;
    const end = lines.length <= room ? lines.length : lines.lastIndexOf("\n", room - 1) + 1;
    if (end < lines.length) this.#drop(countLines(lines.slice(end)));
    this.#waiting += lines.slice(0, end);
    if (this.#writing !== null) return;
    if (this.#waiting.length >= BATCH_SIZE) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), BATCH_TIME);
  }

  /** Waits until everything so far has been written, or cannot be; not for what comes meanwhile. */
  async flush(): Promise<void> {
    await this.#writing;
    // The next batch has all that waits. The one after it tells what was lost of that.
    if (this.#waiting !== "") await this.#next();
    if (this.#unreported > 0) await this.#next();
    await this.#writing;
  }

  #next(): Promise<void> {
    return this.#writing ?? this.#begin();
  }

  #eventLine(event: string, detail: string): string {
    return `${formatEvent(this.#format, event, detail, Date.now())}\n`;
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#unreported += lines;
  }

  #begin(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#write().then(() => {
      this.#writing = null;
      if (this.#waiting !== "") this.#timer ??= setTimeout(() => this.#begin(), BATCH_TIME);
    });
    return this.#writing;
  }

  /** Writes what waits, and behind it the report of what has been dropped. */
  async #write(): Promise<void> {
    const unreported = this.#unreported;
    const report = unreported > 0
      ? this.#eventLine("dropped", `${unreported} lines of the log`)
      : "";
    const lines = this.#waiting + report;
    this.#waiting = "";
    this.#unreported = 0;
    // Later, since a sink may have something to log itself.
    const lost = await Promise.resolve(lines).then((taken) => this.#sink.write(taken))
      .catch(() => countLines(lines));
    if (lost === 0) return;
    // What a sink loses it loses from some line on: the report, which was the last, with it.
    this.#drop(report === "" ? lost : lost - 1);
    this.#unreported += unreported;
  }
}

function countLines(lines: string): number {
  return lines.split("\n").length - 1;
}
