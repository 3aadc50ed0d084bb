// Stands in for jsr:@std/cli where JSR cannot be reached: the same official
// code, from npm.
// @ts-types="./parse_args.d.ts"
export { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
