// Clients that ask again and again over bare sockets, and know of every request whether it was
// answered: for servers that stop meanwhile.

/** What has become of the requests. */
export interface Outcome {
  /** Requests that have been answered whole. */
  answered: number;
  /** Responses that said that the connection ends with them. */
  farewells: number;
  /** Requests on a connection that ended without an answer, and how. */
  readonly lost: string[];
  /** The same, where the client had let the connection idle for longer than a server that stops waits. */
  readonly late: string[];
  /** Connections that could not be made. */
  refused: number;
}

/** Milliseconds for which a server that stops keeps an idle connection at least. */
const MIN_IDLE_BEFORE_CLOSE = 250;

const GET = "GET /echo/abc HTTP/1.1\r\nHost: localhost\r\n";

/**
 * Asks on so many connections, which are made anew after a farewell, until none can be made.
 *
 * @param wish What becomes of a connection after its first response, if the server agrees.
 */
export async function askUntilRefused(
  connect: () => Promise<Deno.Conn>,
  connections: number,
  wish: "keep-alive" | "close" = "keep-alive",
): Promise<Outcome> {
  const request = new TextEncoder().encode(`${GET}Connection: ${wish}\r\n\r\n`);
  const outcome: Outcome = { answered: 0, farewells: 0, lost: [], late: [], refused: 0 };
  const client = async () => {
    for (;;) {
      let conn: Deno.Conn;
      const begunAt = performance.now();
      try {
        conn = await connect();
      } catch {
        outcome.refused++;
        return;
      }
      await askOn(conn, request, outcome, begunAt);
      conn.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return outcome;
}

async function askOn(
  conn: Deno.Conn,
  request: Uint8Array,
  outcome: Outcome,
  begunAt: number,
): Promise<void> {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(4096);
  let idleSince = begunAt; // Or later, but never before.
  for (let number = 1;; number++) {
    const askedAt = performance.now();
    let pause = 0;
    let text = "";
    try {
      await conn.write(request).finally(() => pause = performance.now() - idleSince);
      while (!text.endsWith("\r\n\r\nabc")) {
        const count = await conn.read(piece);
        if (count === null) throw new Error("end");
        text += decoder.decode(piece.subarray(0, count));
      }
    } catch (error) {
      (pause > MIN_IDLE_BEFORE_CLOSE ? outcome.late : outcome.lost).push(
        `request ${number}: ${error}`,
      );
      return;
    }
    idleSince = askedAt;
    outcome.answered++;
    if (!/^connection: close/mi.test(text)) continue;
    outcome.farewells++;
    return;
  }
}
