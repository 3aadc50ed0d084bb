// What each user may do where.

/** What may be done: nothing, reading, or reading and writing. */
export const MODES = ["none", "ro", "rw"] as const;

/** One of them. */
export type Mode = typeof MODES[number];

/** What a user may do with a path, and with what is below it. */
export interface Rule {
  /** The name of the user; `*` for all who have no rules of their own, signed in or not. */
  readonly user: string;
  readonly mode: Mode;
  /** The segments of the path. */
  readonly path: readonly string[];
}

/** Whether a password is needed for everything, or for writing. */
export type Scope = "all" | "write";

/** The segments of a name or a path: slashes at its ends count for nothing. */
export function segmentsOf(name: string): string[] {
  return name.split("/").filter((segment) => segment !== "");
}

/** What users may do. */
export class Access {
  readonly #rules: readonly Rule[];
  readonly #scope: Scope;

  constructor(rules: readonly Rule[], scope: Scope) {
    this.#rules = rules;
    this.#scope = scope;
  }

  /**
   * What a user may do with a name: by the rule with the longest path. Without a rule for it, users
   * who have rules may do nothing, and others everything.
   *
   * @param user The name, or null for a client that has not signed in.
   * @param isDeep Whether everything below is concerned as well: the least counts.
   */
  modeOf(user: string | null, name: string, isDeep: boolean): Mode {
    const own = this.#rules.filter((rule) => rule.user === user && user !== "*");
    const common = this.#rules.filter((rule) => rule.user === "*");
    const standard: Mode = own.length > 0
      ? "none"
      : user !== null
      ? "rw"
      : this.#scope === "write"
      ? "ro"
      : "none";
    const rules = own.length > 0 ? own : common;
    const path = segmentsOf(name);
    // On some disks, names in another case or normal form are the same file.
    const exact = modeBy(rules, path, { isDeep, standard, fold: (text) => text });
    const folded = modeBy(rules, path, { isDeep, standard, fold });
    return MODES.indexOf(exact) < MODES.indexOf(folded) ? exact : folded;
  }
}

interface Comparison {
  readonly isDeep: boolean;
  readonly standard: Mode;
  readonly fold: (text: string) => string;
}

function modeBy(
  rules: readonly Rule[],
  path: readonly string[],
  { isDeep, standard, fold }: Comparison,
): Mode {
  const begins = (long: readonly string[], short: readonly string[]) =>
    short.length <= long.length && short.every((each, at) => fold(each) === fold(long[at]!));
  const above = rules.filter((rule) => begins(path, rule.path));
  const longest = Math.max(...above.map((rule) => rule.path.length));
  const modes = above.filter((rule) => rule.path.length === longest).map(({ mode }) => mode);
  const here = modes.length > 0 ? least(modes) : standard;
  if (!isDeep) return here;
  return least([here, ...rules.filter((rule) => begins(rule.path, path)).map(({ mode }) => mode)]);
}

function least(modes: readonly Mode[]): Mode {
  return MODES.find((mode) => modes.includes(mode))!;
}

function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
