// The origin behind proxies: it takes whatever a proxy forwards, so that the proxy alone is judged.
// It reads a head, content by Content-Length or chunks, and answers 200, or 501 for methods that it
// does not know. Argument: the port.

const decoder = new TextDecoder("latin1");

async function serve(conn: Deno.Conn): Promise<void> {
  let buffer = "";
  const receive = async () => {
    const octets = new Uint8Array(65_536);
    const count = await conn.read(octets);
    if (count === null) throw new Error("The proxy has closed.");
    buffer += decoder.decode(octets.subarray(0, count));
  };
  const take = async (count: number) => {
    while (buffer.length < count) await receive();
    buffer = buffer.slice(count);
  };
  const takeLine = async (end: string) => {
    let at: number;
    while ((at = buffer.indexOf(end)) < 0) await receive();
    const line = buffer.slice(0, at);
    buffer = buffer.slice(at + end.length);
    return line;
  };
  try {
    for (;;) {
      const head = await takeLine("\r\n\r\n");
      if (/^expect: *100-continue/im.test(head)) {
        await conn.write(new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n"));
      }
      const length = /^content-length: *([0-9]+)/im.exec(head)?.[1];
      if (/^transfer-encoding:.*chunked/im.test(head)) {
        for (let size = -1; size !== 0;) {
          size = Number.parseInt(await takeLine("\r\n"), 16);
          if (size > 0) await take(size + 2);
        }
        while (await takeLine("\r\n") !== "");
      } else if (length !== undefined) await take(Number(length));
      const isKnown = /^(?:GET|HEAD|POST|OPTIONS) /.test(head);
      const status = isKnown ? "200 OK" : "501 Not Implemented";
      const response = `HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`;
      await conn.write(new TextEncoder().encode(response));
    }
  } catch {
    conn.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
for (;;) {
  try {
    serve(await listener.accept());
  } catch {
    // The connection was reset before it was accepted.
  }
}
