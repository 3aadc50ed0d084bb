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
  /** Connections that could not be made. */
  refused: number;
}

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
  const outcome: Outcome = { answered: 0, farewells: 0, lost: [], refused: 0 };
  const client = async () => {
    for (;;) {
      let conn: Deno.Conn;
      try {
        conn = await connect();
      } catch {
        outcome.refused++;
        return;
      }
      await askOn(conn, request, outcome);
      conn.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return outcome;
}

async function askOn(conn: Deno.Conn, request: Uint8Array, outcome: Outcome): Promise<void> {
  const decoder = new TextDecoder();
  const piece = new Uint8Array(4096);
  for (let number = 1;; number++) {
    let text = "";
    try {
      await conn.write(request);
      while (!text.endsWith("\r\n\r\nabc")) {
        const count = await conn.read(piece);
        if (count === null) throw new Error("end");
        text += decoder.decode(piece.subarray(0, count));
      }
    } catch (error) {
      outcome.lost.push(`request ${number}: ${error}`);
      return;
    }
    outcome.answered++;
    if (!/^connection: close/mi.test(text)) continue;
    outcome.farewells++;
    return;
  }
}
