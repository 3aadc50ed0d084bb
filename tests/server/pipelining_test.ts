// Requests that arrive in one burst: every response exact and in its place, whatever kinds of
// handlers are mixed, and one exact record of each.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { burst, KINDS, testPipeline } from "./bursts.ts";

function* permutations(names: readonly string[]): Generator<string[]> {
  if (names.length === 0) yield [];
  for (const name of names) {
    for (const rest of permutations(names.filter((each) => each !== name))) yield [name, ...rest];
  }
}

testPipeline("Connection answers a burst of every kind in every order", async (bench) => {
  using client = await bench.connect();
  const kinds = ["sync", "async", "streamed", "content", "missing"];
  for (const names of permutations(kinds)) await burst(client, bench.records, names);
  assertEquals(bench.errors, []);
});

testPipeline("Connection answers any burst, byte for byte", async (bench) => {
  using client = await bench.connect();
  const small = Object.keys(KINDS).filter((name) => !name.includes("1024"));
  const names = fc.array(fc.constantFrom(...small), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(names, (names) => burst(client, bench.records, names)),
    { numRuns: 80 },
  );
});

testPipeline("Connection answers with much amid little", async (bench) => {
  using client = await bench.connect();
  for (const name of ["bytes16", "bytes100", "bytes1024", "text16", "text100", "text1024"]) {
    await burst(client, bench.records, ["sync", name, "latin", "async", name, name, "streamed"]);
  }
});

testPipeline("Connection answers a thousand requests sent at once", async (bench) => {
  using client = await bench.connect();
  const names = Array.from({ length: 1000 }, (_, at) => at % 10 === 9 ? "both" : "sync");
  await burst(client, bench.records, names);
});
