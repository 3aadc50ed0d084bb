// Compares passwords with hashes, in a thread of its own: bcrypt and Argon2 take a tenth of a second.

import { argon2Verify, bcryptVerify } from "hash-wasm"; // both, in WebAssembly, typed, depends on none

/** A password to compare. */
export interface HashCommand {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

/** Whether it is the one of the hash. */
export interface HashReply {
  readonly id: number;
  readonly isSame: boolean;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<HashCommand>) => void;
  postMessage(reply: HashReply): void;
};

scope.onmessage = async ({ data: { id, password, hash } }) => {
  let isSame = false;
  try {
    const verify = hash.startsWith("$argon2") ? argon2Verify : bcryptVerify;
    isSame = await verify({ password, hash });
  } catch {
    // A password that is empty or too long for the algorithm is nobody's.
  }
  scope.postMessage({ id, isSame });
};
