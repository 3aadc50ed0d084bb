// The addresses that the program names at its start.

import { assert, assertEquals } from "@std/assert";
import { addressesFor } from "../../lib/program/banner.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";

testWith(FOR_PROGRAM, "addressesFor() names this machine where multicast DNS knows it", () => {
  const options = { bind: "0.0.0.0", site: null };
  const name = Deno.hostname().toLowerCase().replace(/\.local$/, "");
  const url = `http://${name}.local:4221/`;
  const [known, unknown] = [true, false].map((each) =>
    addressesFor(options, "http://localhost:4221/", each)
  );
  assertEquals(known!.at(-1), url);
  assertEquals(unknown!.filter((each) => each.includes(".local:")), []);
  assertEquals(known!.slice(0, -1), unknown);
  assert(!unknown!.some((each) => each.includes("127.0.0.1")));
});

testWith(FOR_PROGRAM, "addressesFor() names nothing where only this machine can connect", () => {
  const options = { bind: "localhost", site: null };
  assertEquals(addressesFor(options, "http://localhost:4221/", true), []);
});
