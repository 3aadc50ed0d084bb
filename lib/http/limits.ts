// The sizes that a received message may have. Each is enforced by counting octets as they
// arrive, never by believing a declared number.

/** How large the parts of a request may be. */
export interface MessageLimits {
  /**
   * Octets of the request line without its CRLF. Default 8192: RFC 9112 section 3 asks for
   * at least 8000. A longer one is answered with 414.
   */
  readonly requestLine: number;
  /**
   * Octets of all field lines together, and of all trailer lines. Default 32768: four times
   * what browsers send at their worst. Beyond: 431.
   */
  readonly fieldSection: number;
  /** Number of field lines, and of trailer lines. Default 100. Beyond: 431. */
  readonly fieldCount: number;
  /**
   * Octets of content, whether declared or counted in chunks. Default 1 GiB; 0 means no
   * limit. Beyond: 413.
   */
  readonly content: number;
  /**
   * Octets of chunk extensions and of leading zeros in chunk sizes, in one message. Default
   * 16384: nobody uses extensions, and without a limit they are free traffic. Beyond: 400.
   */
  readonly chunkOverhead: number;
}

/** The defaults of {@linkcode MessageLimits}. */
export const DEFAULT_MESSAGE_LIMITS: MessageLimits = Object.freeze({
  requestLine: 8192,
  fieldSection: 32768,
  fieldCount: 100,
  content: 1024 ** 3,
  chunkOverhead: 16384,
});
