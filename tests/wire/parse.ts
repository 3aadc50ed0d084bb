// Parses octets that arrive in pieces and records the outcome.

import type { MessageLimits } from "../../lib/http/limits.ts";
import { RequestParser } from "../../lib/http/parser.ts";
import { StatusError } from "../../lib/http/status.ts";
import { toLatin1 } from "../support/raw_client.ts";

/** The outcome of octets, which does not depend on how they are cut. */
export interface Outcome {
  /** Method, path and content of each whole request. */
  readonly requests: string[];
  /** What has been parsed of an incomplete request. */
  partial: string | null;
  /** The status of the error that ended the parsing. */
  refusal: number | null;
}

/**
 * Parses octets that arrive in pieces.
 *
 * @param isEnded Whether the peer then ends its side of the connection.
 * @throws any error but a StatusError: the parser must throw no other.
 */
export function parse(
  pieces: Iterable<Uint8Array>,
  isEnded: boolean,
  limits?: MessageLimits,
): Outcome {
  const parser = limits === undefined ? new RequestParser() : new RequestParser(limits);
  const outcome: Outcome = { requests: [], partial: null, refusal: null };
  try {
    for (const piece of pieces) {
      parser.push(piece);
      takeEvents(parser, outcome);
    }
    if (isEnded) {
      parser.finish();
      takeEvents(parser, outcome);
    }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    outcome.refusal = error.status;
  }
  return outcome;
}

function takeEvents(parser: RequestParser, outcome: Outcome): void {
  for (let event = parser.next(); event !== null; event = parser.next()) {
    switch (event.type) {
      case "head":
        outcome.partial = `${event.head.method} ${event.head.path} `;
        break;
      case "content":
        outcome.partial += toLatin1(event.data);
        break;
      case "end":
        outcome.requests.push(outcome.partial!);
        outcome.partial = null;
    }
  }
}
