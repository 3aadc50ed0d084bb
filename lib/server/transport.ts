// One socket, as the connection needs it: writes that are whole, octets counted, every way of
// losing the peer told by one error, and a close that does not destroy the last response.

/** The peer is gone, or the server has closed the connection: nobody is left to answer. */
export class PeerGone extends Error {
  override readonly name = "PeerGone";
}

/** The octets of one connection, both ways. */
export class Transport {
  readonly #conn: Deno.Conn;
  #octetsSent = 0;
  #isGone = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** How many octets the system has taken from us so far. */
  get octetsSent(): number {
    return this.#octetsSent;
  }

  /** Whether reading or writing has failed. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Reads what there is.
   *
   * @returns How many octets were read, or null where the peer will send no more.
   * @throws {PeerGone} where the connection is lost.
   */
  async read(into: Uint8Array): Promise<number | null> {
    try {
      return await this.#conn.read(into);
    } catch (error) {
      throw this.#lose(error);
    }
  }

  /**
   * Writes all octets, in as many calls as the system wants.
   *
   * @throws {PeerGone} where the connection is lost.
   */
  async write(octets: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < octets.length;) {
        const count = await this.#conn.write(
          at === 0 ? octets : octets.subarray(at),
        );
        this.#octetsSent += count;
        at += count;
      }
    } catch (error) {
      throw this.#lose(error);
    }
  }

  #lose(cause: unknown): PeerGone {
    this.#isGone = true;
    return new PeerGone("The connection is lost", { cause });
  }

  /**
   * Ends the connection so that what was sent arrives: a close with octets unread would make the
   * system send a reset, and a reset throws away what the peer has not read (RFC 9112 section
   * 9.6). So our side ends first, and the peer gets a while to end its own.
   *
   * @param patience Milliseconds to wait for the peer's end.
   */
  async linger(patience: number): Promise<void> {
    const timer = setTimeout(() => this.close(), patience);
    try {
      await this.#conn.closeWrite();
      const scrap = new Uint8Array(4096);
      while (await this.#conn.read(scrap) !== null);
    } catch {
      // The peer is gone, or patience is at its end: there is nothing left to lose.
    } finally {
      clearTimeout(timer);
      this.close();
    }
  }

  /** Closes at once; what waits in a read or a write fails with {@linkcode PeerGone}. */
  close(): void {
    this.#isGone = true;
    try {
      this.#conn.close();
    } catch (error) {
      // Closed already: closing is the one thing that may come from several sides.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}
