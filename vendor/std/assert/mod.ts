// Stands in for jsr:@std/assert where JSR cannot be reached: the same official
// code, from npm. Only what the tests use is named.
// @ts-types="./mod.d.ts"
export {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "npm:deno-std@1.4.0/assert/mod.js";
