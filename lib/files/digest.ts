// Digests of uploads (RFC 9530). Content-Digest and Repr-Digest are the same here, since content
// in a coding is not stored.

import type { Fields } from "../http/fields.ts";
import { StatusError } from "../http/status.ts";

/** The algorithms that are checked. Section 5 calls the others insecure, or they are unknown. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ["sha-256", "sha256"],
  ["sha-512", "sha512"],
]);

interface Expectation {
  readonly hash: { update(bytes: Uint8Array): unknown; digest(encoding: "base64"): string };
  readonly digest: string;
}

/** Checks content against the digests in the fields of its request. */
export class DigestCheck {
  readonly #expectations: readonly Expectation[];

  private constructor(expectations: readonly Expectation[]) {
    this.#expectations = expectations;
  }

  /** @throws {StatusError} 400 for a malformed field. */
  static async of(fields: Fields): Promise<DigestCheck> {
    const names = ["Content-Digest", "Repr-Digest"].filter((name) => fields.has(name));
    if (names.length === 0) return new DigestCheck([]);
    // Loaded for uploads with a digest only. The package covers all of RFC 8941.
    const [{ parseDictionary }, { createHash }] = await Promise.all([
      import("structured-headers"),
      import("node:crypto"),
    ]);
    const expected = names.flatMap((name) => digestsIn(fields.get(name)!, name, parseDictionary));
    return new DigestCheck(
      expected.map(([algorithm, digest]) => ({ hash: createHash(algorithm), digest })),
    );
  }

  /** Adds the next bytes of the content. */
  update(bytes: Uint8Array): void {
    for (const { hash } of this.#expectations) hash.update(bytes);
  }

  /** @throws {StatusError} 400 where a digest differs. */
  verify(): void {
    if (this.#expectations.some(({ hash, digest }) => hash.digest("base64") !== digest)) {
      throw new StatusError(400, "The content does not match the digest that came with it.");
    }
  }
}

/** The digests in a field whose algorithm is checked, in base64. */
function digestsIn(
  value: string,
  name: string,
  parse: (value: string) => Map<string, [unknown, unknown]>,
): [algorithm: string, digest: string][] {
  const malformed = new StatusError(400, `The header ${name} is malformed.`);
  let members: Map<string, [unknown, unknown]>;
  try {
    members = parse(value);
  } catch {
    throw malformed;
  }
  const digests: [string, string][] = [];
  for (const [key, [item]] of members) {
    const algorithm = ALGORITHMS.get(key);
    if (algorithm === undefined) continue;
    if (!(item instanceof ArrayBuffer)) throw malformed;
    digests.push([algorithm, new Uint8Array(item).toBase64()]);
  }
  return digests;
}
