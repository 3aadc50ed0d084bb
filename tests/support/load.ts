// Clients that send requests over bare sockets until the server is gone, and count for each request
// whether it was answered: for graceful shutdown under load.

export interface Outcome {
  /** Requests with a complete response. */
  answered: number;
  closes: number;
  /** Requests without a response, and why. */
  readonly lost: string[];
  /** The same after the connection was idle for longer than a server that drains waits. */
  readonly late: string[];
  refused: number;
}

/** Milliseconds for which a server that drains keeps an idle connection at least. */
const MIN_IDLE_BEFORE_CLOSE = 250;

const GET = "GET /echo/abc HTTP/1.1\r\nHost: localhost\r\n";

/**
 * Sends requests until connections are refused. A connection that the server closes is replaced.
 *
 * @param connections How many are open at the same time.
 * @param option The Connection field of each request.
 */
export async function requestUntilRefused(
  connect: () => Promise<Deno.Conn>,
  connections: number,
  option: "keep-alive" | "close" = "keep-alive",
): Promise<Outcome> {
  const request = new TextEncoder().encode(`${GET}Connection: ${option}\r\n\r\n`);
  const outcome: Outcome = { answered: 0, closes: 0, lost: [], late: [], refused: 0 };
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
      await sendOn(conn, request, outcome, begunAt);
      conn.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return outcome;
}

async function sendOn(
  conn: Deno.Conn,
  request: Uint8Array,
  outcome: Outcome,
  begunAt: number,
): Promise<void> {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(4096);
  let idleSince = begunAt; // Or later, but not before.
  for (let number = 1;; number++) {
    const sentAt = performance.now();
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
    idleSince = sentAt;
    outcome.answered++;
    if (!/^connection: close/mi.test(text)) continue;
    outcome.closes++;
    return;
  }
}
