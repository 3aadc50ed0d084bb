// Runs the parser over octets, cut as the caller likes, and tells what it made of them.

import type { MessageLimits } from "../../lib/http/limits.ts";
import { RequestParser } from "../../lib/http/parser.ts";
import { StatusError } from "../../lib/http/status.ts";
import { toLatin1 } from "../support/raw_client.ts";

/** What came of some octets: the same however they were cut. */
export interface Outcome {
  /** Method, path and content of each whole request. */
  readonly requests: string[];
  /** A request whose end has not come: what there is of it. */
  partial: string | null;
  /** The status of the error that ended it. */
  refusal: number | null;
}

/**
 * Parses octets that arrive in pieces.
 *
 * @param isEnded Whether the peer ends its side behind them.
 * @throws whatever is not a StatusError: nothing else may come out of the parser.
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
      drain(parser, outcome);
    }
    if (isEnded) {
      parser.finish();
      drain(parser, outcome);
    }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    outcome.refusal = error.status;
  }
  return outcome;
}

function drain(parser: RequestParser, outcome: Outcome): void {
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
