// Whether a name and a password belong together. The answer takes as long for a name that does not
// exist. Right answers are remembered, so that a hash is not computed for each request.

import type { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto"; // synchronous, unlike crypto.subtle
import { LRUCache } from "lru-cache";
import { StatusError } from "../http/status.ts";
import type { Credentials } from "../middleware/basic_auth.ts";
import type { HashReply } from "./hash_worker.ts";
import { isHash, type User } from "./users.ts";

/** Right answers that are remembered. */
const MAX_REMEMBERED = 1000;

/** Comparisons that wait for the worker: 64 of bcrypt are some seconds. */
const MAX_WAITING = 64;

/** Milliseconds without work after which the worker ends. */
const IDLE_TIMEOUT = 10_000;

/** Checks passwords. */
export class Passwords {
  #users: ReadonlyMap<string, string> = new Map();
  /** Secrets that stand for those of names that do not exist. */
  #decoys: readonly string[] = [];
  readonly #key = crypto.getRandomValues(new Uint8Array(32));
  readonly #remembered = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #hashing = new HashThread();

  constructor(users: readonly User[]) {
    this.replace(users);
  }

  /** Forgets all users and answers, and knows these users from now on. */
  replace(users: readonly User[]): void {
    this.#users = new Map(users.map(({ name, secret }) => [name, secret]));
    this.#decoys = users.map(({ secret }) => isHash(secret) ? secret : crypto.randomUUID());
    this.#remembered.clear();
    this.#underWay.clear();
  }

  /** Whether these were right before. */
  remembers(given: Credentials): boolean {
    return this.#remembered.has(this.#digest(given));
  }

  /** The answer that is under way, or null. */
  pending(given: Credentials): Promise<boolean> | null {
    return this.#underWay.get(this.#digest(given)) ?? null;
  }

  /** Whether name and password belong together. @throws {StatusError} 503 where too many ask. */
  async check(given: Credentials): Promise<boolean> {
    const digest = this.#digest(given);
    const users = this.#users;
    const answer = this.#compare(given);
    this.#underWay.set(digest, answer);
    try {
      const isRight = await answer;
      if (isRight && users === this.#users) this.#remembered.set(digest, true);
      return isRight && users === this.#users;
    } finally {
      if (this.#underWay.get(digest) === answer) this.#underWay.delete(digest);
    }
  }

  async #compare({ user, password }: Credentials): Promise<boolean> {
    const known = this.#users.get(user);
    const secret = known ?? this.#decoyFor(user);
    const isSame = isHash(secret)
      ? await this.#hashing.isSame(password, secret)
      : timingSafeEqual(sha256(secret), sha256(password));
    return isSame && known !== undefined;
  }

  /** The same one for the same name: an unknown user costs what some user costs. */
  #decoyFor(user: string): string {
    const index = createHmac("sha256", this.#key).update(user).digest().readUInt32BE(0);
    return this.#decoys[index % this.#decoys.length] ?? "";
  }

  /** Ends the thread. */
  close(): void {
    this.#hashing.end();
  }

  #digest({ user, password }: Credentials): string {
    return createHmac("sha256", this.#key).update(`${user}:${password}`).digest("base64");
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** The thread that computes hashes, while there are any to compute. */
class HashThread {
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, PromiseWithResolvers<boolean>>();
  #lastId = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  isSame(password: string, hash: string): Promise<boolean> {
    if (this.#waiting.size >= MAX_WAITING) {
      const retry = { "Retry-After": "1" };
      throw new StatusError(503, "Too many sign in at the moment: try again.", retry);
    }
    clearTimeout(this.#idleTimer);
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<boolean>();
    this.#waiting.set(id, answer);
    (this.#worker ??= this.#start()).postMessage({ id, password, hash });
    return answer.promise;
  }

  #start(): Worker {
    const entry = new URL("./hash_worker.ts", import.meta.url);
    const worker = new Worker(entry, { type: "module", name: "passwords" });
    worker.onmessage = ({ data: { id, isSame } }: MessageEvent<HashReply>) => {
      this.#waiting.get(id)?.resolve(isSame);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) {
        this.#idleTimer = setTimeout(() => this.end(), IDLE_TIMEOUT);
        Deno.unrefTimer(this.#idleTimer as unknown as number);
      }
    };
    worker.onerror = (event) => {
      event.preventDefault(); // or Deno would end the program
      this.end(new Error(`Passwords cannot be compared: ${event.message}`));
    };
    return worker;
  }

  end(problem = new Error("The thread has ended")): void {
    clearTimeout(this.#idleTimer);
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(problem);
    this.#waiting.clear();
  }
}
