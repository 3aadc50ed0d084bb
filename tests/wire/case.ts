// One row of the tables of wire cases: octets that a client sends, and what must come of them.
// The rows know nothing of how they are run: whole, at every split, or on a live socket.

/** Octets and their outcome. */
export interface WireCase {
  /** The section of RFC 9112, or of another where it says so, and what is special. */
  readonly name: string;
  /** What is sent, each character one octet. */
  readonly sent: string;
  /** Whether the client ends its side after that. */
  readonly isEnded: boolean;
  /** The requests found, in order: method, path and content, a space between. */
  readonly requests: readonly string[];
  /** The status of the refusal that ends the connection, or null where there is none. */
  readonly refusal: number | null;
  /** Whether the connection closes after the last response. */
  readonly closes: boolean;
}

/** A row whose requests are all good, and whose connection goes on. */
export function accept(
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return { name, sent, isEnded: false, requests, refusal: null, closes: false };
}

/** A row whose requests are all good, and whose connection closes after the last one. */
export function acceptLast(
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return { ...accept(name, sent, ...requests), closes: true };
}

/** A row that ends in a refusal, after requests that were good. */
export function refuse(
  status: number,
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return {
    name,
    sent,
    isEnded: false,
    requests,
    refusal: status,
    closes: true,
  };
}

/** A GET request with the field lines given, each ending in CRLF. */
export function get(lines = "", path = "/a"): string {
  return `GET ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
}

/** A POST request with the field lines given, each ending in CRLF, and what follows its head. */
export function post(lines: string, content = ""): string {
  return `POST /p HTTP/1.1\r\nHost: h\r\n${lines}\r\n${content}`;
}
