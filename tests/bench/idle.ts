// The memory of an idle connection: the growth of resident memory by thousands of connections, each
// of which had one response, divided by their number.

import { descriptorLimit, memoryOf } from "./process.ts";
import type { RunningServer } from "./servers.ts";

/** Descriptors of both sides for other purposes. */
const RESERVE = 200;

const AT_A_TIME = 50;

/** Milliseconds that allocators and garbage collectors get to finish. */
const PAUSE = 500;

const REQUEST = new TextEncoder().encode("GET /echo/abc HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** The number of connections that the limit of descriptors allows, which Deno has raised. */
export async function mostConnections(): Promise<number> {
  return Math.max(1, await descriptorLimit() - RESERVE);
}

/**
 * Resident bytes per idle connection of a fresh server.
 *
 * @param count Connections to open.
 */
export async function measureIdle(server: RunningServer, count: number): Promise<number> {
  await pause();
  const before = await memoryOf(server.pid);
  const conns: Deno.TcpConn[] = [];
  try {
    let left = count;
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count) }, async () => {
      while (left-- > 0) conns.push(await openIdle(server.address.port));
    }));
    await pause();
    const after = await memoryOf(server.pid);
    return (after.resident - before.resident) / count;
  } finally {
    for (const conn of conns) conn.close();
  }
}

async function openIdle(port: number): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await conn.write(REQUEST);
    const bytes = new Uint8Array(1024);
    for (let text = ""; !text.endsWith("\r\n\r\nabc");) {
      const count = await conn.read(bytes);
      if (count === null) throw new Error("The server has closed a connection");
      text += new TextDecoder().decode(bytes.subarray(0, count));
    }
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}
