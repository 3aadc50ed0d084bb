// The two tables of docs/storage.md that say what happens when a system call fails.

import { assert } from "@std/assert";
import { type Call, CALLS, type ErrorName, ERRORS } from "./shim.ts";
import type { Operation } from "./operations.ts";

/** What becomes of a request: a status in digits, or one of these. */
export type Outcome = "as usual" | "aborted" | string;

interface Exception {
  readonly calls: readonly string[];
  readonly kinds: readonly string[];
  readonly errors: readonly string[];
  readonly outcomes: readonly Outcome[];
}

/** The rows of the table in a document whose header begins with a word. */
function rowsOf(document: string, header: string): string[][] {
  const lines = document.split("\n");
  const start = lines.findIndex((line) => new RegExp(`^\\| ${header} +\\|`).test(line));
  assert(start >= 0, `There is no table of ${header}`);
  const end = lines.findIndex((line, at) => at > start && !line.startsWith("|"));
  return lines.slice(start + 2, end).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

function listIn(cell: string, all: readonly string[]): string[] {
  const [, but] = /^all(?: but `(\w+)`)?$/.exec(cell) ?? [];
  if (cell.startsWith("all")) return all.filter((each) => each !== but);
  return cell.replaceAll("`", "").split(", ");
}

function quotedIn(cell: string): string[] {
  return [...cell.matchAll(/"([^"]+)"/g)].map(([, sentence]) => `${sentence}\n`);
}

const KINDS = ["GET", "listing", "upload", "DELETE", "cached file", ".br"];

/** What the document says. */
export class FaultTables {
  readonly #statuses = new Map<string, { reading: Outcome; writing: Outcome }>();
  readonly #exceptions: Exception[] = [];
  /** The sentences of responses, as they are sent. */
  readonly sentences: ReadonlySet<string>;
  readonly #used = new Set<unknown>();

  constructor(document: string) {
    const sentences: string[] = [];
    for (const [errors, reading, writing, text] of rowsOf(document, "error")) {
      const toOutcome = (cell: string) => cell === "none" ? "as usual" : cell;
      const statuses = { reading: toOutcome(reading!), writing: toOutcome(writing!) };
      for (const error of listIn(errors!, [])) this.#statuses.set(error, statuses);
      sentences.push(...quotedIn(text!));
    }
    for (const [calls, kinds, errors, outcomes, why] of rowsOf(document, "call")) {
      sentences.push(...quotedIn(why!));
      this.#exceptions.push({
        calls: listIn(calls!, CALLS),
        kinds: listIn(kinds!, KINDS),
        errors: listIn(errors!, Object.keys(ERRORS)),
        outcomes: outcomes!.split(", "),
      });
    }
    this.sentences = new Set(sentences);
  }

  /** What may become of a request, and at the same time that what is expected has been seen. */
  allows(
    { kind, special }: Operation,
    { call, error }: { call: Call; error: ErrorName },
    outcome: Outcome,
  ): boolean {
    const statuses = this.#statuses.get(error)!;
    if (outcome === statuses[kind === "upload" ? "writing" : "reading"]) {
      this.#used.add(statuses);
      return true;
    }
    const found = this.#exceptions.filter(({ calls, kinds, errors, outcomes }) =>
      calls.includes(call) && kinds.some((each) => each === kind || each === special) &&
      errors.includes(error) && outcomes.includes(outcome)
    );
    for (const exception of found) this.#used.add(exception);
    return found.length > 0;
  }

  /** Rows that nothing that has happened has needed. */
  get unused(): unknown[] {
    const all = [...new Set(this.#statuses.values()), ...this.#exceptions];
    return all.filter((row) => !this.#used.has(row));
  }
}
