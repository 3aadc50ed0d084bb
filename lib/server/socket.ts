// One socket, as the connection needs it: writes that are whole, bytes counted, every way of
// losing the peer told by one error, and a close that does not destroy the last response.

import { StatusError } from "../http/status.ts";
import type { DeadlineTimer } from "./deadline_timer.ts";
import type { Deadlines, Waiting } from "./deadlines.ts";

/** The peer is gone, or the server has closed the connection: nobody is left to answer. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** Where bytes go that nobody wants, of all connections. */
const DISCARD_BUFFER = new Uint8Array(4096);

/** What is to be sent. */
export interface WriteSource {
  /** The next bytes of it, or null where there are no more. */
  next(): Uint8Array | null;
  /** Hears how many bytes have been sent: all, or those before the connection was lost. */
  done(bytes: number): void;
}

/** The bytes of one connection, both ways. */
export class Socket {
  readonly #conn: Deno.Conn;
  readonly #deadlines: Deadlines;
  readonly #timer: DeadlineTimer;
  #bytesSent = 0;
  #isGone = false;
  #isClosed = false;
  #rejectRead: (error: Error) => void = () => {};

  /**
   * @param conn The socket.
   * @param deadlines Is told what the connection waits for.
   * @param timer Tells the time.
   */
  constructor(conn: Deno.Conn, deadlines: Deadlines, timer: DeadlineTimer) {
    this.#conn = conn;
    this.#deadlines = deadlines;
    this.#timer = timer;
  }

  /** How many bytes the system has taken from us so far. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Whether reading or writing has failed, or this side has closed. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Waits until the peer has agreed on TLS.
   *
   * @throws whatever is wrong with what the peer says.
   */
  async handshake(): Promise<void> {
    this.#deadlines.expect("handshake", this.#timer.now);
    await (this.#conn as Deno.TlsConn).handshake();
  }

  /**
   * Reads what there is of a head.
   *
   * @param waiting What the bytes are to be.
   * @returns How many bytes were read, or null where the peer will send no more.
   * @throws {ConnectionLost} where the connection is lost.
   */
  read(into: Uint8Array, waiting: Waiting): Promise<number | null> {
    this.#deadlines.expect(waiting, this.#timer.now);
    return this.#conn.read(into).catch((error) => {
      throw this.#lose(error);
    });
  }

  /**
   * Reads what there is of content.
   *
   * @param waiting What the bytes are to be.
   * @returns How many bytes were read, or null where the peer will send no more.
   * @throws {ConnectionLost} where the connection is lost.
   * @throws {StatusError} where {@linkcode interrupt} says so.
   */
  async readContent(into: Uint8Array, waiting: "content" | "discard"): Promise<number | null> {
    this.#deadlines.expect(waiting, this.#timer.now);
    try {
      const count = await new Promise<number | null>((resolve, reject) => {
        this.#rejectRead = reject;
        this.#conn.read(into).then(resolve, reject);
      });
      this.#deadlines.receive(count ?? 0, this.#timer.now);
      return count;
    } catch (error) {
      throw error instanceof StatusError ? error : this.#lose(error);
    }
  }

  /** Ends the wait of {@linkcode readContent} with an error; the connection stays open for a reply. */
  interrupt(error: StatusError): void {
    this.#rejectRead(error);
  }

  /**
   * Writes all bytes.
   *
   * @throws {ConnectionLost} where the connection is lost.
   */
  write(bytes: Uint8Array): Promise<void> {
    let left: Uint8Array | null = bytes;
    const next = () => {
      const bytes = left;
      left = null;
      return bytes;
    };
    return this.send({ next, done: () => {} });
  }

  /**
   * Writes all bytes of a source, in as many calls as the system wants.
   *
   * @throws {ConnectionLost} where the connection is lost.
   */
  async send(source: WriteSource): Promise<void> {
    const before = this.#bytesSent;
    this.#deadlines.expect("response", this.#timer.now);
    try {
      for (let bytes = source.next(); bytes !== null; bytes = source.next()) {
        for (let at = 0; at < bytes.length;) {
          const count = await this.#conn.write(at === 0 ? bytes : bytes.subarray(at));
          this.#bytesSent += count;
          this.#deadlines.send(count, this.#timer.now);
          at += count;
        }
      }
    } catch (error) {
      throw this.#lose(error);
    } finally {
      source.done(this.#bytesSent - before);
    }
    this.#deadlines.expect("nothing", this.#timer.now);
  }

  #lose(cause: unknown): ConnectionLost {
    this.#isGone = true;
    return new ConnectionLost("The connection is lost", { cause });
  }

  /** Says that nothing more will be sent: the peer is to end its side as well. */
  async end(): Promise<void> {
    try {
      await this.#conn.closeWrite();
      this.#deadlines.expect("end", this.#timer.now);
    } catch (error) {
      throw this.#lose(error);
    }
  }

  /**
   * Ends the connection so that what was sent arrives: a close with bytes unread would make the
   * system send a reset, and a reset throws away what the peer has not read (RFC 9112 section
   * 9.6). So our side ends first, and the peer gets a while to end its own.
   */
  async linger(): Promise<void> {
    try {
      await this.end();
      while (await this.read(DISCARD_BUFFER, "end") !== null);
    } catch {
      // The peer is gone, or the while is over: there is nothing left to lose.
    }
    this.close();
  }

  /** Closes at once; what waits in a read or a write fails with {@linkcode ConnectionLost}. */
  close(): void {
    this.#isGone = true;
    if (this.#isClosed) return; // Closing is the one thing that may come from several sides.
    this.#isClosed = true;
    try {
      this.#conn.close();
    } catch (error) {
      // The system has been faster. To be told so costs 10 us, which a second try would, too.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}
