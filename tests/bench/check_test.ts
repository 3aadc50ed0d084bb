// The benchmark refuses to measure wrong responses.

import { assertRejects } from "@std/assert";
import { testWith } from "../support/needs.ts";
import { checkAnswer, WrongAnswer } from "./check.ts";
import { ROWS } from "./rows.ts";

const WRONG_RESPONSES: readonly [id: string, answer: string][] = [
  ["echo", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd"],
  ["echo", "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc"],
  ["echo", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"],
  ["gzip", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
  ["file-1k", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
  ["page-br", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc"],
  ["listing", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
  ["varied", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".repeat(3)],
  ["pipelined", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".repeat(16)],
];

testWith(["net"], "checkAnswer() throws WrongAnswer for a wrong response", async () => {
  for (const [id, answer] of WRONG_RESPONSES) {
    const check = checkWith(answer, id);
    await assertRejects(() => check, WrongAnswer);
  }
  await checkWith("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "echo");
});

/** Checks a real server that answers every request with fixed bytes. */
async function checkWith(answer: string, id: string): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(65536));
    await conn.write(new TextEncoder().encode(answer));
    await conn.closeWrite();
    await conn.read(new Uint8Array(1)).catch(() => null);
  })();
  try {
    const address = { port: listener.addr.port, authority: null };
    await checkAnswer(address, "deno", ROWS.find((row) => row.id === id)!);
  } finally {
    await serving;
  }
}
