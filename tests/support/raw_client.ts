// A client on a bare socket, of TCP by default: it sends any bytes, well-formed or not, and parses
// responses strictly, so that tests see what real clients tolerate.

export interface RawResponse {
  readonly status: number;
  readonly statusLine: string;
  /** Field values by lower-case name; lines of one name are joined by ", ". */
  readonly fields: ReadonlyMap<string, string>;
  readonly content: Uint8Array<ArrayBuffer>;
  /** The content, each byte one character. */
  readonly text: string;
}

/** Bytes that a read of the socket asks for. */
const READ_SIZE = 65_536;

export class RawClient {
  readonly #conn: Deno.Conn;
  /** Bytes that have been received and not yet read are those from `#start` to `#end`. */
  #buffer = new Uint8Array(READ_SIZE);
  #start = 0;
  #end = 0;

  /** @param conn The socket, which is closed with the client. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

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

  /** Sends what the server may not read: it is no error that it has closed the connection. */
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

  async endSending(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /**
   * Reads one response.
   *
   * @param method The method of its request: a response to HEAD has no content.
   */
  async readResponse(method = "GET"): Promise<RawResponse> {
    const [statusLine = "", ...lines] = (await this.#readHead()).split("\r\n");
    const status = Number(/^HTTP\/1\.1 ([0-9]{3}) [\x20-\x7e]*$/.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`No status line: ${JSON.stringify(statusLine)}`);
    const fields = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([^\s:]+): (.*)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`No field line: ${JSON.stringify(line)}`);
      const key = name.toLowerCase();
      fields.set(key, fields.has(key) ? `${fields.get(key)}, ${value}` : value!);
    }
    const isEmpty = method === "HEAD" || status < 200 || status === 204 || status === 304;
    const content = isEmpty ? new Uint8Array(0) : await this.#readContent(fields);
    return {
      status,
      statusLine,
      fields,
      content,
      get text() {
        return toLatin1(content);
      },
    };
  }

  async #readHead(): Promise<string> {
    let end: number;
    while ((end = this.#endOfHead()) < 0) {
      if (!await this.#receive()) {
        const head = toLatin1(this.#buffer.subarray(this.#start, this.#end));
        throw new Error(`Closed within a head: ${JSON.stringify(head)}`);
      }
    }
    const head = toLatin1(this.#buffer.subarray(this.#start, end));
    this.#start = end + 4;
    return head;
  }

  /** The index of the next CR LF CR LF, or -1. */
  #endOfHead(): number {
    for (let at = this.#start;; at++) {
      at = this.#buffer.indexOf(0x0d, at);
      if (at < 0 || at + 4 > this.#end) return -1;
      const [, lf, cr, lastLf] = this.#buffer.subarray(at, at + 4);
      if (lf === 0x0a && cr === 0x0d && lastLf === 0x0a) return at;
    }
  }

  async #readContent(fields: ReadonlyMap<string, string>): Promise<Uint8Array<ArrayBuffer>> {
    const length = fields.get("content-length");
    if (length !== undefined) return await this.read(Number(length));
    if (fields.get("transfer-encoding") !== "chunked") return await this.readToEnd();
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      const size = Number.parseInt(await this.#readLine(), 16);
      if (size > 0) parts.push(await this.read(size));
      if (await this.#readLine() !== "") throw new Error("No line end after a chunk");
      if (size === 0) return await new Blob(parts).bytes();
    }
  }

  async #readLine(): Promise<string> {
    let line = "";
    while (!line.endsWith("\r\n")) line += toLatin1(await this.read(1));
    return line.slice(0, -2);
  }

  /** Reads exactly `count` bytes. */
  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#end - this.#start < count) {
      if (!await this.#receive()) {
        throw new Error(`Closed ${count - (this.#end - this.#start)} bytes early`);
      }
    }
    this.#start += count;
    return this.#buffer.slice(this.#start - count, this.#start);
  }

  /** Reads until the server closes. A reset is an error. */
  /** What has been received already and not yet read: what came in the same packet, for instance. */
  readReady(): Uint8Array<ArrayBuffer> {
    const ready = this.#buffer.slice(this.#start, this.#end);
    this.#start = this.#end;
    return ready;
  }

  async readToEnd(): Promise<Uint8Array<ArrayBuffer>> {
    while (await this.#receive());
    return await this.read(this.#end - this.#start);
  }

  async #receive(): Promise<boolean> {
    if (this.#buffer.length - this.#end < READ_SIZE) this.#makeRoom();
    const count = await this.#conn.read(this.#buffer.subarray(this.#end, this.#end + READ_SIZE));
    if (count === null) return false;
    this.#end += count;
    return true;
  }

  #makeRoom(): void {
    const unread = this.#buffer.subarray(this.#start, this.#end);
    const buffer = new Uint8Array(2 * unread.length + READ_SIZE);
    buffer.set(unread);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = unread.length;
  }

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

/** Whether there is no listener: one that closes while a client connects resets the connection. */
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

/** Decodes ISO-8859-1: each byte is the character of the same number. */
export function toLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += MAX_ARGUMENTS) {
    text += String.fromCharCode(...bytes.subarray(at, at + MAX_ARGUMENTS));
  }
  return text;
}

/** Arguments of a call, a number that every engine takes. */
const MAX_ARGUMENTS = 8192;

/** Encodes ISO-8859-1: all characters must be below 0x100. */
export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
