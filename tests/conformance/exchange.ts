// One wire case on one connection to any server. Responses are parsed leniently, since they are not
// what is judged, and every wait has an end.

import type { Fate } from "../wire/case.ts";
import { fromLatin1, toLatin1 } from "../support/raw_client.ts";

/** What a server has done with the octets of a case. */
export interface Observed {
  /** The statuses of all final responses, 101 among them. */
  readonly statuses: readonly number[];
  readonly fate: Fate;
  /** Whether something came that is no response of HTTP/1. */
  readonly isOther: boolean;
  /** Whether the connection was reset: a response may have been lost with it. */
  readonly isReset: boolean;
}

/** The octets to send, and how to go on. */
export interface Script {
  /** Each character is one octet. */
  readonly sent: string;
  /** Whether the client then ends its side of the connection. */
  readonly isEnded: boolean;
  /** The number of responses if all goes well. */
  readonly responses: number;
  /** A request that shows whether the connection persists. It asks to close. */
  readonly probe: string;
}

/**
 * Sends the octets of a case and observes the server.
 *
 * @param timeout Milliseconds to wait for responses, and again for the close.
 */
export async function exchange(
  connect: () => Promise<Deno.Conn>,
  { sent, isEnded, responses, probe }: Script,
  timeout: number,
): Promise<Observed> {
  const peer = new Peer(await connect());
  try {
    const sending = peer.send(sent, isEnded);
    await peer.until(() => peer.statuses.length >= responses, timeout);
    const persists = !peer.isOver && !isEnded && peer.statuses.length >= responses && !peer.closes;
    if (persists) await peer.send(probe, false);
    await peer.until(() => false, peer.isSilent ? 0 : timeout);
    const fate = peer.statuses.length > responses ? "keep" : peer.isOver ? "close" : "open";
    const { statuses, isOther, isReset } = peer;
    peer.close();
    await sending;
    return { statuses, fate, isOther, isReset };
  } finally {
    peer.close();
  }
}

/** The other side of a connection. */
class Peer {
  readonly #conn: Deno.Conn;
  #received = "";
  #parsed: Parsed = { statuses: [], closes: false, isOther: false };
  #changed = Promise.withResolvers<void>();
  isOver = false;
  isReset = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#receive();
  }

  get statuses(): readonly number[] {
    return this.#parsed.statuses;
  }

  /** Whether the last response says that the connection closes. */
  get closes(): boolean {
    return this.#parsed.closes;
  }

  get isOther(): boolean {
    return this.#parsed.isOther;
  }

  /** Whether nothing has come although the time for it is over: then no close will come either. */
  get isSilent(): boolean {
    return this.#received === "" && !this.isOver;
  }

  async #receive(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await this.#conn.read(buffer)) !== null;) {
        this.#received += toLatin1(buffer.subarray(0, count));
        this.#parsed = parseResponses(this.#received, false);
        this.#wake();
      }
    } catch (error) {
      // Any error ends the connection; an own close() interrupts the read.
      this.isReset = error instanceof Deno.errors.ConnectionReset;
    }
    this.isOver = true;
    this.#parsed = parseResponses(this.#received, true);
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Sends text; that the server has closed already is no error. */
  async send(text: string, isEnded: boolean): Promise<void> {
    const octets = fromLatin1(text);
    try {
      for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
      if (isEnded) await this.#conn.closeWrite();
    } catch {
      // What has come of it shows in what is received.
    }
  }

  /** Waits until something holds, the connection is over, or time is up. */
  async until(isEnough: () => boolean, timeout: number): Promise<void> {
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), timeout);
    while (!isEnough() && !this.isOver && !this.isOther) {
      if (await Promise.race([this.#changed.promise, late.promise]) === "late") break;
    }
    clearTimeout(timer);
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed already.
    }
  }
}

interface Parsed {
  readonly statuses: readonly number[];
  readonly closes: boolean;
  readonly isOther: boolean;
}

/** Parses as many responses as have come whole, and one that ends with the connection. */
export function parseResponses(text: string, isOver: boolean): Parsed {
  const statuses: number[] = [];
  let closes = false;
  for (let rest = text; rest !== "";) {
    const [head, version, digits, lines = ""] =
      /^HTTP\/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?((?:\r?\n[^\r\n]+)*)\r?\n\r?\n/.exec(rest) ?? [];
    if (head === undefined) {
      const isBegun = "HTTP/1.".startsWith(rest.slice(0, 7));
      return { statuses, closes, isOther: isOver || !isBegun };
    }
    const field = (name: string) =>
      new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "im").exec(lines)?.[1]?.toLowerCase() ?? null;
    const status = Number(digits);
    const end = endOfContent(rest, head.length, status, field);
    const connection = field("connection") ?? "";
    if (end === null && !isOver) break;
    if (status < 200 && status !== 101) {
      rest = rest.slice(head.length);
      continue;
    }
    statuses.push(status);
    closes = connection.includes("close") || end === null ||
      version === "0" && !connection.includes("keep-alive");
    if (status === 101) break;
    rest = rest.slice(end ?? rest.length);
  }
  return { statuses, closes, isOther: false };
}

/** The index of the end of a response, or null if it is not there yet. */
function endOfContent(
  text: string,
  start: number,
  status: number,
  field: (name: string) => string | null,
): number | null {
  if (status < 200 || status === 204 || status === 304) return start;
  if (field("transfer-encoding") === "chunked") return endOfChunks(text, start);
  const length = field("content-length");
  if (length === null) return null;
  return start + Number(length) <= text.length ? start + Number(length) : null;
}

function endOfChunks(text: string, start: number): number | null {
  for (let at = start;;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return null;
    const size = Number.parseInt(text.slice(at, line), 16);
    if (size > 0) {
      at = line + 2 + size + 2;
      continue;
    }
    if (text.startsWith("\r\n", line + 2)) return line + 4;
    const end = text.indexOf("\r\n\r\n", line);
    return end < 0 ? null : end + 4;
  }
}
