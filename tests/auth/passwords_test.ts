import { assert, assertEquals, assertThrows } from "@std/assert";
import { argon2id, bcrypt } from "hash-wasm";
import { Attempts } from "../../lib/auth/attempts.ts";
import { Passwords } from "../../lib/auth/passwords.ts";
import { isHash, isUserName, parseUsers } from "../../lib/auth/users.ts";
import { StatusError } from "../../lib/http/status.ts";
import { testWith } from "../support/needs.ts";

const salt = new Uint8Array(16).fill(7);
const BCRYPT = (await bcrypt({ password: "pässword", salt, costFactor: 4, outputType: "encoded" }))
  .replace("$2a$", "$2y$"); // as htpasswd writes it
const ARGON2 = await argon2id({
  ...{ password: "other", salt, parallelism: 1, iterations: 1, memorySize: 64, hashLength: 32 },
  outputType: "encoded",
});

Deno.test("parseUsers() reads what htpasswd writes, and refuses other hashes by their line", () => {
  assertEquals(parseUsers(`# users\n\na b:${BCRYPT}\r\n c:${ARGON2}\nc:${BCRYPT}\n`), [
    { name: "a b", secret: BCRYPT },
    { name: "c", secret: ARGON2 },
  ]);
  for (
    const line of ["a:$apr1$x$y", "a:{SHA}x", "a:plain", "a", `:${BCRYPT}`, `a\t:${BCRYPT}`, "a:"]
  ) {
    const { message } = assertThrows(() => parseUsers(`\n${line}`), RangeError, "line 2 is not");
    assert(!message.includes("plain"));
  }
});

Deno.test("isHash() and isUserName() take what they should", () => {
  for (const hash of [BCRYPT, ARGON2]) assert(isHash(hash));
  for (const text of ["", "$2y$10$short", "password", `${BCRYPT}x`]) assert(!isHash(text));
  for (const name of ["a", "a b", "ü", "a@b"]) assert(isUserName(name));
  for (const name of ["", "a:b", "a\n", "\u202ea", "a".repeat(256)]) assert(!isUserName(name));
});

/** Right and wrong answers. */
const ANSWERS: [user: string, password: string, isRight: boolean][] = [
  ["plain", "secret", true],
  ["plain", "Secret", false],
  ["plain", "", false],
  ["bcrypt", "pässword", true],
  ["bcrypt", "password", false],
  ["bcrypt", "", false],
  ["bcrypt", "a".repeat(100), false],
  ["bcrypt", BCRYPT, false],
  ["argon2", "other", true],
  ["argon2", "secret", false],
  ["nobody", "secret", false],
  ["nobody", "other", false],
  ["", "", false],
  ["__proto__", "secret", false],
  ["plain:secret", "", false],
];

testWith(["read"], "check() knows right from wrong, also from memory", async () => {
  const users = [
    { name: "plain", secret: "secret" },
    { name: "bcrypt", secret: BCRYPT },
    { name: "argon2", secret: ARGON2 },
  ];
  const passwords = new Passwords(users);
  try {
    for (let round = 0; round < 2; round++) {
      for (const [user, password, isRight] of ANSWERS) {
        const given = { user, password };
        assertEquals(await passwords.check(given), isRight, `${user} ${password}`);
        assertEquals(passwords.remembers(given), isRight);
      }
    }
    passwords.replace([{ name: "plain", secret: "new" }]);
    assert(!passwords.remembers({ user: "plain", password: "secret" }));
    assertEquals(await passwords.check({ user: "plain", password: "secret" }), false);
    assertEquals(await passwords.check({ user: "bcrypt", password: "pässword" }), false);
    assertEquals(await passwords.check({ user: "plain", password: "new" }), true);
  } finally {
    passwords.close();
  }
});

testWith(["read"], "check() does not count an answer that is late for another list", async () => {
  const passwords = new Passwords([{ name: "a", secret: BCRYPT }]);
  const given = { user: "a", password: "pässword" };
  const late = passwords.check(given);
  passwords.replace([{ name: "b", secret: "b" }]);
  assertEquals(await late, false);
  assert(!passwords.remembers(given));
  passwords.close();
});

testWith(["read"], "check() answers 503 where too many wait", async () => {
  const passwords = new Passwords([{ name: "a", secret: BCRYPT }]);
  const given = (index: number) => ({ user: "a", password: String(index) });
  const outcomes = await Promise.all(
    Array.from(
      { length: 80 },
      (_, index) => passwords.check(given(index)).catch((error: StatusError) => error.status),
    ),
  );
  assertEquals(outcomes.filter((each) => each === false).length, 64);
  assertEquals(outcomes.filter((each) => each === 503).length, 16);
  passwords.close();
});

Deno.test("Attempts lets a client try a few times, and then less and less often", () => {
  let now = 0;
  const attempts = new Attempts(() => now);
  const fail = () => {
    attempts.begin("a");
    attempts.end("a", false);
  };
  const waitOf = () =>
    Number(assertThrows(() => attempts.begin("a"), StatusError).fields["Retry-After"]);
  for (let count = 0; count < 5; count++) fail();
  const waits: number[] = [];
  for (let count = 0; count < 11; count++) {
    waits.push(waitOf());
    attempts.begin("b"); // Another client is not concerned.
    attempts.end("b", true);
    now += waits.at(-1)! * 1000;
    fail();
  }
  assertEquals(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  now += 900_001;
  for (let count = 0; count < 5; count++) fail(); // All is forgotten.
  assertEquals(waitOf(), 1);
});

Deno.test("Attempts counts those that are under way", () => {
  const attempts = new Attempts(() => 0);
  for (let count = 0; count < 5; count++) attempts.begin("a");
  assertThrows(() => attempts.begin("a"), StatusError, "wait a moment");
  for (let count = 0; count < 5; count++) attempts.end("a", true);
  attempts.begin("a");
  attempts.end("unknown", false);
});
