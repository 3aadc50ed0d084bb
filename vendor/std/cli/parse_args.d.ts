// The part of jsr:@std/cli's parseArgs that is used: its options, and its result where the types
// of the flags are not worked out.
export interface ParseOptions {
  boolean?: string | ReadonlyArray<string>;
  string?: string | ReadonlyArray<string>;
  collect?: string | ReadonlyArray<string>;
  alias?: Partial<Record<string, string | ReadonlyArray<string>>>;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

// deno-lint-ignore no-explicit-any -- the official result, where no types of flags are worked out
export type Args = Record<string, any> & { _: Array<string | number> };

export declare function parseArgs(args: string[], options?: ParseOptions): Args;
