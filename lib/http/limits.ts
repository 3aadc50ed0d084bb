// Limits on received messages, enforced by counting octets as they arrive.

/**
 * How large the parts of a request may be.
 *
 * @example
 * ```ts
 * import { DEFAULT_MESSAGE_LIMITS, type MessageLimits, RequestParser } from "@wireserve/wireserve/http";
 *
 * const limits: MessageLimits = { ...DEFAULT_MESSAGE_LIMITS, content: 1 << 20 };
 * const parser = new RequestParser(limits);
 * console.log(parser.isIdle); // true
 * ```
 */
export interface MessageLimits {
  /** Octets of the request line, else 414. Default 8192: RFC 9112 section 3 asks for 8000. */
  readonly requestLine: number;
  /** Octets of all field lines, and of all trailers, else 431. Default 32768: 4 times a browser's. */
  readonly fieldSection: number;
  /** Number of field lines, and of trailer lines, else 431. Default 100. */
  readonly fieldCount: number;
  /** Octets of content, declared or counted in chunks, else 413. Default 1 GiB; 0: no limit. */
  readonly content: number;
  /**
   * Octets of chunk extensions and of leading zeros in chunk sizes in one message, else 400.
   * Default 16384. No other limit counts them.
   */
  readonly chunkOverhead: number;
}

/**
 * The defaults of {@linkcode MessageLimits}.
 *
 * @example
 * ```ts
 * import { DEFAULT_MESSAGE_LIMITS } from "@wireserve/wireserve/http";
 *
 * console.log(DEFAULT_MESSAGE_LIMITS.fieldCount); // 100
 * ```
 */
export const DEFAULT_MESSAGE_LIMITS: MessageLimits = Object.freeze({
  requestLine: 8192,
  fieldSection: 32768,
  fieldCount: 100,
  content: 1024 ** 3,
  chunkOverhead: 16384,
});
