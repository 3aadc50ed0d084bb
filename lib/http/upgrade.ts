// What a handler asks for that takes a connection over (RFC 9110 section 7.8).

/**
 * A connection that has changed hands after a 101. No deadline of the server counts any more.
 *
 * @example
 * ```ts
 * import { serve, upgrade, type UpgradedConnection } from "@wireserve/wireserve";
 *
 * const echo = ({ readable, writable }: UpgradedConnection) => readable.pipeTo(writable);
 * await using server = serve((request) => upgrade(request, echo, { protocol: "echo" }), { port: 0 });
 * const response = await fetch(server.url);
 * console.log(response.status, await response.text()); // 426: the client has not asked for the protocol
 * ```
 */
export interface UpgradedConnection {
  /** The protocol that is spoken now. */
  readonly protocol: string;
  /** Aborts when a drain begins. What has not come to an end when it is over is closed. */
  readonly signal: AbortSignal;
  /**
   * The next bytes, beginning with those that came behind the request; null at the end of the input.
   *
   * @throws {Error} where the connection is lost or closed.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Sends bytes, after those of earlier calls. Resolves when the system has accepted them. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the sending side, after everything that is to be sent. */
  closeWrite(): Promise<void>;
  /** Closes the connection at once. */
  close(): void;
  /** The same as a stream of what is received. Cancelling it closes the connection. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The same as a stream of what is sent. Closing it ends the sending side. */
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * Has the connection. A promise that it returns ends with the connection, which is closed then;
 * otherwise it lasts until it is closed, or both sides have ended. What it throws is reported.
 *
 * @example
 * ```ts
 * import type { UpgradeHandler } from "@wireserve/wireserve";
 *
 * const echo: UpgradeHandler = ({ readable, writable }) => readable.pipeTo(writable);
 * console.log(echo.name); // echo
 * ```
 */
export type UpgradeHandler = (connection: UpgradedConnection) => void | Promise<void>;

/**
 * What comes after the 101.
 *
 * @example
 * ```ts
 * import type { Upgrade } from "@wireserve/wireserve";
 *
 * const protocolOf = (upgrade: Upgrade) => upgrade.protocol;
 * ```
 */
export interface Upgrade {
  /** The protocol. */
  readonly protocol: string;
  /** Has the connection. */
  readonly handler: UpgradeHandler;
  /** The 101; empty where the handler sends it. */
  readonly head: Uint8Array;
}
