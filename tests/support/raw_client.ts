// A client made of a bare socket, of TCP by default: it sends any bytes, well-formed or not, and reads
// responses by the letter, so that nothing a real client forgives goes unseen.

/** A response as it came. */
export interface RawResponse {
  readonly status: number;
  readonly statusLine: string;
  /** Field values by lower-case name; lines of one name are joined by ", ". */
  readonly fields: ReadonlyMap<string, string>;
  readonly content: Uint8Array;
  readonly text: string;
}

/** One connection to a server on this machine. */
export class RawClient {
  readonly #conn: Deno.Conn;
  #received = new Uint8Array(0);

  /** @param conn The socket, which is closed with the client. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects to a port of this machine. */
  static async connect(
    port: number,
    hostname = "127.0.0.1",
  ): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname, port }));
  }

  /** Sends text, each character one byte, or bytes. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? fromLatin1(data) : data;
    for (let at = 0; at < bytes.length;) {
      at += await this.#conn.write(bytes.subarray(at));
    }
  }

  /** Sends what the server may refuse to take: a connection that it has closed is no error. */
  async trySend(data: string | Uint8Array): Promise<void> {
    try {
      await this.send(data);
    } catch (error) {
      if (
        !(error instanceof Deno.errors.BrokenPipe ||
          error instanceof Deno.errors.ConnectionReset)
      ) {
        throw error;
      }
    }
  }

  /** Ends the sending side. */
  async endSending(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /**
   * Reads one response.
   *
   * @param method The method that it answers: a response to HEAD has no content.
   */
  async readResponse(method = "GET"): Promise<RawResponse> {
    const [statusLine = "", ...lines] = (await this.#readHead()).split("\r\n");
    const status = Number(
      /^HTTP\/1\.1 ([0-9]{3}) [\x20-\x7e]*$/.exec(statusLine)?.[1],
    );
    if (Number.isNaN(status)) {
      throw new Error(`No status line: ${JSON.stringify(statusLine)}`);
    }
    const fields = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([^\s:]+): (.*)$/.exec(line) ?? [];
      if (name === undefined) {
        throw new Error(`No field line: ${JSON.stringify(line)}`);
      }
      const key = name.toLowerCase();
      fields.set(
        key,
        fields.has(key) ? `${fields.get(key)}, ${value}` : value!,
      );
    }
    const isEmpty = method === "HEAD" || status < 200 || status === 204 ||
      status === 304;
    const content = isEmpty ? new Uint8Array(0) : await this.#readContent(fields);
    return { status, statusLine, fields, content, text: toLatin1(content) };
  }

  async #readHead(): Promise<string> {
    for (;;) {
      const text = toLatin1(this.#received);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#received = this.#received.slice(end + 4);
        return text.slice(0, end);
      }
      if (!await this.#receive()) {
        throw new Error(`Closed within a head: ${JSON.stringify(text)}`);
      }
    }
  }

  async #readContent(fields: ReadonlyMap<string, string>): Promise<Uint8Array> {
    const length = fields.get("content-length");
    if (length !== undefined) return await this.read(Number(length));
    if (fields.get("transfer-encoding") !== "chunked") {
      return await this.readToEnd();
    }
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      const size = Number.parseInt(await this.#readLine(), 16);
      if (size > 0) parts.push(await this.read(size));
      if (await this.#readLine() !== "") {
        throw new Error("No line end after a chunk");
      }
      if (size === 0) return await new Blob(parts).bytes();
    }
  }

  async #readLine(): Promise<string> {
    let line = "";
    while (!line.endsWith("\r\n")) line += toLatin1(await this.read(1));
    return line.slice(0, -2);
  }

  /** Reads just so many bytes. */
  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#received.length < count) {
      if (!await this.#receive()) {
        throw new Error(`Closed ${count - this.#received.length} bytes early`);
      }
    }
    const bytes = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return bytes;
  }

  /** Reads until the server closes. A reset is an error. */
  async readToEnd(): Promise<Uint8Array<ArrayBuffer>> {
    while (await this.#receive());
    return await this.read(this.#received.length);
  }

  async #receive(): Promise<boolean> {
    const piece = new Uint8Array(65536);
    const count = await this.#conn.read(piece);
    if (count === null) return false;
    const joined = new Uint8Array(this.#received.length + count);
    joined.set(this.#received);
    joined.set(piece.subarray(0, count), this.#received.length);
    this.#received = joined;
    return true;
  }

  /** Closes the connection. */
  close(): void {
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    try {
      this.close();
    } catch {
      // Closed by the test already.
    }
  }
}

/** Whether nobody listens any more: a listener that closes as one connects resets, and is still going. */
export async function isRefused(connect: () => Promise<RawClient>): Promise<boolean> {
  try {
    (await connect()).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return false;
    if (error instanceof Deno.errors.ConnectionRefused) return true;
    throw error;
  }
}

/** Bytes as text, each one character of the same number. */
export function toLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The bytes of a text whose characters are all below 0x100. */
export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
