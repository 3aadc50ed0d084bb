// A crew of workers on strings: each begins, and fails, when the test says so.

import { AccessLog } from "../../lib/access_log/access_log.ts";
import { parseOptions } from "../../lib/options/parse.ts";
import { Crew } from "../../lib/program/crew.ts";
import type { Certificate } from "../../lib/server/listener.ts";

/** What a puppet can be told to do. */
export type Order = "begin" | "stumble" | "throw" | "reject" | "close";

/** A worker that has been started. */
export class Puppet {
  readonly #conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Has it do something. */
  async order(order: Order): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(order));
  }

  /** Lets go of it. */
  close(): void {
    this.#conn.close();
  }
}

/** A crew of puppets, and all that it says. */
export class Stage {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #puppets: Puppet[] = [];
  #crew: Crew | null = null;
  /** Lines of the log. */
  readonly lines: string[] = [];
  /** The pauses before workers were replaced, in milliseconds. */
  readonly pauses: number[] = [];
  readonly log = new AccessLog("json", {
    write: (text) => {
      this.lines.push(...text.trimEnd().split("\n"));
      return Promise.resolve(0);
    },
  });

  /** Starts a crew with further arguments of the command line, and for TLS with a certificate. */
  async start(
    count: number,
    args: readonly string[] = [],
    certificate?: Certificate,
  ): Promise<Crew> {
    const starting = this.raise(count, args, certificate);
    for (let index = 0; index < count; index++) await (await this.next()).order("begin");
    return await starting;
  }

  /** Starts a crew whose workers wait for the order to begin. */
  async raise(
    count: number,
    args: readonly string[] = [],
    certificate?: Certificate,
  ): Promise<Crew> {
    // Metrics are counted where there is an admin listener; its address leads the workers here.
    const admin = `127.0.0.1:${this.#listener.addr.port}`;
    const options = parseOptions(["--port", "0", "--admin", admin, "--log", "json", ...args]);
    const entry = new URL("../program/puppet_worker.ts", import.meta.url);
    this.#crew = await Crew.start({
      assignment: { options, port: options.port, count, certificate },
      log: this.log,
      entry,
      pause: (milliseconds) => {
        this.pauses.push(milliseconds);
        return Promise.resolve();
      },
    });
    return this.#crew;
  }

  /** The worker that is started next. */
  async next(): Promise<Puppet> {
    const puppet = new Puppet(await this.#listener.accept());
    this.#puppets.push(puppet);
    return puppet;
  }

  /** The worker of the number, counted from 1, that was started in the beginning. */
  puppet(number: number): Puppet {
    return this.#puppets[number - 1]!;
  }

  /** What the log says of workers so far. */
  async workerEvents(): Promise<string[]> {
    await this.log.flush();
    return this.lines.map((line) => JSON.parse(line))
      .filter(({ event }) => event === "worker").map(({ detail }) => detail);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crew?.drain(0);
    for (const puppet of this.#puppets) puppet.close();
    this.#listener.close();
    await this.log.flush();
  }
}
