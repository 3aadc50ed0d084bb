// One row of the tables of wire cases: octets that a client sends, their outcome, and the outcomes
// that the RFCs allow. Wireserve's own tests run the rows whole, at every split, and on a live
// socket, and check the exact outcome. `deno task conformance` runs them against any server, and
// judges by what is allowed.

/** The strength of the requirement that a server breaks by an outcome that is not allowed. */
export type Level = "MUST" | "SHOULD" | "MAY";

/**
 * The answer to the request that a case is about, the last one:
 *
 * - `accept`: served, or refused by what the application thinks of it (404, 405 and the like),
 * - `reject`: refused as a message, with any 4xx or 5xx,
 * - `4xx`, `400`, `501`: refused with such a status, or with exactly this one,
 * - `none`: no response,
 * - `late reject`: a request was accepted, and a later one of the same case rejected,
 * - `other`: octets that are no response of HTTP/1.
 */
export type Answer = "accept" | "reject" | "4xx" | "none" | "late reject" | "other" | `${number}`;

/** Whether the connection then serves another request, is closed, or stays open in silence. */
export type Fate = "keep" | "close" | "open";

/** An outcome: an answer, with what becomes of the connection if that matters. */
export type Allowed = Answer | `${Answer} ${Fate}`;

/** Octets and their outcome. */
export interface WireCase {
  /** The section, of RFC 9112 without a number, and the case. */
  readonly name: string;
  /** How strongly the RFC asks for one of the allowed outcomes. MAY: it leaves the choice. */
  readonly level: Level;
  /** What any server may do. Wireserve does what the other fields say. */
  readonly allowed: readonly Allowed[];
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

/**
 * A row of valid requests after which the connection persists. By default any server must accept
 * them: RFC 9110 section 2.3 asks a recipient to parse whatever matches the grammar.
 */
export function accept(
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return {
    name,
    level: "MUST",
    allowed: ["accept"],
    sent,
    isEnded: false,
    requests,
    refusal: null,
    closes: false,
  };
}

/** A row of valid requests after the last of which the connection closes. */
export function acceptLast(
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return { ...accept(name, sent, ...requests), closes: true };
}

/**
 * A row that ends with an error, after valid requests. By default any server should answer with
 * this status and close: RFC 9112 section 2.2 asks for 400 where the grammar is not matched.
 */
export function refuse(
  status: number,
  name: string,
  sent: string,
  ...requests: string[]
): WireCase {
  return {
    name,
    level: "SHOULD",
    allowed: [`${status} close`],
    sent,
    isEnded: false,
    requests,
    refusal: status,
    closes: true,
  };
}

/** Rates a row by a MUST: every outcome but these breaks it. */
export function must(...allowed: Allowed[]): (row: WireCase) => WireCase {
  return (row) => ({ ...row, level: "MUST", allowed });
}

/** Rates a row by a SHOULD, or by an "ought to" or RECOMMENDED. */
export function should(...allowed: Allowed[]): (row: WireCase) => WireCase {
  return (row) => ({ ...row, level: "SHOULD", allowed });
}

/** Rates a row on which the RFC leaves the choice: these are the sensible outcomes. */
export function may(...allowed: Allowed[]): (row: WireCase) => WireCase {
  return (row) => ({ ...row, level: "MAY", allowed });
}

/** The client ends its side of the connection after the octets of a row. */
export function ended(row: WireCase): WireCase {
  return { ...row, isEnded: true };
}

/** A GET request with these field lines, which end with CRLF. */
export function get(lines = "", path = "/a"): string {
  return `GET ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
}

/** A POST request with these field lines, which end with CRLF, and octets after its head. */
export function post(lines: string, content = ""): string {
  return `POST /p HTTP/1.1\r\nHost: h\r\n${lines}\r\n${content}`;
}
