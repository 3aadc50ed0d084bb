// Requests that arrive in one burst: responses are exact and in order for every mixture of
// handlers, and each has one exact record.

import { assertEquals } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { burst, KINDS, testPipeline } from "./bursts.ts";

function* permutations(names: readonly string[]): Generator<string[]> {
  if (names.length === 0) yield [];
  for (const name of names) {
    for (const rest of permutations(names.filter((each) => each !== name))) yield [name, ...rest];
  }
}

testPipeline(
  "Connection answers a burst of every kind in every order",
  async ({ records, errors, connect }) => {
    using client = await connect();
    const kinds = ["sync", "async", "streamed", "content", "missing"];
    for (const names of permutations(kinds)) await burst(client, records, names);
    assertEquals(errors, []);
  },
);

testPipeline("Connection answers any burst, byte for byte", async ({ records, connect }) => {
  using client = await connect();
  const small = Object.keys(KINDS).filter((name) => !name.includes("1024"));
  const names = fc.array(fc.constantFrom(...small), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(names, (names) => burst(client, records, names)),
    { numRuns: 80 },
  );
});

testPipeline(
  "Connection answers a burst of large and small responses",
  async ({ records, connect }) => {
    using client = await connect();
    for (const name of ["bytes16", "bytes100", "bytes1024", "text16", "text100", "text1024"]) {
      await burst(client, records, ["sync", name, "latin", "async", name, name, "streamed"]);
    }
  },
);

testPipeline(
  "Connection answers a thousand requests sent at once",
  async ({ records, connect }) => {
    using client = await connect();
    const names = Array.from({ length: 1000 }, (_, at) => at % 10 === 9 ? "both" : "sync");
    await burst(client, records, names);
  },
);
