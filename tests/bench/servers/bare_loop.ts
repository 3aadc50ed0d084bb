// The bare loop: what a read and a write cost on Deno, and nothing else. It counts the heads that have
// come whole, and answers each with the same bytes: those of Wireserve's answer to /echo/abc.
// Arguments: the port.

/** The answer to a head: constant, so that composing it costs nothing. */
const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 09:30:00 GMT\r\nContent-Type: text/plain\r\n" +
    "Vary: Accept-Encoding\r\nContent-Length: 3\r\n\r\nabc",
);

/** Bytes that one read takes at the most, and so a bound on the heads that end in it. */
const CAPACITY = 16384;
const SHORTEST_HEAD = 16;

const ANSWERS = new Uint8Array(CAPACITY / SHORTEST_HEAD * ANSWER.length);
for (let at = 0; at < ANSWERS.length; at += ANSWER.length) ANSWERS.set(ANSWER, at);

const CR = 0x0d;

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(CAPACITY);
  let filled = 0;
  try {
    for (;;) {
      const read = await conn.read(buffer.subarray(filled));
      if (read === null) return;
      filled += read;
      const { count, end } = countHeads(buffer, filled);
      if (end < filled) buffer.copyWithin(0, end, filled);
      filled -= end;
      const bytes = ANSWERS.subarray(0, count * ANSWER.length);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    }
  } catch {
    // The client has gone.
  } finally {
    conn.close();
  }
}

/**
 * How many heads are there whole, and where the last of them ends. It stops there: to look for a
 * further CR in the empty part of the buffer would cost more than the read and the write.
 */
function countHeads(buffer: Uint8Array, filled: number): { count: number; end: number } {
  let count = 0;
  let end = 0;
  for (let at = 0; at < filled;) {
    at = buffer.indexOf(CR, at);
    if (at < 0 || at + 4 > filled) break;
    const isEnd = buffer[at + 2] === CR;
    at += isEnd ? 4 : 2;
    if (!isEnd) continue;
    count++;
    end = at;
  }
  return { count, end };
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
for (;;) serve(await listener.accept());
