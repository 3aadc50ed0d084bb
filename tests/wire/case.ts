// One row of the tables of wire cases: octets that a client sends, and their outcome. The same
// rows are run whole, at every split, and on a live socket.

/** Octets and their outcome. */
export interface WireCase {
  /** The section, of RFC 9112 without a number, and the case. */
  readonly name: string;
  /** What is sent, each character one octet. */
  readonly sent: string;
  /** Whether the client then ends its side of the connection. */
  readonly isEnded: boolean;
  /** The requests in order: method, path and content, separated by a space. */
  readonly requests: readonly string[];
  /** The status of the error that ends the connection, or null. */
  readonly refusal: number | null;
  /** Whether the connection closes after the last response. */
  readonly closes: boolean;
}

/** A row of valid requests after which the connection persists. */
export function accept(
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return { name, sent, isEnded: false, requests, refusal: null, closes: false };
}

/** A row of valid requests after the last of which the connection closes. */
export function acceptLast(
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return { ...accept(name, sent, ...requests), closes: true };
}

/** A row that ends with an error, after valid requests. */
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

/** A GET request with these field lines, which end with CRLF. */
export function get(lines = "", path = "/a"): string {
  return `GET ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
}

/** A POST request with these field lines, which end with CRLF, and octets after its head. */
export function post(lines: string, content = ""): string {
  return `POST /p HTTP/1.1\r\nHost: h\r\n${lines}\r\n${content}`;
}
