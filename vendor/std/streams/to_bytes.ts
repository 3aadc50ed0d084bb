// Stands in for jsr:@std/streams where JSR cannot be reached: the same official
// code, from npm.
// @ts-types="./to_bytes.d.ts"
export { toBytes } from "npm:deno-std@1.4.0/streams/to_bytes.js";
