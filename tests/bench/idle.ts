// What an idle connection costs a server: resident memory with thousands of them, each of which
// has been answered once, less that without, by the number of connections.

import { descriptorLimit, memoryOf } from "./process.ts";
import type { RunningServer } from "./servers.ts";

/** Connections that are wanted, and the descriptors that both sides keep for other things. */
const WANTED = 10_000;
const RESERVE = 200;

/** How many connections are opened at a time. */
const AT_A_TIME = 50;

/** Milliseconds in which allocators and collectors come to rest. */
const SETTLING = 500;

const REQUEST = new TextEncoder().encode("GET /echo/abc HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** As many connections as are wanted and the limit of descriptors allows. */
export async function idleConnections(wanted: number = WANTED): Promise<number> {
  return Math.max(1, Math.min(wanted, await descriptorLimit() - RESERVE));
}

/**
 * Resident bytes per idle connection of a fresh server.
 *
 * @param count How many connections to open.
 */
export async function measureIdle(server: RunningServer, count: number): Promise<number> {
  await settle();
  const before = await memoryOf(server.pid);
  const conns: Deno.TcpConn[] = [];
  try {
    let left = count;
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count) }, async () => {
      while (left-- > 0) conns.push(await openIdle(server.port));
    }));
    await settle();
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

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLING));
}
