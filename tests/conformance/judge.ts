// From what a server has done to a verdict: the outcome in the words of the wire cases, and
// whether the RFC allows it.

import type { Allowed, Answer, Fate, Level, WireCase } from "../wire/case.ts";
import type { Observed } from "./exchange.ts";

/** What has become of the request that a case is about. */
export interface Outcome {
  /** `split`: more responses came than requests were sent. It is never allowed. */
  readonly answer: Answer | "split";
  /** The status of its response, or null without one. */
  readonly status: number | null;
  readonly fate: Fate;
  readonly isReset: boolean;
}

/** A case that has been run. */
export interface Judged {
  readonly name: string;
  /** As the documents of the RFCs have it: "RFC 9112 2.2". */
  readonly section: string;
  readonly level: Level;
  readonly allowed: readonly Allowed[];
  /** Null where a case was skipped. */
  readonly outcome: Outcome | null;
  readonly verdict: "pass" | "fail" | "skip";
}

/**
 * Statuses of requests that were understood as messages: an application has answered. 501 is none
 * of them, since it also answers a transfer coding.
 */
const APPLICATION = [401, 402, 403, 404, 405, 406, 407, 409, 410, 412, 415, 416, 422, 429];

function isRejection(status: number): boolean {
  return status >= 400 && !APPLICATION.includes(status);
}

/** The number of responses to the octets of a case, as far as they are answered one by one. */
export function responsesTo({ requests, refusal }: WireCase): number {
  return requests.length + (refusal === null ? 0 : 1);
}

/** The outcome of a case, in the words of its table. */
export function outcomeOf(row: WireCase, observed: Observed): Outcome {
  const { statuses, fate, isOther, isReset } = observed;
  const responses = responsesTo(row);
  const own = statuses.slice(0, responses);
  const rejected = own.findIndex(isRejection);
  const status = own.at(rejected < 0 ? -1 : rejected) ?? null;
  const answer = (): Outcome["answer"] => {
    if (isOther && own.length < responses) return "other";
    if (rejected >= 0) return row.refusal === null && rejected > 0 ? "late reject" : "reject";
    if (own.length === 0) return "none";
    // A good request was answered, and the one that the case is about was not.
    if (row.refusal !== null && own.length < responses) return "none";
    // The probe has a response of its own.
    return row.refusal === null && statuses.length > responses + 1 ? "split" : "accept";
  };
  return { answer: answer(), status, fate, isReset };
}

/** Whether an outcome is one of those that the RFC allows. */
export function isAllowed(outcome: Outcome, allowed: readonly Allowed[]): boolean {
  return allowed.some((each) => {
    const [, answer = "", fate] = /^(.*?)(?: (keep|close|open))?$/.exec(each) ?? [];
    return matches(outcome, answer) && (fate === undefined || fate === outcome.fate);
  });
}

function matches({ answer, status }: Outcome, wanted: string): boolean {
  if (answer === "split") return false;
  if (wanted === "4xx") return answer === "reject" && status! < 500;
  return /^[0-9]/.test(wanted) ? status === Number(wanted) : answer === wanted;
}

/** The section of a case, by its name. Octets that are not HTTP at all belong to section 2.2. */
export function sectionOf({ name }: WireCase): string {
  const [, rfc = "9112", section] = /^(?:(9110) )?([0-9]+(?:\.[0-9]+)*) /.exec(name) ?? [];
  return `RFC ${rfc} ${section ?? "2.2"}`;
}

/** The verdict on a case, or its being skipped. */
export function judge(row: WireCase, observed: Observed | null): Judged {
  const { name, level, allowed } = row;
  const outcome = observed === null ? null : outcomeOf(row, observed);
  const verdict = outcome === null ? "skip" : isAllowed(outcome, allowed) ? "pass" : "fail";
  return { name, section: sectionOf(row), level, allowed, outcome, verdict };
}
