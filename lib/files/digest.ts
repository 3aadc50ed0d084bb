// Digests that an uploader sends along (RFC 9530): what comes in must be what was sent off.
// Content-Digest and Repr-Digest are the same here, since coded content is not stored.

import type { Fields } from "../http/fields.ts";
import { StatusError } from "../http/status.ts";

/** The algorithms that are checked; section 5 calls the others insecure, or they are unknown. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ["sha-256", "sha256"],
  ["sha-512", "sha512"],
]);

/** One digest that content is to have. */
interface Expectation {
  readonly hash: { update(bytes: Uint8Array): unknown; digest(encoding: "base64"): string };
  readonly digest: string;
}

/** Checks content against the digests that came with it. */
export class DigestCheck {
  readonly #expectations: readonly Expectation[];

  private constructor(expectations: readonly Expectation[]) {
    this.#expectations = expectations;
  }

  /**
   * The check that the fields of a request ask for.
   *
   * @throws {StatusError} 400 for a field that is malformed.
   */
  static async of(fields: Fields): Promise<DigestCheck> {
    const names = ["Content-Digest", "Repr-Digest"].filter((name) => fields.has(name));
    if (names.length === 0) return new DigestCheck([]);
    // Only uploads with a digest pay for loading these. The library: RFC 8941 whole, typed, alone.
    const [{ parseDictionary }, { createHash }] = await Promise.all([
      import("structured-headers"),
      import("node:crypto"),
    ]);
    const expected = names.flatMap((name) => digestsIn(fields.get(name)!, name, parseDictionary));
    return new DigestCheck(
      expected.map(([algorithm, digest]) => ({ hash: createHash(algorithm), digest })),
    );
  }

  /** Takes note of bytes of the content. */
  update(bytes: Uint8Array): void {
    for (const { hash } of this.#expectations) hash.update(bytes);
  }

  /** @throws {StatusError} 400 where the content has another digest. */
  verify(): void {
    if (this.#expectations.some(({ hash, digest }) => hash.digest("base64") !== digest)) {
      throw new StatusError(400, "The content does not have the digest that came with it.");
    }
  }
}

/** The digests in a field, of algorithms that are checked, in base64. */
function digestsIn(
  value: string,
  name: string,
  parse: (value: string) => Map<string, [unknown, unknown]>,
): [algorithm: string, digest: string][] {
  const malformed = new StatusError(400, `The field ${name} is malformed.`);
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
