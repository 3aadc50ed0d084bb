// One socket: complete writes, counted bytes, one error (ConnectionLost, from every method) for
// every way of losing the client, and a close that does not destroy the last response.

import type { ConnectionState } from "../http/connection_state.ts";
import { scheduler } from "../scheduler.ts";
import type { Deadlines, DeadlineTimer } from "./deadlines.ts";

/** The client is gone, or the server has closed the connection: no response can be sent. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** What is read after the last response is discarded into this buffer, shared by all sockets. */
const DISCARD_BUFFER = new Uint8Array(4096);

/** Writes of any size that may wait for room at a time. A further one has so many bytes. */
const MAX_LARGE_WAITS = 64;
const WAITING_SIZE = 2048;

/** Writes that wait for room. */
let waitingWrites = 0;

/** Milliseconds to write a piece of a file into a socket that has room for it. */
const WRITE_COST = 0.06;

/** What a socket keeps informed. */
export interface SocketContext {
  readonly state: ConnectionState;
  readonly deadlines: Deadlines;
  readonly timer: DeadlineTimer;
}

/** Reads and writes the bytes of one connection. */
export class Socket {
  readonly #conn: Deno.Conn;
  readonly #state: ConnectionState;
  readonly #deadlines: Deadlines;
  readonly #timer: DeadlineTimer;
  #bytesSent = 0;
  #isClosed = false;
  /** What follows the last byte of the next write. */
  #end: "nothing" | "end of output" | "close" = "nothing";
  #writes = 0;
  /** The end of the sending side, from the moment on in which it is requested. */
  #outputEnd: Promise<void> | null = null;

  constructor(conn: Deno.Conn, { state, deadlines, timer }: SocketContext) {
    this.#conn = conn;
    this.#state = state;
    this.#deadlines = deadlines;
    this.#timer = timer;
  }

  /** Bytes that the system has accepted for sending so far. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Waits for the end of the TLS handshake. */
  async handshake(): Promise<void> {
    this.#deadlines.expect("handshake", this.#timer.now);
    await (this.#conn as Deno.TlsConn).handshake();
  }

  /** Reads what is available, or returns null at the end of the input. Errors are for {@linkcode lose}. */
  read(into: Uint8Array): Promise<number | null> {
    return this.#conn.read(into);
  }

  /**
   * Writes all bytes, in as many system calls as that takes.
   *
   * @param rest What to write after the first bytes, or null.
   * @param onDone Is called with the number of bytes sent: all, or those before the loss.
   */
  async write(
    bytes: Uint8Array,
    rest: Uint8Array | null = null,
    onDone?: (count: number) => void,
  ): Promise<void> {
    const before = this.#bytesSent;
    this.#deadlines.expect("response", this.#timer.now);
    if (++this.#writes === 2) this.#sendAtOnce();
    try {
      const count = await this.#conn.write(bytes);
      const isComplete = count === bytes.length && rest === null;
      // Not in a method: to compile one would take 60 us in a new process.
      if (isComplete && this.#end === "close" && !this.#isClosed) {
        this.#isClosed = true;
        this.#conn.close();
      }
      this.#advance(count, isComplete);
      if (!isComplete) await this.#writeRest(bytes.subarray(count), rest);
    } catch (error) {
      throw this.lose(error);
    } finally {
      onDone?.(this.#bytesSent - before);
    }
    this.#deadlines.expect("handler", this.#timer.now);
  }

  /**
   * Writes what the system has no room for yet. Where many sockets wait for room, the write that waits
   * is a small one: thousands may get room at the same moment, and the runtime makes all their writes
   * before it comes to other clients. After a long wait, the large one waits for its turn.
   */
  async #writeRest(bytes: Uint8Array, rest: Uint8Array | null): Promise<void> {
    for (let at = 0, hasRoom = false; at < bytes.length;) {
      const isSmall: boolean = !hasRoom && ++waitingWrites > MAX_LARGE_WAITS;
      const since = this.#timer.now;
      let count: number;
      try {
        count = await this.#conn.write(bytes.subarray(at, isSmall ? at + WAITING_SIZE : undefined));
      } finally {
        if (!hasRoom) waitingWrites--;
      }
      at += count;
      this.#advance(count, at === bytes.length && rest === null);
      hasRoom = isSmall;
      const isLong = isSmall && this.#timer.now !== since;
      if (isLong && at < bytes.length) await scheduler.turn(WRITE_COST);
    }
    if (rest !== null) await this.#writeRest(rest, null);
  }

  /** The system has accepted some bytes, perhaps the last ones. */
  #advance(count: number, isComplete: boolean): void {
    if (isComplete) this.#followUp();
    this.#bytesSent += count;
    this.#deadlines.send(count, this.#timer.now);
  }

  /** The connection is lost: the error to throw. */
  lose(cause: unknown): ConnectionLost {
    this.#state.close("client-gone", "abort");
    return new ConnectionLost("The connection is lost", { cause });
  }

  /** From the second write on, small ones would wait for acknowledgements. TLS has it set. */
  #sendAtOnce(): void {
    const conn = this.#conn as Partial<Deno.TcpConn>;
    conn.setNoDelay?.(true);
  }

  /**
   * The next write is the last one: the end of the sending side, or of the connection, follows it
   * at once, and `onDone` later.
   */
  expectLastWrite(end: "end of output" | "close"): void {
    this.#end = end;
  }

  #followUp(): void {
    if (this.#end === "close") this.close();
    else if (this.#end === "end of output") this.beginEnd();
  }

  /**
   * Closes the sending side before anything else is done: a client may look for the end at once.
   * {@linkcode endOutput} waits for it.
   */
  beginEnd(): void {
    this.#outputEnd = this.#conn.closeWrite();
    this.#outputEnd.catch(() => {});
  }

  /** Closes the sending side: the client is expected to close its side as well. */
  async endOutput(): Promise<void> {
    try {
      await (this.#outputEnd ?? this.#conn.closeWrite());
      this.#state.on("end of output");
      this.#deadlines.expect("linger", this.#timer.now);
    } catch (error) {
      throw this.lose(error);
    }
  }

  /**
   * Closes the connection so that what was sent arrives. A close with unread input would make the
   * system send a reset, which destroys what the client has not read yet (RFC 9112 section 9.6).
   * So the sending side ends first, and the input is discarded until the client closes, or the
   * timeout for it ends.
   */
  async linger(): Promise<void> {
    if (this.#isClosed) return;
    try {
      if (this.#state.writing !== "closed") await this.endOutput();
      while (await this.read(DISCARD_BUFFER) !== null) {
        this.#deadlines.expect("linger", this.#timer.now);
      }
    } catch {
      // The client is gone, or the timeout is over: there is nothing left to lose.
    }
    this.close();
  }

  /** Closes at once. A pending read or write fails with {@linkcode ConnectionLost}. */
  close(): void {
    if (this.#isClosed) return; // A timeout, a shutdown and the end of the loop may all close.
    this.#isClosed = true;
    try {
      this.#conn.close();
    } catch (error) {
      // The system has closed it already. To call close() twice costs 10 us for this error.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

const MAX_PROBLEM_LENGTH = 120;

/** What failed in a TLS handshake, safe for a log, or null where the client only left. */
export function handshakeProblem(error: unknown): string | null {
  const isDeparture = error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
  if (isDeparture) return null;
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/[^ -~]+/g, " ").slice(0, MAX_PROBLEM_LENGTH);
}
